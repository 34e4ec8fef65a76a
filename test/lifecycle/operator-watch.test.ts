import assert from 'node:assert/strict'
import { beforeEach, describe, it, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { readConfig } from '../../src/config/config.ts'
import { StorageFault } from '../../src/faults.ts'
import { createClock, instant, after as later } from '../../src/kit/clock.ts'
import { botId, newCid, newInstanceId } from '../../src/kit/ids.ts'
import { startDuties } from '../../src/lifecycle/duties.ts'
import type { LossFigures } from '../../src/losses/loss-figures.ts'
import { shopDay } from '../../src/money/shop-day.ts'
import { eventOf, type Watched } from '../../src/operators/alerts.ts'
import { createOperatorWatch, type OperatorWatchDeps } from '../../src/operators/operator-watch.ts'
import { refusalKey } from '../../src/operators/refusals.ts'
import type { LeaderPermit } from '../../src/permit.ts'
import { openPorts, type Ports } from '../../src/ports.ts'
import { StartRefused } from '../../src/service/boot.ts'
import { startService } from '../../src/service.ts'
import { readOfferFiles } from '../../src/storage/catalog-files.ts'
import { openAlerts } from '../../src/storage/postgres/alerts.ts'
import type { Store } from '../../src/store.ts'
import type { EventName } from '../../src/telemetry/events.ts'
import { createTestClock, type TestClock } from '../fixtures/clock.ts'
import { until } from '../fixtures/person.ts'
import { startWorld, type World } from '../fixtures/service.ts'
import { openStorage } from '../fixtures/storage.ts'
import { createTelling } from '../fixtures/telling.ts'

/** What operators are told: a leader looks at figures that the test sets, and keeps what it told in a real database. */
const { store, database, rows, schema, url } = await openStorage()
const jobs = `${schema}_jobs._private_jobs`
beforeEach(async () => {
  await rows('truncate operator_causes')
  await rows(`delete from ${jobs}`)
})

type Figures = Omit<Watched, 'now' | 'leads'>
const healthy: Figures = {
  instance: 'inst0001',
  webhook: { url: 'https://bot.example/webhook/x', verifiedAt: instant(1) },
  inbox: { pending: 0, oldest: undefined, shelved: 0 },
  errands: { pending: 0, oldest: undefined, shelved: 0 },
  pool: { max: 6, inUse: 0, idle: 1, waiting: 0, held: [], reclaimed: [] },
  selling: { credits: '900' },
  telegram: {},
  results: {},
  uploads: {},
  creditsLow: 200,
  lossCreditsPerDay: 500,
}

const dayOf = (count: number) =>
  ({ cause: 'task_failed', count, credits: '1', kopecks: 255, firstCid: '0000000a' }) as const
const lossesOf = (stories: number): LossFigures => ({
  day: shopDay('2026-01-12'),
  today: [dayOf(stories)],
  inRow: [{ cause: 'task_failed', stories, firstCid: '0000000a', lastDetail: 'KIE said 500' }],
})

type Wish = {
  readonly epoch: number
  readonly clock: TestClock
  readonly died: { readonly instance?: string }
}

/** An instance that leads; the duty looks at once and every five seconds. */
async function lead(t: TestContext, { epoch = 0, clock = createTestClock(), died }: Partial<Wish> = {}) {
  const telling = createTelling(clock)
  const now: { figures: Figures; canStep: boolean; canRead: boolean; reads: number } = {
    figures: healthy,
    reads: 0,
    canStep: true,
    canRead: true,
  }
  const direct: string[] = []
  const steps: Store = {
    ...store,
    transact: (permit, work) =>
      now.canStep ? store.transact(permit, work) : Promise.reject(new StorageFault('no connection is free')),
  }
  const deps: OperatorWatchDeps = {
    look: (leads) => ({ ...now.figures, now: clock.now(), leads }),
    formerThatDied: async () => died,
    readOpen: () => {
      now.reads += 1
      return now.canRead ? openAlerts(database.monitor) : Promise.reject(new Error('no database'))
    },
    store: steps,
    tellNow: async (text) => void direct.push(text),
    shop: 'main',
    clock,
    telemetry: telling.telemetry,
  }
  // The fence of the test's database is at epoch 0; what the operators are told has the epoch of the test.
  const permit: LeaderPermit = { kind: 'leader', epoch: 0, isFresh: () => true }
  const watch = createOperatorWatch({ ...deps, look: (leads) => deps.look({ ...leads, epoch }) })
  const running = startDuties([watch], permit, { clock, telemetry: telling.telemetry })
  // A look asks a real database, which takes a millisecond or two; there are many looks here.
  async function rests(): Promise<void> {
    for (let turns = 0; turns < 20 && clock.sleepers().length === 0; turns++) await pause(1)
    await until(() => clock.sleepers().length > 0, 'the watch rests between two looks')
  }
  let isOver = false
  const end = async () => {
    if (isOver) return
    isOver = true
    await running.stop()
  }
  t.after(end)
  await rests()
  return {
    ...telling,
    clock,
    direct,
    end,
    set(figures: Partial<Figures>) {
      now.figures = { ...now.figures, ...figures }
    },
    reads: () => now.reads,
    heal() {
      now.figures = healthy
    },
    can(wish: { readonly step?: boolean; readonly read?: boolean }) {
      now.canStep = wish.step ?? now.canStep
      now.canRead = wish.read ?? now.canRead
    },
    /** Look after look, each to its end. */
    async passes(seconds: number) {
      for (let s = 0; s < seconds; s += 5) {
        await clock.advance(5_000)
        await rests()
      }
    },
  }
}

/** The messages that were written down to be sent, oldest first. */
async function messages(): Promise<readonly string[]> {
  const found = await rows<{ what: string }>(
    `select payload->'errand'->>'what' as what from ${jobs}
      where payload->'errand'->>'kind' = 'tell_operator' order by id`,
  )
  return found.map(({ what }) => what)
}

it('what Telegram refused is known for a day after it was told, and then forgotten without a word', async (t) => {
  const leader = await lead(t)
  const refused = { method: 'sendMessage', detail: 'Bad Request: BUTTON_DATA_INVALID', cid: newCid() }
  const count = () =>
    store.transact({ kind: 'leader', epoch: 0, isFresh: () => true }, (tx) =>
      tx.alerts.count(refusalKey(refused), refused.detail, leader.clock.now()),
    )
  assert.deepEqual([await count(), await count()], [1, 2])
  await leader.passes(150)
  assert.equal(await count(), 3, 'it is no state that passes within a minute')
  await leader.clock.advance(24 * 3_600_000)
  await leader.passes(150)
  assert.equal(await count(), 1)
  assert.deepEqual(await messages(), [])
})

describe('operators are told once, and again when it has passed', () => {
  const start = createTestClock().now()
  const pool = healthy.pool
  const alerts: readonly (readonly [what: string, event: EventName, figures: Partial<Figures>, says: RegExp])[] = [
    [
      'the database connections are used up',
      'DB_POOL_EXHAUSTED',
      { pool: { ...pool, waiting: 4, exhaustedSince: start, held: [{ owner: 'a step', heldMs: 9_000 }] } },
      /All 6 database connections for steps are in use and 4 wait\. Held by: a step\./,
    ],
    [
      'a connection was held for too long',
      'DB_CONNECTION_HELD',
      { pool: { ...pool, reclaimed: [{ owner: 'the seal', heldMs: 31_400, at: start }] } },
      /the seal held a database connection for 31 s; it was taken back/,
    ],
    [
      'somebody changed the webhook',
      'WEBHOOK_DRIFT',
      { webhook: { url: 'x', verifiedAt: start, drift: { at: start, what: 'it was removed' } } },
      /Somebody changed the webhook \(it was removed\)\. It was corrected\./,
    ],
    [
      'somebody goes on changing it',
      'WEBHOOK_CONTESTED',
      { webhook: { url: 'x', verifiedAt: start, contestedSince: start, drift: { at: start, what: 'it was removed' } } },
      /corrected three times within ten minutes: another program has this bot token/,
    ],
    [
      'Telegram’s last error stays',
      'WEBHOOK_LAST_ERROR',
      {
        webhook: { url: 'x', verifiedAt: start, failingSince: later(start, -120_000), lastError: 'Connection refused' },
      },
      /Telegram cannot deliver updates: Connection refused/,
    ],
    ['another program polls', 'POLLING_CONFLICT', { polling: { conflict: 'Telegram answered 409' } }, /409/],
    [
      'an update waits for over a minute',
      'INBOX_OLD',
      { inbox: { pending: 12, oldest: later(start, -61_000), shelved: 0 } },
      /12 updates wait, the oldest for 6\d s/,
    ],
    [
      'an errand waits for over a minute',
      'ERRANDS_OLD',
      { errands: { pending: 3, oldest: later(start, -61_000), shelved: 0 } },
      /3 errands wait, the oldest is due for 6\d s/,
    ],
    [
      'an update was set aside',
      'UPDATE_SHELVED',
      { inbox: { pending: 0, oldest: undefined, shelved: 1 } },
      /1 update could not be handled/,
    ],
    [
      'errands were set aside',
      'ERRAND_SHELVED',
      { errands: { pending: 0, oldest: undefined, shelved: 2 } },
      /2 errands could not be carried out/,
    ],
    [
      'few credits are left at KIE',
      'KIE_CREDITS_LOW',
      { selling: { credits: '150.5' } },
      /150\.5 credits are left at KIE, fewer than 200 \(KIE_CREDITS_LOW\)/,
    ],
    [
      'nothing can be sold',
      'SELLING_PAUSED',
      { selling: { paused: { why: 'key_refused', since: start } } },
      /Nothing is sold: KIE refuses the key\. Nobody is charged/,
    ],
    [
      'Telegram does not answer',
      'TELEGRAM_AWAY',
      { telegram: { away: { since: start, why: 'no_answer', detail: 'Telegram answered 502: Bad Gateway' } } },
      /Telegram does not answer: Telegram answered 502: Bad Gateway\. Messages and results wait/,
    ],
    [
      'several orders in a row ended with one cause',
      'LOSS_RECORDED',
      { losses: lossesOf(3) },
      /^3 orders in a row had losses, with no order delivered whole in between: KIE accepted the task and said later that it had failed\. It began with cid=0000000a; the last answer was: KIE said 500$\nRun: trt losses --cause task_failed; trt story 0000000a$/m,
    ],
    [
      'the losses of a day have become dear',
      'LOSS_RECORDED',
      { losses: { ...lossesOf(1), today: [{ ...dayOf(1), credits: '620.5' }] } },
      /^Losses have cost 620\.5 credits today, more than 500 \(LOSS_CREDITS_PER_DAY\)\. Most often: KIE accepted the task/m,
    ],
  ]
  for (const [what, event, figures, says] of alerts) {
    it(`that ${what}`, async (t) => {
      const leader = await lead(t)
      assert.deepEqual(await messages(), [], 'a shop that is well says nothing')
      leader.set(figures)
      await leader.passes(10)
      const [told, ...more] = await messages()
      assert.match(told ?? '', new RegExp(`^⚠️ ${event} \\(main\\)\n`))
      assert.match(told ?? '', says)
      assert.match(told ?? '', /\nRun: trt /)
      assert.deepEqual(more, [])
      leader.heal()
      await leader.passes(60)
      assert.equal((await messages()).length, 1, 'what has been gone for a moment has not passed')
      await leader.passes(10)
      const [, resolved] = await messages()
      assert.match(resolved ?? '', new RegExp(`^✅ Resolved: ${event} \\(main\\), after \\d+ s\nIt was: `))
      await leader.passes(10)
      assert.equal((await messages()).length, 2)
      assert.deepEqual(leader.direct, [])
      assert.deepEqual(await rows('select key from operator_causes'), [])
    })
  }

  it('that the webhook is not verified, when that lasts for a minute', async (t) => {
    const leader = await lead(t)
    leader.set({ webhook: { url: 'x' } })
    await leader.passes(60)
    assert.deepEqual(await messages(), [])
    await leader.passes(5)
    assert.match((await messages())[0] ?? '', /WEBHOOK_SET_FAILED.*\n.*could not be set and read back/)
  })

  it('and not of an error of Telegram’s, or of an age, that is gone at the second look', async (t) => {
    const leader = await lead(t)
    const { clock } = leader
    leader.set({
      webhook: { url: 'x', verifiedAt: start, failingSince: clock.now(), lastError: 'Connection refused' },
      inbox: { pending: 1, oldest: later(clock.now(), -50_000), shelved: 0 },
    })
    await leader.passes(5)
    leader.heal()
    await leader.passes(120)
    assert.deepEqual(await messages(), [])
  })

  it('though it comes and goes: what is back within a minute is the same', async (t) => {
    const leader = await lead(t)
    for (let times = 0; times < 5; times++) {
      leader.set({ selling: { credits: '10' } })
      await leader.passes(10)
      leader.heal()
      await leader.passes(40)
    }
    assert.equal((await messages()).length, 1)
  })

  it('and once more when it has grown, not sooner than ten minutes after', async (t) => {
    const leader = await lead(t)
    const shelves = (shelved: number) => leader.set({ inbox: { pending: 0, oldest: undefined, shelved } })
    shelves(1)
    await leader.passes(300)
    shelves(4)
    await leader.passes(290)
    assert.equal((await messages()).length, 1)
    await leader.passes(15)
    assert.match((await messages())[1] ?? '', /4 updates could not be handled/)
    shelves(3)
    await leader.passes(900)
    assert.equal((await messages()).length, 2, 'what shrinks is no news')
  })

  it('of losses once, and once more when there are more of them', async (t) => {
    const leader = await lead(t)
    leader.set({ losses: lossesOf(2) })
    await leader.passes(10)
    assert.deepEqual(await messages(), [], 'two in a row may be bad luck')
    leader.set({ losses: lossesOf(3) })
    await leader.passes(900)
    assert.equal((await messages()).length, 1)
    leader.set({ losses: lossesOf(4) })
    await leader.passes(10)
    const [, again, ...more] = await messages()
    assert.match(again ?? '', /4 orders in a row had losses/)
    assert.deepEqual(more, [])
  })

  it('of each alert by itself, of several at once', async (t) => {
    const leader = await lead(t)
    leader.set({ selling: { credits: '0', paused: { why: 'no_credits', since: start } } })
    leader.set({ inbox: { pending: 0, oldest: undefined, shelved: 1 } })
    await leader.passes(10)
    const events = (await messages()).map((text) => /^⚠️ (\w+)/.exec(text)?.[1]).sort()
    assert.deepEqual(events, ['KIE_CREDITS_LOW', 'SELLING_PAUSED', 'UPDATE_SHELVED'])
    leader.set({ selling: { credits: '0' } })
    await leader.passes(70)
    assert.match((await messages()).at(-1) ?? '', /^✅ Resolved: SELLING_PAUSED/)
    assert.equal((await messages()).length, 4)
  })

  it('of old updates and errands in the log too, where nothing else tells them', async (t) => {
    const leader = await lead(t)
    const oldest = later(leader.clock.now(), -100_000)
    leader.set({ inbox: { pending: 2, oldest, shelved: 0 }, errands: { pending: 5, oldest, shelved: 0 } })
    await leader.passes(20)
    assert.deepEqual(leader.fieldsOf('INBOX_OLD'), [{ pending: 2, oldest_s: 105 }])
    assert.deepEqual(leader.fieldsOf('ERRANDS_OLD'), [{ pending: 5, oldest_s: 105 }])
  })

  it('with an event that stands in the table of events', () => {
    assert.equal(new Set(Object.values(eventOf)).size, Object.values(eventOf).length)
  })
})

describe('a new leader', () => {
  it('tells that it leads because the one before it died, by name, and nobody tells that this has passed', async (t) => {
    const leader = await lead(t, { epoch: 7, died: { instance: 'inst0000' } })
    assert.equal((await messages()).length, 1)
    assert.match((await messages())[0] ?? '', /^⚠️ ACTIVE_ENTER \(main\)\nInstance inst0001 is ACTIVE \(epoch 7\)\./)
    assert.match((await messages())[0] ?? '', /Instance inst0000 ended without giving the lead back/)
    await leader.passes(900)
    assert.equal((await messages()).length, 1)
    assert.deepEqual(await rows('select key from operator_causes'), [])
  })

  it('tells it of each that died, also of the second within minutes', async (t) => {
    const first = await lead(t, { epoch: 7, died: {} })
    await first.end()
    await lead(t, { epoch: 8, died: { instance: 'inst0001' } })
    assert.equal((await messages()).length, 2)
  })

  it('does not repeat what the one before it told, and tells that it has passed', async (t) => {
    const clock = createTestClock()
    const first = await lead(t, { clock })
    first.set({ selling: { credits: '10' } })
    await first.passes(30)
    await first.end()
    const second = await lead(t, { clock })
    second.set({ selling: { credits: '10' } })
    await second.passes(30)
    assert.equal((await messages()).length, 1)
    second.heal()
    await second.passes(70)
    assert.match((await messages())[1] ?? '', /^✅ Resolved: KIE_CREDITS_LOW \(main\), after (6\d|7\d|1[0-4]\d) s|min/)
  })

  it('tells that somebody leads again, as soon as it does', async (t) => {
    const clock = createTestClock()
    await rows('insert into operator_causes values ($1, $2, 1, $3, $3)', [
      'nobody_active',
      'No instance has led for 60 s.',
      clock.now() - 90_000,
    ])
    await lead(t, { clock })
    const [told] = await messages()
    assert.match(
      told ?? '',
      /^✅ Resolved: NOBODY_ACTIVE \(main\), after 90 s\nIt was: No instance has led for 60 s\.$/,
    )
  })

  it('tells nothing that another one told a moment ago, which believes to lead as well', async (t) => {
    const clock = createTestClock()
    const first = await lead(t, { clock })
    const frozen = await lead(t, { clock })
    first.set({ selling: { credits: '10' } })
    await first.passes(10)
    frozen.set({ selling: { credits: '10' } })
    await frozen.passes(10)
    assert.equal((await messages()).length, 1)
  })
})

describe('when no step can be made', () => {
  it('operators are told directly, once, and it is kept as soon as one can be', async (t) => {
    const leader = await lead(t)
    leader.can({ step: false })
    leader.set({ pool: { ...healthy.pool, waiting: 9, exhaustedSince: leader.clock.now() } })
    await leader.passes(60)
    assert.equal(leader.direct.length, 1)
    assert.match(leader.direct[0] ?? '', /^⚠️ DB_POOL_EXHAUSTED/)
    leader.can({ step: true })
    await leader.passes(10)
    assert.deepEqual(await rows('select key from operator_causes'), [{ key: 'pool_exhausted' }])
    leader.heal()
    await leader.passes(70)
    const told = await messages()
    assert.equal(told.length, 1)
    assert.match(told[0] ?? '', /^✅ Resolved: DB_POOL_EXHAUSTED/)
  })

  it('operators hear directly that it has passed as well, once', async (t) => {
    const leader = await lead(t)
    leader.can({ step: false })
    leader.set({ pool: { ...healthy.pool, waiting: 9, exhaustedSince: leader.clock.now() } })
    await leader.passes(10)
    leader.heal()
    await leader.passes(200)
    leader.can({ step: true })
    await leader.passes(20)
    assert.equal(leader.direct.length, 2)
    assert.match(leader.direct[1] ?? '', /^✅ Resolved: DB_POOL_EXHAUSTED/)
    assert.deepEqual(await messages(), [])
  })

  it('the same is true of what was told and kept before', async (t) => {
    const leader = await lead(t)
    leader.set({ selling: { credits: '10' } })
    await leader.passes(10)
    leader.heal()
    leader.can({ step: false })
    await leader.passes(150)
    leader.can({ step: true })
    await leader.passes(10)
    assert.deepEqual([(await messages()).length, leader.direct.length], [1, 1])
    assert.match(leader.direct[0] ?? '', /^✅ Resolved: KIE_CREDITS_LOW/)
    assert.deepEqual(await rows('select key from operator_causes'), [])
  })

  it('an outage makes nobody forget what was told directly, and nothing is told twice', async (t) => {
    const leader = await lead(t)
    leader.can({ step: false })
    leader.set({ selling: { credits: '10' } })
    await leader.passes(10)
    leader.can({ read: false })
    await leader.passes(70)
    assert.ok(leader.fieldsOf('DUTY_FAILED').length > 0)
    leader.can({ read: true, step: true })
    await leader.passes(120)
    assert.equal(leader.direct.length, 1)
    assert.deepEqual(await messages(), [])
    assert.deepEqual(await rows('select key from operator_causes'), [{ key: 'credits_low' }])
  })
})

it('what was told is read once a minute, and one that nobody wrote since is told neither again nor as passed', async (t) => {
  const leader = await lead(t)
  leader.set({ selling: { credits: '10' } })
  await leader.passes(120)
  assert.equal(leader.reads(), 3, 'at first and after each minute')
  assert.equal((await messages()).length, 1)
})

describe('the whole service', () => {
  /** Leaders of this world die: they never say that they give the lead back. */
  const worldOf = (env: Readonly<Record<string, string>>) =>
    startWorld({
      env,
      expects: ['WEBHOOK_SET_RETRY'],
      wrapPorts: (ports) => ({
        ...ports,
        noteMilestone: (milestone, epoch) =>
          milestone === 'released' ? Promise.resolve() : ports.noteMilestone(milestone, epoch),
      }),
    })

  /** Another instance of that shop, with a log of its own; its ports as `wrap` leaves them. */
  function startAnother(
    { databaseUrl, schema: shop, controls }: World,
    env: Readonly<Record<string, string>>,
    wrap: (ports: Ports) => Ports = (ports) => ports,
  ) {
    const clock = createClock()
    const telling = createTelling(clock)
    const { telemetry } = telling
    const read = readConfig({ PORT: '0', ...env })
    assert.ok(read.ok)
    const { config } = read
    const instance = newInstanceId()
    const bot = botId(7_000_001)
    const bound = {
      databaseUrl,
      schema: shop,
      maxConn: config.dbMaxConn,
      bot,
      freeDaily: config.shop.freeDaily,
      timezone: config.shop.timezone,
      lock: config.lock,
      work: config.work,
      botToken: '7000001:sandbox-token-that-opens-nothing-at-all',
      telegramApiRoot: `${controls.url}/telegram`,
      kieKey: 'sandbox-key-that-pays-for-nothing',
      kieApiUrl: `${controls.url}/kie`,
      kieUploadUrl: `${controls.url}/kie-upload`,
      instance,
      host: 'localhost',
      pid: process.pid,
      clock,
      telemetry,
    }
    const starting = readOfferFiles().then((catalogSources) =>
      startService({
        config,
        world: { kind: 'sandbox', bot, publicUrl: (port) => `http://127.0.0.1:${port}` },
        openPorts: (onStored) => wrap(openPorts({ ...bound, onStored })),
        catalogSources,
        instance,
        version: '0.0.0',
        clock,
        telemetry,
      }),
    )
    return { ...telling, instance, starting }
  }

  /** Its program is older than the schema allows; gives what its log says of that. */
  async function startsOlder(world: World, env: Readonly<Record<string, string>>) {
    const { starting, events } = startAnother(world, env, (ports) => ({
      ...ports,
      migrate: async () => ({ kind: 'refused', schema: 99, program: 7, oldest: 98 }),
    }))
    await assert.rejects(starting, (error) => error instanceof StartRefused && /newer program/.test(error.message))
    return events('MIGRATIONS_REFUSED')
  }

  it('sends it to ADMIN_ID: a start that is refused, once however often it is tried; a leader that died', async () => {
    // The first person of a sandbox.
    const operatorId = 7_000_000_001
    const env = { ADMIN_ID: String(operatorId) }
    const world = await worldOf(env)
    // At the start, nobody has pressed Start.
    world.expects('PREFLIGHT_FINDING')
    try {
      const operator = await world.person('Ольга')
      assert.equal(operator.id, operatorId)
      await operator.says('/start')
      await operator.sees(/Картинки и дизайн/)
      await operator.hears(async () => {
        for (let tries = 0; tries < 3; tries++) assert.equal((await startsOlder(world, env)).length, 1)
      })
      await operator.sees(/MIGRATIONS_REFUSED \(sandbox\)\n.*newer program.*99[\s\S]*Run: trt doctor/)
      // Telegram takes another webhook a second after the last.
      await world.controls.advance(2_000)
      await operator.hears(world.restartService)
      await operator.sees(/ACTIVE_ENTER \(sandbox\)\nInstance \w+ is ACTIVE \(epoch 2\)/)
      const told = (await operator.looks()).filter(({ text = '' }) => text.startsWith('⚠️'))
      assert.equal(told.length, 2, operator.print())
    } finally {
      await world.end()
    }
  })

  it('names who led before when a standby takes over, once, whoever leads after that', async () => {
    const env = { ADMIN_ID: '7000000001' }
    const world = await startWorld({
      env,
      databaseUrl: url,
      expects: ['LOCK_LOST', 'WEBHOOK_SET_RETRY', 'DB_CONNECTION_LOST', 'PREFLIGHT_FINDING'],
    })
    try {
      const operator = await world.person('Ольга')
      await operator.says('/start')
      await operator.sees(/Картинки и дизайн/)
      const former = String((await world.log.until('PREFLIGHT_STARTED'))['instance'])
      const standby = startAnother(world, env)
      const service = await standby.starting
      try {
        await until(() => standby.fieldsOf('LOCK_WAITING').length > 0, 'it stands by')
        await world.controls.advance(2_000)
        await operator.hears(() => rows(`select pg_terminate_backend(backend_pid) from ${world.schema}.leadership`))
        const { text = '' } = await operator.sees(/ACTIVE_ENTER/)
        assert.ok(text.includes(`Instance ${standby.instance} is ACTIVE (epoch 2).`), text)
        assert.ok(text.includes(`Instance ${former} ended without giving the lead back.`), text)
      } finally {
        await world.controls.advance(2_000)
        await service.stop('test')
      }
      await world.log.until('ACTIVE_ENTER', ({ epoch }) => epoch === 3)
      await world.log.until('DUTIES_STARTED', ({ epoch }) => epoch === 3)
      const open = () => rows(`select key from ${world.schema}.operator_causes`)
      await until(async () => (await open()).length === 0, 'the next leader has looked, and it is no news any more')
      const told = (await operator.looks()).filter(({ text = '' }) => text.startsWith('⚠️'))
      assert.equal(told.length, 1, 'that one was stopped in order is no news')
    } finally {
      await world.end()
    }
  })

  it('without an ADMIN_ID works all the same, and its log says it', async () => {
    const world = await worldOf({})
    try {
      assert.equal((await startsOlder(world, {})).length, 1)
      await world.controls.advance(2_000)
      await world.restartService()
      const { what } = await world.log.until('OPERATOR_TOLD')
      assert.match(String(what), /^⚠️ ACTIVE_ENTER \(sandbox\)/)
      const anna = await world.person('Анна')
      await anna.says('/start')
      await anna.sees(/Картинки и дизайн/)
      assert.equal(world.log.count('OPERATOR_NOT_TOLD'), 0)
      const sent = (await world.controls.calls('sendMessage')).map(({ params }) => String(params['text']))
      assert.deepEqual(
        sent.filter((text) => text.startsWith('⚠️')),
        [],
      )
    } finally {
      await world.end()
    }
  })
})
