import assert from 'node:assert/strict'
import { after, afterEach, describe, it, type TestContext } from 'node:test'
import { createSandbox } from '../../sandbox/sandbox.ts'
import { CannotStore, type Inbox } from '../../src/inbox/inbox.ts'
import { createTelegramPolling } from '../../src/intake/telegram-polling.ts'
import { createTelegramIntake } from '../../src/intake/telegram-webhook.ts'
import { createClock } from '../../src/kit/clock.ts'
import { botId, newCid } from '../../src/kit/ids.ts'
import { createTelegramClient } from '../../src/telegram/client.ts'
import { peekUpdate } from '../../src/telegram/parse-update.ts'
import { wantedUpdates } from '../../src/webhook/webhook.ts'
import { createTestClock } from '../fixtures/clock.ts'
import { onThisMachine } from '../fixtures/patience.ts'
import { until } from '../fixtures/person.ts'
import { controlsOf } from '../fixtures/sandbox.ts'
import { startWorld } from '../fixtures/service.ts'
import { openStorage } from '../fixtures/storage.ts'
import { createTelling } from '../fixtures/telling.ts'
import { topsUp } from '../journeys/steps.ts'
import { storesInto } from './taking.ts'

/** Polling of the sandbox's Telegram into a real inbox; each test has a bot of its own, and moves the clock. */
const sandbox = await createSandbox({ port: 0, seed: 'polling', floodLimits: false })
const controls = controlsOf(sandbox.url)
const { inbox, rows } = await openStorage()
after(() => sandbox.close())
afterEach(() => controls.clearFaults())

let botsMade = 0
const tokenOf = (bot: number) => `${bot}:${'p'.repeat(35)}`

/** A leader that polls. `callMs` limits what Telegram may take beyond the wait; `waitS` replaces its half minute. */
async function poll(t: TestContext, { callMs = 5_000, waitS }: { callMs?: number; waitS?: number } = {}) {
  botsMade += 1
  const bot = 8_200_000 + botsMade
  const clock = createTestClock()
  const telling = createTelling(clock)
  const client = createTelegramClient({
    token: tokenOf(bot),
    apiRoot: `${sandbox.url}/telegram`,
    // Calls are real and take real time; only the waiting between them is the test's.
    clock: createClock(),
    limits: { callMs, fileMs: callMs },
  })
  // Only whom a bot has called does it know.
  await client.getMe()
  const state = { isFresh: true, stored: 0, store: inbox.store }
  const kept: Pick<Inbox, 'store'> = {
    store: async (received, wish) => {
      const stored = await state.store(received, wish)
      state.stored += 1
      return stored
    },
  }
  const begun: number[] = []
  const polling = createTelegramPolling({
    telegram: {
      deleteWebhook: client.deleteWebhook,
      getUpdates: (wait) =>
        client.getUpdates({
          ...wait,
          ...(waitS === undefined ? {} : { timeoutS: waitS }),
          allowedUpdates: wantedUpdates,
        }),
    },
    accept: createTelegramIntake({
      take: storesInto(kept),
      fastLane: { answer: async () => ({}) },
      bot: () => botId(bot),
      peek: peekUpdate,
      newCid,
      isActive: () => true,
      clock,
      telemetry: telling.telemetry,
    }),
    updateIdOf: (body) => peekUpdate(body)?.updateId,
    started: async (epoch) => void begun.push(epoch),
    clock,
    telemetry: telling.telemetry,
  })
  let epoch = 0
  let over = new AbortController()
  let running = Promise.resolve()
  const calls = async (method: string) => (await controls.calls(method)).filter((call) => call['bot'] === bot)
  const life = {
    ...telling,
    clock,
    client,
    begun,
    state,
    calls,
    figures: polling.figures,
    lead() {
      epoch += 1
      over = new AbortController()
      running = polling.run({ kind: 'leader', epoch, isFresh: () => state.isFresh }, over.signal)
    },
    /** Resolves when nothing of it runs any more. */
    async demote() {
      over.abort()
      await running
    },
    begins: () => until(() => begun.length === epoch, 'the polling has begun'),
    /** Until it waits before it asks again; gives for how long. */
    async rests() {
      await until(() => clock.sleepers().length > 0, 'the polling rests')
      return clock.sleepers()[0]
    },
    async passes(ms: number) {
      await clock.advance(ms)
    },
    /** Somebody new writes to this bot as often as asked; gives the ids of the updates. */
    async isWrittenTo(times = 1): Promise<readonly number[]> {
      const person = Number(Reflect.get(Object(await controls.ask('POST', '/people', { first_name: 'Anna' })), 'id'))
      const ids: number[] = []
      for (let n = 0; n < times; n++) {
        const sent = await controls.ask('POST', `/people/${person}/messages?bot=${bot}`, { text: `number ${n}` })
        ids.push(Number(Reflect.get(Object(sent), 'update_id')))
      }
      return ids
    },
    /** What is committed, in the order in which it would be handled. */
    async kept(): Promise<readonly number[]> {
      const found = await rows<{ id: number }>('select update_id as id from inbox where bot = $1 order by id', [bot])
      return found.map(({ id }) => Number(id))
    },
    /** What Telegram still keeps for this bot. */
    async pending() {
      const seen = await client.getWebhookInfo()
      return seen.kind === 'done' ? seen.value.pending : undefined
    },
  }
  t.after(life.demote)
  return life
}
type Life = Awaited<ReturnType<typeof poll>>

