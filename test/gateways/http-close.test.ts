import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { listen } from '../../src/http/server.ts'
import type { Accepted } from '../../src/intake/telegram-webhook.ts'
import { createClock } from '../../src/kit/clock.ts'
import { createTelemetry } from '../../src/telemetry/telemetry.ts'

/** The server on a port of its own; `accept` is answered when the test says so, and time passes when it says so. */
async function open(t: TestContext) {
  const accepted = Promise.withResolvers<Accepted>()
  const asked = Promise.withResolvers<void>()
  const alarms: (() => void)[] = []
  const after = (_ms: number, run: () => void) => {
    alarms.push(run)
    return () => {}
  }
  const clock = { ...createClock(), after }
  const telemetry = createTelemetry({ clock, redact: (text) => text, write: () => {}, format: 'text', level: 'error' })
  const nothing = () => {
    throw new Error('nobody asks for this')
  }
  const http = await listen(
    {
      callbackPath: 'callbacks',
      health: nothing,
      liveness: nothing,
      canStore: () => true,
      metrics: nothing,
      clock,
      telemetry,
    },
    { address: '127.0.0.1', port: 0 },
  )
  http.open({
    webhook: { check: () => 'right' },
    accept: () => {
      asked.resolve()
      return accepted.promise
    },
    handleCallback: nothing,
  })
  t.after(() => http.close())
  return { http, accepted, asked: asked.promise, passTime: () => alarms.splice(0).forEach((run) => void run()) }
}

test('a request that is under way when the close begins is answered, and its connection is not kept', async (t) => {
  const { http, accepted, asked } = await open(t)
  const agent = new Agent({ keepAlive: true })
  t.after(() => agent.destroy())
  const headers = { 'content-type': 'application/json', 'x-telegram-bot-api-secret-token': 'secret' }
  const sent = request({ port: http.port, path: '/webhook/path', method: 'POST', agent, headers }).end('{}')
  await asked
  const closed = http.close()
  accepted.resolve({ kind: 'accepted' })
  const [answer] = await once(sent, 'response')
  assert.equal(answer.statusCode, 200)
  assert.equal(answer.headers.connection, 'close')
  answer.resume()
  await closed
})

test('a client that never ends its request is not waited for', async (t) => {
  const { http, passTime } = await open(t)
  const socket = connect(http.port, '127.0.0.1')
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  socket.write('POST /webhook/path HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n')
  socket.write('x-telegram-bot-api-secret-token: secret\r\nexpect: 100-continue\r\n\r\n')
  // The server has seen the request when it asks for the rest of it.
  await once(socket, 'data')
  const closed = http.close()
  passTime()
  await closed
})
