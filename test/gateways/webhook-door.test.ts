import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { bodyBytesMax } from '../../src/http/answer.ts'
import { type HttpServer, listen } from '../../src/http/server.ts'
import type { Accepted } from '../../src/intake/telegram-webhook.ts'
import { createClock } from '../../src/kit/clock.ts'
import { until } from '../fixtures/person.ts'
import { createTelling } from '../fixtures/telling.ts'

/** The webhook's door as a client on a bare socket meets it. */
const clock = createClock()
type Ask = {
  readonly path?: string
  readonly version?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

async function open(
  t: TestContext,
  more: { readonly accepted?: () => Promise<Accepted>; readonly withinMs?: number } = {},
) {
  const telling = createTelling(clock)
  const nothing = () => {
    throw new Error('nobody asks for this')
  }
  const server = await listen(
    {
      callbackPath: 'callbacks',
      health: nothing,
      liveness: () => ({ ok: true, status: 'active', mode: 'webhook', ready: true, instance: 'door0001' }),
      canStore: () => true,
      metrics: nothing,
      ...(more.withinMs === undefined ? {} : { requestWithinMs: more.withinMs }),
      clock,
      telemetry: telling.telemetry,
    },
    { address: '127.0.0.1', port: 0 },
  )
  const bodies: string[] = []
  server.open({
    webhook: {
      check: (path, token) => (path !== 'path' ? 'wrong_path' : token !== 'token' ? 'wrong_token' : 'right'),
    },
    async accept(body) {
      bodies.push(body)
      return (await more.accepted?.()) ?? { kind: 'accepted' }
    },
    handleCallback: nothing,
  })
  t.after(() => server.close())
  return { server, bodies, telling }
}

async function line(t: TestContext, server: HttpServer) {
  const socket = connect(server.port, '127.0.0.1')
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  let received = ''
  let isOver = false
  socket.setEncoding('latin1').on('data', (text: string) => {
    received += text
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    isOver = true
  })
  return {
    socket,
    send: (ask: Ask) => void socket.write(headOf(ask) + (ask.body ?? '{"update_id":1}')),
    /** The statuses of all answers so far, once there are so many. */
    async statuses(count: number): Promise<readonly number[]> {
      const all = () => [...received.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status))
      await until(() => all().length >= count, `${count} answers, after ${received}`)
      return all()
    },
    received: () => received,
    over: () => until(() => isOver, 'the connection is closed'),
    isOver: () => isOver,
  }
}

function headOf({ path = 'path', version = '1.1', headers = {}, body = '{"update_id":1}' }: Ask): string {
  const all = {
    host: 'x',
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    'x-telegram-bot-api-secret-token': 'token',
    ...headers,
  }
  const lines = Object.entries(all).flatMap(([name, value]) => (value === '' ? [] : [`${name}: ${value}`]))
  return `POST /webhook/${path} HTTP/${version}\r\n${lines.join('\r\n')}\r\n\r\n`
}
const writeHead = (socket: Socket, ask: Ask) => void socket.write(headOf(ask))