const offsets = async (life: Life) => (await life.calls('getUpdates')).map(({ params }) => Number(params['offset']))
const allKept = (life: Life, ids: readonly number[]) =>
  until(async () => (await life.kept()).length >= ids.length, 'everything is committed')

describe('polling', () => {
  it('removes the webhook once, keeps what waits, and says that it has begun', async (t) => {
    const life = await poll(t)
    await life.client.setWebhook({
      url: `${sandbox.url}/nobody`,
      secretToken: 'x',
      allowedUpdates: ['message'],
    })
    await controls.fault({ on: 'webhook', times: 100, status: 503 })
    const waited = await life.isWrittenTo(3)
    life.lead()
    await life.begins()
    await allKept(life, waited)
    assert.deepEqual(await life.kept(), waited)
    await life.isWrittenTo()
    await until(async () => (await life.kept()).length === 4, 'what came later is committed too')
    const removals = await life.calls('deleteWebhook')
    assert.deepEqual(
      removals.map(({ params }) => String(params['drop_pending_updates'])),
      ['false'],
    )
    assert.deepEqual(life.fieldsOf('POLLING_STARTED'), [{ epoch: 1 }])
  })

  it('asks for what it has not committed, and for the kinds that the service handles', async (t) => {
    const life = await poll(t)
    const [first = 0, second = 0] = await life.isWrittenTo(2)
    life.lead()
    await allKept(life, [first, second])
    await until(async () => (await offsets(life)).length === 1, 'the first batch is answered')
    const [third = 0] = await life.isWrittenTo()
    await allKept(life, [first, second, third])
    await until(async () => (await offsets(life)).length === 2, 'the second batch is answered')
    assert.deepEqual(await offsets(life), [0, second + 1])
    const [asked] = await life.calls('getUpdates')
    assert.deepEqual(asked?.params['allowed_updates'], wantedUpdates)
    assert.equal(Number(asked?.params['timeout']), 30)
  })

  it('does not move past an update whose commit failed: it comes again, nothing is lost, nothing comes twice', async (t) => {
    const life = await poll(t)
    const ids = await life.isWrittenTo(5)
    let refusals = 0
    life.state.store = async (received, wish) => {
      if (received.updateId === ids[2] && refusals < 3) {
        refusals += 1
        throw new CannotStore('the disk is full')
      }
      return await inbox.store(received, wish)
    }
    life.lead()
    for (let n = 0; n < 3; n++) {
      assert.equal(await life.rests(), 500)
      assert.equal(await life.pending(), n === 0 ? 5 : 3, 'Telegram keeps it, and what came after it')
      await life.passes(500)
    }
    await allKept(life, ids)
    assert.deepEqual((await life.kept()).toSorted(), ids)
    const received = life.fieldsOf('UPDATE_RECEIVED')
    for (const id of ids) {
      const first = received.filter((told) => told['update_id'] === id && told['duplicate'] !== true)
      assert.equal(first.length, 1, `update ${id} counts once`)
    }
    await until(async () => (await life.pending()) === 0, 'Telegram has forgotten them all')
  })

  it('commits what it holds before it stops, and asks for no more', async (t) => {
    const life = await poll(t)
    const door = Promise.withResolvers<void>()
    t.after(() => door.resolve())
    let arrived = 0
    life.state.store = async (received, wish) => {
      arrived += 1
      await door.promise
      return await inbox.store(received, wish)
    }
    const ids = await life.isWrittenTo(2)
    life.lead()
    await until(() => arrived === 2, 'both are being committed')
    let isOver = false
    const over = life.demote().then(() => {
      isOver = true
    })
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(isOver, false)
    door.resolve()
    await over
    assert.deepEqual(await life.kept(), ids)
    await life.isWrittenTo()
    assert.equal((await offsets(life)).length, 1)
  })

  it('stops at once in the middle of a wait, and the next leader has everything once', async (t) => {
    const life = await poll(t)
    life.lead()
    const ids = await life.isWrittenTo(2)
    await allKept(life, ids)
    const started = performance.now()
    await life.demote()
    assert.ok(performance.now() - started < onThisMachine(2_000))
    assert.equal(life.figures().conflict, undefined)
    const more = await life.isWrittenTo(2)
    life.lead()
    await allKept(life, [...ids, ...more])
    assert.deepEqual(await life.kept(), [...ids, ...more])
    assert.deepEqual(life.begun, [1, 2])
    assert.equal((await life.calls('deleteWebhook')).length, 2, 'once each time it leads')
    assert.deepEqual(life.events('POLLING_REFUSED', 'POLLING_CONFLICT'), [], 'an end is no trouble')
  })

  it('asks for nothing while its lease may have run out: those are the updates of the next leader', async (t) => {
    const life = await poll(t)
    life.state.isFresh = false
    life.lead()
    await life.begins()
    for (let n = 0; n < 5; n++) {
      await life.rests()
      await life.passes(500)
    }
    assert.deepEqual(await offsets(life), [])
    life.state.isFresh = true
    const ids = await life.isWrittenTo()
    await life.passes(500)
    await allKept(life, ids)
  })
})

