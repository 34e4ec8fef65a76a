import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, describe, it } from 'node:test'
import { createOrderReferences } from '../../src/generation/order-reference.ts'
import { createHealth, type Figures } from '../../src/health/health.ts'
import { type Doors, type HttpDeps, type HttpServer, listen } from '../../src/http/server.ts'
import { createFastLane } from '../../src/intake/fast-lane.ts'
import { createKieCallback } from '../../src/intake/kie-callback.ts'
import { createTelegramIntake } from '../../src/intake/telegram-webhook.ts'
import { createCallbackSignature } from '../../src/kie/callback-signature.ts'
import { createClock, instant } from '../../src/kit/clock.ts'
import { botId, cid, instanceId, newCid, newOrderId, newTopUpId, personId, type TopUpId } from '../../src/kit/ids.ts'
import type { Role } from '../../src/lifecycle/lifecycle.ts'
import { kopecks, stars } from '../../src/money/amount.ts'
import { shopDay } from '../../src/money/shop-day.ts'
import { createPostgresErrands } from '../../src/storage/postgres/errands.ts'
import { sqlOf } from '../../src/storage/postgres/store.ts'
import { createPostgresTopUps } from '../../src/storage/postgres/top-ups.ts'
import { peekUpdate } from '../../src/telegram/parse-update.ts'
import { createTestClock } from '../fixtures/clock.ts'
import { openStorage } from '../fixtures/storage.ts'
import { createTelling } from '../fixtures/telling.ts'
import { storesInto } from './taking.ts'

/** The doors with everything real behind them but the service as a whole: server, intake, inbox, database. */
const storage = await openStorage()
const { database, inbox, store, permit } = storage
const clock = createClock()
const telling = createTelling(clock)
const { telemetry } = telling
const secret = { path: 'a-secret-path', token: 'a-secret-token' }
const webhook: Doors['webhook'] = {
  check: (path, token) => (path !== secret.path ? 'wrong_path' : token !== secret.token ? 'wrong_token' : 'right'),
}
const references = createOrderReferences('a-key-of-the-tests')
const servers: HttpServer[] = []
after(async () => {
  for (const server of servers) await server.close()
})

let role: Role = 'passive'
let figures: Figures | undefined
let isReady = false
const health = createHealth({
  role: () => role,
  epoch: () => 7,
  isReady: () => isReady,
  figures: () => figures,
  botMode: 'webhook',
  webhook: () => ({ url: `https://bot.example/webhook/${secret.path}`, verifiedAt: clock.now(), pending: 3 }),
  polling: () => undefined,
  selling: () => undefined,
  telegram: () => ({}),
  lossCreditsPerDay: 500,
  results: () => ({}),
  uploads: () => ({}),
  isRefused: () => false,
  nobodyActiveMs: () => 0,
  instance: instanceId('inst0001'),
  version: '1.2.3',
  startedMs: clock.monotonicMs(),
  activeSince: () => (role === 'active' ? clock.now() : undefined),
  clock,
})

async function openServer(more: Partial<HttpDeps> = {}): Promise<HttpServer> {
  const server = await listen(
    {
      callbackPath: 'callbacks/kie',
      health: health.health,
      liveness: health.liveness,
      canStore: health.canStore,
      metrics: async () => 'trt_active 1\n',
      clock,
      telemetry,
      ...more,
    },
    { address: '127.0.0.1', port: 0 },
  )
  servers.push(server)
  return server
}

const accept = createTelegramIntake({
  take: storesInto(inbox),
  fastLane: createFastLane({
    readTopUp: (id) => createPostgresTopUps(sqlOf(database.intake), { bot: botId(1) }).get(id),
    sayWhy: async (_from, why) => `no: ${why}`,
    clock,
    telemetry,
  }),
  bot: () => botId(1),
  peek: peekUpdate,
  newCid,
  isActive: () => role === 'active',
  clock,
  telemetry,
})
const ringWith = (isSigned?: ReturnType<typeof createCallbackSignature>) =>
  createKieCallback({
    addJob: (errand) => createPostgresErrands(sqlOf(database.work), storage.schema, database.clock).add([errand]),
    orderOf: references.read,
    ...(isSigned === undefined ? {} : { isSigned }),
    clock,
    telemetry,
  })