describe('the webhook’s door', () => {
  it('keeps the connection after an answer of every kind, and the next request on it is served', async (t) => {
    const { server, bodies } = await open(t)
    const { send, statuses, isOver } = await line(t, server)
    send({ path: 'another' })
    send({ headers: { 'x-telegram-bot-api-secret-token': 'another' } })
    send({ headers: { 'content-type': 'text/plain' } })
    send({ body: '{"update_id":2}' })
    send({ path: 'path?query=1', headers: { 'content-type': 'Application/JSON ; charset=utf-8' } })
    assert.deepEqual(await statuses(5), [404, 403, 415, 200, 200])
    assert.deepEqual(bodies, ['{"update_id":2}', '{"update_id":1}'])
    assert.equal(isOver(), false)
  })

  it('answers a body that is announced as too large before any of it, and closes the connection', async (t) => {
    const { server, bodies } = await open(t)
    const { socket, statuses, over } = await line(t, server)
    writeHead(socket, { headers: { 'content-length': String(bodyBytesMax + 1) } })
    assert.deepEqual(await statuses(1), [413])
    await over()
    assert.deepEqual(bodies, [])
  })

  it('takes a body of the largest size, and answers one that grows beyond it', async (t) => {
    const { server, bodies } = await open(t)
    const chunked = { 'content-length': '', 'transfer-encoding': 'chunked' }
    const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`
    const fits = await line(t, server)
    writeHead(fits.socket, { headers: chunked })
    fits.socket.write(`${chunk('x'.repeat(bodyBytesMax - 1))}${chunk('y')}0\r\n\r\n`)
    assert.deepEqual(await fits.statuses(1), [200])
    assert.equal(bodies[0]?.length, bodyBytesMax)
    const grows = await line(t, server)
    writeHead(grows.socket, { headers: chunked })
    grows.socket.write(`${chunk('x'.repeat(bodyBytesMax))}${chunk('y')}`)
    assert.deepEqual(await grows.statuses(1), [413])
    await grows.over()
    assert.equal(bodies.length, 1)
  })

  it('puts a body together that comes in pieces, also within a symbol', async (t) => {
    const { server, bodies } = await open(t)
    const { socket, statuses } = await line(t, server)
    const body = '{"update_id":1,"text":"плюс 🎨"}'
    writeHead(socket, { body })
    for (const byte of Buffer.from(body)) {
      socket.write(Buffer.of(byte))
      await new Promise(setImmediate)
    }
    assert.deepEqual(await statuses(1), [200])
    assert.deepEqual(bodies, [body])
  })

  it('forgets a client that goes away in the middle of its body, or before it is answered', async (t) => {
    const asked = Promise.withResolvers<void>()
    const accepted = Promise.withResolvers<Accepted>()
    const { server, bodies, telling } = await open(t, {
      accepted: () => {
        asked.resolve()
        return accepted.promise
      },
    })
    const half = await line(t, server)
    writeHead(half.socket, { body: '{"update_id":1}' })
    half.socket.write('{"upd')
    half.socket.destroy()
    const whole = await line(t, server)
    whole.send({ body: '{"update_id":2}' })
    await asked.promise
    whole.socket.resetAndDestroy()
    await whole.over()
    accepted.resolve({ kind: 'accepted' })
    const next = await line(t, server)
    next.send({ body: '{"update_id":3}' })
    assert.deepEqual(await next.statuses(1), [200])
    assert.deepEqual(bodies, ['{"update_id":2}', '{"update_id":3}'])
    assert.deepEqual(telling.fieldsOf('EXCEPTION_CAUGHT'), [])
  })

  it('cuts off a body that dribbles', async (t) => {
    const { server, bodies } = await open(t, { withinMs: 120 })
    const { socket, statuses, over } = await line(t, server)
    writeHead(socket, { body: '{"update_id":1}' })
    socket.write('{')
    assert.deepEqual(await statuses(1), [408])
    await over()
    assert.deepEqual(bodies, [])
  })

  it('answers HTTP/1.0, and keeps no connection of it', async (t) => {
    const { server } = await open(t)
    const { send, statuses, over, received } = await line(t, server)
    send({ version: '1.0' })
    assert.deepEqual(await statuses(1), [200])
    await over()
    assert.match(received(), /\r\ncontent-length: 11\r\n[\s\S]*\r\n\r\n\{"ok":true\}$/i)
  })

  it('asks for a body that waits to be asked for, of nobody who is refused', async (t) => {
    const { server } = await open(t)
    const waits = { expect: '100-continue' }
    const stranger = await line(t, server)
    writeHead(stranger.socket, { path: 'another', headers: waits })
    assert.deepEqual(await stranger.statuses(1), [404])
    const telegram = await line(t, server)
    writeHead(telegram.socket, { headers: waits })
    assert.deepEqual(await telegram.statuses(1), [100])
    telegram.socket.write('{"update_id":1}')
    assert.deepEqual(await telegram.statuses(2), [100, 200])
    const probe = await line(t, server)
    probe.socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n\r\n')
    assert.deepEqual(await probe.statuses(2), [100, 200])
  })

  it('answers 500 and tells it when what is behind it breaks', async (t) => {
    const { server, telling } = await open(t, { accepted: () => Promise.reject(new Error('a bug')) })
    const { send, statuses } = await line(t, server)
    send({})
    assert.deepEqual(await statuses(1), [500])
    assert.equal(telling.fieldsOf('EXCEPTION_CAUGHT')[0]?.['error_message'], 'a bug')
  })

  it('puts off a request whose head ends only after the close began', async (t) => {
    const { server, bodies } = await open(t)
    const { socket, statuses, received, over } = await line(t, server)
    const head = headOf({})
    socket.write(head.slice(0, 40))
    // Another client is served meanwhile, so the server has seen the half of the head.
    const other = await line(t, server)
    other.send({})
    await other.statuses(1)
    const closed = server.close()
    socket.write(`${head.slice(40)}{"update_id":1}`)
    assert.deepEqual(await statuses(1), [503])
    assert.match(received(), /retry-after: 1\r\n/i)
    assert.match(received(), /connection: close\r\n/i)
    await over()
    await closed
    assert.equal(bodies.length, 1)
  })
})