describe('polling goes on', () => {
  it('after another program polled with the same token, says what to do, and is quiet when that is gone', async (t) => {
    const life = await poll(t)
    life.lead()
    await life.begins()
    await until(async () => (await life.calls('deleteWebhook')).length === 1, 'it asks')
    const other = await byHand(life)
    await until(() => life.fieldsOf('POLLING_CONFLICT').length === 1, 'the newer one ended ours')
    const [told] = life.fieldsOf('POLLING_CONFLICT')
    assert.match(String(told?.['error']), /409.*terminated by other getUpdates/)
    assert.equal(told?.['todo'], 'another program polls with this bot token: end it; one token serves one program')
    assert.match(life.figures().conflict ?? '', /terminated by other getUpdates/)
    assert.equal(life.figures().conflictSince, life.clock.now())
    await other.ends()
    assert.equal(await life.rests(), 1_000)
    const ids = await life.isWrittenTo()
    await life.passes(1_000)
    await allKept(life, ids)
    await until(() => life.figures().conflict === undefined, 'the conflict is over')
    assert.equal(life.fieldsOf('POLLING_CONFLICT').length, 1)
  })

  it('after somebody set a webhook, with growing pauses until it is removed', async (t) => {
    const life = await poll(t)
    life.lead()
    await life.begins()
    await until(async () => (await life.calls('deleteWebhook')).length === 1, 'it asks')
    await life.client.setWebhook({ url: `${sandbox.url}/nobody`, secretToken: 'x', allowedUpdates: ['message'] })
    const since = life.clock.now()
    for (const seconds of [1, 2, 5, 10, 30, 30]) {
      assert.equal(await life.rests(), seconds * 1_000)
      assert.equal(life.figures().conflictSince, since)
      await life.passes(seconds * 1_000)
    }
    assert.match(String(life.fieldsOf('POLLING_CONFLICT').at(-1)?.['todo']), /trt webhook delete/)
    await life.client.deleteWebhook()
    await life.rests()
    const ids = await life.isWrittenTo()
    await life.passes(30_000)
    await allKept(life, ids)
    assert.equal((await life.calls('deleteWebhook')).length, 2, 'ours, and the one by hand')
  })

  it('when a 429 says, not before', async (t) => {
    await controls.fault({ on: 'telegram', method: 'getUpdates', status: 429, retry_after: 37 })
    const life = await poll(t)
    const ids = await life.isWrittenTo()
    life.lead()
    assert.equal(await life.rests(), 37_000)
    await life.passes(36_999)
    assert.equal((await offsets(life)).length, 1)
    await life.passes(1)
    await allKept(life, ids)
    assert.deepEqual(
      life.fieldsOf('POLLING_REFUSED').map((told) => told['retry_in_s']),
      [37],
    )
  })

  for (const [what, fault, waitS] of [
    ['Telegram answered 500', { status: 500 }, undefined],
    ['Telegram answered 401', { status: 401, description: 'Unauthorized' }, undefined],
    ['Telegram was silent', { delay_ms: onThisMachine(3_000) }, 1],
    ['an answer was lost', { status: 502, after_execution: true }, undefined],
  ] as const) {
    it(`after ${what}, whatever it asked for`, async (t) => {
      const life = await poll(t, waitS === undefined ? {} : { callMs: onThisMachine(300), waitS })
      const ids = await life.isWrittenTo(2)
      await controls.fault({ on: 'telegram', method: 'deleteWebhook', ...fault })
      life.lead()
      assert.equal(await life.rests(), 1_000)
      assert.deepEqual(life.begun, [], 'it has not begun before the webhook is gone')
      await controls.fault({ on: 'telegram', method: 'getUpdates', ...fault })
      await life.passes(1_000)
      await until(() => life.fieldsOf('POLLING_REFUSED').length === 2, 'it was refused again')
      assert.equal(await life.rests(), 1_000)
      await life.passes(1_000)
      await allKept(life, ids)
      assert.deepEqual(await life.kept(), ids)
    })
  }
})