const server = await openServer()
server.open({ webhook: webhook ?? assert.fail(), accept, handleCallback: ringWith() })
const url = (path: string, { port } = server) => `http://127.0.0.1:${port}${path}`
let updates = 100
const update = (more: object = {}) => JSON.stringify({ update_id: ++updates, ...more })
const deliver = (body: string, headers: Readonly<Record<string, string>> = {}, at = server) =>
  fetch(url(`/webhook/${secret.path}`, at), {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-telegram-bot-api-secret-token': secret.token,
      ...headers,
    },
    body,
  })
const stored = async (id: number) => (await storage.rows('select 1 from inbox where update_id = $1', [id])).length

/** While it runs, nobody gets at the table. */
async function whileLocked(table: string, work: () => Promise<void>): Promise<void> {
  const blocker = await database.connect('blocker')
  await blocker.query(`begin; lock table ${table} in access exclusive mode`)
  try {
    await work()
  } finally {
    await blocker.query('rollback')
    await blocker.end()
  }
}

/** Sends the head of a request and never its body; gives the status of the answer. */
async function statusBeforeBody(path: string, token: string): Promise<number> {
  const socket = connect(server.port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write(
    `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 500000\r\n` +
      `x-telegram-bot-api-secret-token: ${token}\r\n\r\n`,
  )
  const [chunk] = await once(socket, 'data')
  socket.destroy()
  return Number(String(chunk).split(' ')[1])
}

describe('the door for updates', () => {
  it('acknowledges what is committed, also what it knows already', async () => {
    const body = update()
    assert.equal((await deliver(body)).status, 200)
    assert.equal(await stored(updates), 1)
    assert.equal((await deliver(body)).status, 200)
    assert.equal(await stored(updates), 1)
    assert.equal(telling.fieldsOf('UPDATE_RECEIVED').at(-1)?.['duplicate'], true)
  })

  it('refuses a stranger before the body, and without the database', async () => {
    await whileLocked('inbox', async () => {
      assert.equal(await statusBeforeBody('/webhook/another-path', secret.token), 404)
      assert.equal(await statusBeforeBody(`/webhook/${secret.path}`, 'another-token'), 403)
      assert.equal(await statusBeforeBody(`/webhook/${secret.path}`, ''), 403)
    })
  })

  it('says "later" with a time when the update cannot be committed, and takes it when it comes again', async () => {
    const body = update({ message: { text: 'x' } })
    role = 'passive'
    await whileLocked('inbox', async () => {
      const answer = await deliver(body)
      assert.equal(answer.status, 503)
      assert.equal(answer.headers.get('retry-after'), '1')
    })
    assert.deepEqual(telling.fieldsOf('PASSIVE_REJECT').at(-1), { kind: 'message' })
    assert.equal((await deliver(body)).status, 200)
    assert.equal(await stored(updates), 1)
  })

  it('is shut while updates are polled for, and says "later" while the service boots', async () => {
    const polling = await openServer()
    polling.open({ accept, handleCallback: ringWith() })
    assert.equal((await deliver(update(), {}, polling)).status, 404)
    const booting = await openServer()
    const answer = await deliver(update(), {}, booting)
    assert.equal(answer.status, 503)
    assert.equal(answer.headers.get('retry-after'), '1')
    const ring = await fetch(url('/callbacks/kie/x', booting), { method: 'POST' })
    assert.equal(ring.status, 503)
  })
})

describe('a pre-checkout', () => {
  const person = personId(42)
  const ask = (payload: string, amount: number) =>
    update({
      pre_checkout_query: {
        id: 'q1',
        from: { id: person, is_bot: false, first_name: 'A' },
        currency: 'XTR',
        total_amount: amount,
        invoice_payload: payload,
      },
    })
  async function open(): Promise<TopUpId> {
    const id = newTopUpId()
    await store.transact(permit, (tx) =>
      tx.topUps.add({ id, person, amount: kopecks(100_00), stars: stars(160), madeAt: clock.now(), state: 'open' }),
    )
    return id
  }

  it('is answered in the response to the webhook, and stored like any other update', async () => {
    const id = await open()
    const yes = await deliver(ask(id, 160))
    assert.deepEqual(await yes.json(), { method: 'answerPreCheckoutQuery', pre_checkout_query_id: 'q1', ok: true })
    assert.equal(await stored(updates), 1)
    const no = await deliver(ask(id, 159))
    assert.deepEqual(await no.json(), {
      method: 'answerPreCheckoutQuery',
      pre_checkout_query_id: 'q1',
      ok: false,
      error_message: 'no: amount_differs',
    })
    const unknown = await deliver(ask('not-an-invoice', 160))
    assert.equal(((await unknown.json()) as { error_message: string }).error_message, 'no: unknown')
  })

  it('that cannot be decided is asked for again at once: no time is named, because Telegram waits ten seconds', async () => {
    const id = await open()
    await whileLocked('top_ups', async () => {
      const answer = await deliver(ask(id, 160))
      assert.equal(answer.status, 503)
      assert.equal(answer.headers.get('retry-after'), null)
    })
    assert.equal(await stored(updates), 0)
  })

  it('is decided within a second or not at all, however slow whoever is asked may be', async () => {
    const still = createTestClock()
    const never = () => new Promise<never>(() => {})
    const asked = { id: 'q1', currency: 'XTR', totalAmount: 1, payload: newTopUpId() }
    for (const slow of [
      { readTopUp: never, sayWhy: async () => '' },
      { readTopUp: async () => undefined, sayWhy: never },
    ]) {
      const answer = createFastLane({ ...slow, clock: still, telemetry }).answer(asked, person)
      const refused = assert.rejects(answer, /1000 ms/)
      await still.advance(1_000)
      await refused
    }
  })

  it('that was decided and cannot be stored is asked for again too', async () => {
    const id = await open()
    await whileLocked('inbox', async () => {
      const answer = await deliver(ask(id, 160))
      assert.equal(answer.status, 503)
      assert.equal(answer.headers.get('retry-after'), null)
    })
  })
})

describe('the door for callbacks of KIE', () => {
  const ring = (reference: string, body = '{}', headers: Record<string, string> = {}, at = server) =>
    fetch(url(`/callbacks/kie/${reference}`, at), {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    })
  const polls = (order: string) =>
    storage.rows<{ hint: string | null }>(
      `select payload->'errand'->>'hint' as hint from ${storage.schema}_jobs._private_jobs
        where payload->'errand'->>'order' = $1`,
      [order],
    )

  it('notes a callback as a poll to be made now, with the task it names as a hint, and those of the next two seconds as one more', async () => {
    const order = newOrderId()
    const reference = references.sign(order, cid('abc123ff'))
    for (let n = 0; n < 5; n++) assert.equal((await ring(reference, '{"data":{"taskId":"t1"}}')).status, 200)
    assert.deepEqual(await polls(order), [{ hint: 't1' }, { hint: 't1' }])
    for (const odd of ['{"taskId":7}', '[]', 'null', 'not JSON', JSON.stringify({ taskId: 'x'.repeat(10_000) })]) {
      assert.equal((await ring(references.sign(newOrderId(), cid('abc123ff')), odd)).status, 200)
    }
  })

  it('does not know a reference that was not signed here, without asking the database', async () => {
    const good = references.sign(newOrderId(), cid('abc123ff'))
    const other = createOrderReferences('another-key').sign(newOrderId(), cid('abc123ff'))
    await whileLocked(`${storage.schema}_jobs._private_jobs`, async () => {
      for (const bad of [
        other,
        good.slice(0, -1),
        `${good}x`,
        good.replace(/^./, (c) => (c === 'a' ? 'b' : 'a')),
        'x',
      ]) {
        assert.equal((await ring(bad)).status, 404, bad)
      }
    })
  })

  it('says "later" when a callback cannot be noted', async () => {
    const reference = references.sign(newOrderId(), cid('abc123ff'))
    const broken = await openServer()
    const addJob = () => Promise.reject(new Error('no database'))
    broken.open({ accept, handleCallback: createKieCallback({ addJob, orderOf: references.read, clock, telemetry }) })
    const answer = await ring(reference, '{}', {}, broken)
    assert.equal(answer.status, 503)
    assert.equal(answer.headers.get('retry-after'), '1')
  })

  it('wants the signature of KIE where its key is set', async () => {
    const signed = await openServer()
    signed.open({ accept, handleCallback: ringWith(createCallbackSignature('key-of-kie', clock)) })
    const reference = references.sign(newOrderId(), cid('abc123ff'))
    const body = '{"taskId":"t1"}'
    assert.equal((await ring(reference, body, {}, signed)).status, 403)

    const timestamp = String(Math.floor(clock.now() / 1000))
    const sign = (task: string, at: string) =>
      createHmac('sha256', 'key-of-kie').update(`${task}.${at}`).digest('base64')
    const headers = (task: string, at = timestamp) => ({
      'x-webhook-timestamp': at,
      'x-webhook-signature': sign(task, at),
    })
    assert.equal((await ring(reference, body, headers('t2'), signed)).status, 403)
    const dayOld = String(Number(timestamp) - 90_000)
    assert.equal((await ring(reference, body, headers('t1', dayOld), signed)).status, 403)
    assert.equal((await ring(reference, body, headers('t1'), signed)).status, 200)
  })

  it('polls, too, after somebody has set the clock back', async () => {
    let now = clock.now()
    const made: number[] = []
    const handleCallback = createKieCallback({
      addJob: async ({ at }) => void made.push(at ?? 0),
      orderOf: references.read,
      clock: { ...clock, now: () => now },
      telemetry,
    })
    const reference = references.sign(newOrderId(), cid('abc123ff'))
    const none = { timestamp: undefined, signature: undefined }
    await handleCallback(reference, none, '{}')
    now = instant(now - 3_600_000)
    await handleCallback(reference, none, '{}')
    assert.deepEqual(made.at(-1), now)
  })
})

describe('the doors for probes', () => {
  const get = async (path: string, headers: Record<string, string> = {}, at = server) => {
    const answer = await fetch(url(path, at), { headers })
    const text = await answer.text()
    return { status: answer.status, text, json: () => JSON.parse(text) as Record<string, unknown> }
  }
  const known: Figures = {
    inbox: { pending: 2, oldest: undefined, shelved: 0, newest: undefined, isReadOnly: false },
    errands: { pending: 1, oldest: undefined, shelved: 0 },
    losses: { day: shopDay('2026-01-12'), today: [], inRow: [] },
    pool: { max: 6, inUse: 1, idle: 1, waiting: 0, held: [], reclaimed: [] },
    poolWaited: false,
    at: clock.now(),
  }

  it('tell a service that boots from one that is unwell', async () => {
    role = 'booting'
    isReady = false
    figures = undefined
    const health = await get('/health')
    assert.equal(health.status, 200)
    const { ok, mode, lock_acquired: lock, ready } = health.json()
    assert.deepEqual({ ok, mode, lock, ready }, { ok: true, mode: 'passive', lock: false, ready: false })
    assert.equal((await get('/healthz')).status, 200)
    assert.equal((await get('/readyz')).status, 503)
  })

  it('say what the contract says', async () => {
    role = 'active'
    isReady = true
    figures = { ...known, at: clock.now() }
    const health = (await get('/health')).json()
    for (const name of [
      'ok',
      'status',
      'mode',
      'bot_mode',
      'lock_acquired',
      'ready',
      'instance',
      'version',
      'uptime_s',
    ])
      assert.ok(name in health, name)
    assert.equal(health['mode'], 'active')
    assert.match(String(health['ts']), /^20\d\d-.*Z$/)
    assert.deepEqual(health['problems'], [])
    for (const name of ['leader', 'webhook', 'inbox', 'errands', 'database']) assert.ok(name in health, name)
    const alive = { ok: true, status: 'active', mode: 'webhook', ready: true, instance: 'inst0001' }
    for (const path of ['/healthz', '/']) assert.deepEqual((await get(path)).json(), alive)
    assert.equal((await get('/readyz')).status, 200)
    assert.doesNotMatch((await get('/health')).text, /a-secret-path/)
  })

  it('are unwell only when nothing can be stored, and alive all the same', async () => {
    role = 'active'
    isReady = true
    figures = { ...known, at: instant(clock.now() - 20_000) }
    const health = await get('/health')
    assert.equal(health.status, 503)
    assert.equal(health.json()['ok'], false)
    assert.equal((await get('/readyz')).status, 503)
    assert.equal((await get('/healthz')).status, 200)
    figures = { ...known, at: clock.now(), inbox: { ...known.inbox, isReadOnly: true } }
    const readOnly = await get('/health')
    assert.equal(readOnly.status, 503)
    assert.deepEqual(readOnly.json()['problems'], ['database_read_only'])
    assert.equal((await get('/readyz')).status, 503)
    assert.equal((await get('/healthz')).status, 200)
    figures = { ...known, at: clock.now(), inbox: { ...known.inbox, oldest: clock.now() - 120_000 } }
    const degraded = await get('/health')
    assert.equal(degraded.status, 200)
    assert.deepEqual(degraded.json()['problems'], ['inbox_old'])
    assert.equal(degraded.json()['status'], 'degraded')
  })

  it('show figures to this machine, and to nobody whom a proxy on it speaks for', async () => {
    figures = { ...known, at: clock.now() }
    assert.ok('database' in (await get('/health')).json())
    assert.equal((await get('/metrics')).status, 200)
    for (const header of ['x-forwarded-for', 'forwarded']) {
      assert.ok(!('database' in (await get('/health', { [header]: '203.0.113.7' })).json()))
      assert.equal((await get('/metrics', { [header]: '203.0.113.7' })).status, 403)
    }
  })

  it('show the losses of the day by cause, to the same people', async () => {
    const lost = { count: 2, kopecks: 510, firstCid: '0000000a' }
    const today = [
      { cause: 'task_failed', credits: '12.5', ...lost },
      { cause: 'input_lost', credits: null, ...lost },
    ] as const
    figures = { ...known, at: clock.now(), losses: { ...known.losses, today } }
    assert.deepEqual((await get('/health')).json()['losses'], {
      day: '2026-01-12',
      by_cause: {
        task_failed: { count: 2, credits: 12.5, kopecks: 510 },
        input_lost: { count: 2, credits: null, kopecks: 510 },
      },
    })
    assert.ok(!('losses' in (await get('/health', { 'x-forwarded-for': '203.0.113.7' })).json()))
  })

  it('show figures to whoever has the token where there is one, and to nobody else', async () => {
    const guarded = await openServer({ metricsToken: 'token-of-the-metrics' })
    const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
    assert.equal((await get('/metrics', {}, guarded)).status, 403)
    assert.equal((await get('/metrics', bearer('another-token-of-them'), guarded)).status, 403)
    assert.match((await get('/metrics', bearer('token-of-the-metrics'), guarded)).text, /trt_active 1/)
    const stranger = await get('/health', {}, guarded)
    assert.equal(stranger.status, 200)
    assert.ok(!('database' in stranger.json()))
    assert.ok('database' in (await get('/health', bearer('token-of-the-metrics'), guarded)).json())
  })
})