/** Another program with the same token that waits for updates. */
async function byHand({ client, calls }: Life) {
  const over = new AbortController()
  const waits = client.getUpdates({ offset: 0, timeoutS: 30, allowedUpdates: ['message'], signal: over.signal })
  return {
    calls,
    async ends() {
      over.abort()
      await waits
    },
  }
}

describe('a service', () => {
  it('that polls serves people and takes payments, while nobody but the leader asks, and sets no webhook', async () => {
    const world = await startWorld({ env: { BOT_MODE: 'polling' }, expects: ['WEBHOOK_REFUSED'] })
    try {
      const { controls: telegram } = world
      const anna = await world.person('Анна')
      await anna.says('/start')
      await anna.sees(/Картинки и дизайн/)
      await topsUp(anna)
      assert.deepEqual(await telegram.calls('setWebhook'), [])
      assert.equal((await telegram.calls('deleteWebhook')).length, 1)
      const answer = await world.deliver(JSON.stringify({ update_id: 1 }))
      assert.equal(answer.status, 404, 'the door of the webhook is shut')
      await world.restartService()
      await anna.says('/help')
      await anna.sees(/./)
      await world.stopService()
      await anna.says('/start')
      assert.equal((await telegram.updates('pending')).length, 1)
      await world.startService()
      await anna.sees(/Картинки и дизайн/)
    } finally {
      await world.end()
    }
  })

  it('with a webhook never polls', async () => {
    const world = await startWorld()
    try {
      const anna = await world.person('Анна')
      await anna.says('/start')
      await anna.sees(/Картинки и дизайн/)
      for (const method of ['getUpdates', 'deleteWebhook']) assert.deepEqual(await world.controls.calls(method), [])
      assert.equal(world.log.count('POLLING_STARTED'), 0)
    } finally {
      await world.end()
    }
  })
})
