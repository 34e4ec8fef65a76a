import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { createDispatcher } from '../../src/dispatch/dispatcher.ts'
import { FenceLost } from '../../src/faults.ts'
import { attemptsMax, type Inbox, type InboxItem } from '../../src/inbox/inbox.ts'
import { after, createClock } from '../../src/kit/clock.ts'
import { botId, chatId, type InstanceId, instanceId, type Lane } from '../../src/kit/ids.ts'
import { startDuties, workDuty } from '../../src/lifecycle/duties.ts'
import { createInstanceWatch } from '../../src/lifecycle/instance-watch.ts'
import { beatTimes, Membership } from '../../src/lifecycle/membership.ts'
import type { WorkerPermit } from '../../src/permit.ts'
import { createChatTurns } from '../../src/storage/postgres/chat-turns.ts'
import { openDatabase } from '../../src/storage/postgres/database.ts'
import { createPostgresInbox } from '../../src/storage/postgres/inbox.ts'
import { retryItem, shelveItem } from '../../src/storage/postgres/inbox-admin.ts'
import { createPostgresClaims } from '../../src/storage/postgres/inbox-claims.ts'
import { createPostgresInstances } from '../../src/storage/postgres/instances.ts'
import { sqlOf } from '../../src/storage/postgres/store.ts'
import { createTestClock } from '../fixtures/clock.ts'
import { onThisMachine } from '../fixtures/patience.ts'
import { until } from '../fixtures/person.ts'
import { openStorage } from '../fixtures/storage.ts'
import { createTelling } from '../fixtures/telling.ts'
import { newLane, now, update } from './inbox-contract.ts'

/** Several instances on one schema that all work: what `src/lifecycle/instances.ts` and the inbox promise of them. */
const storage = await openStorage({ maxConn: 20 })
const { database, schema, store } = storage
const clock = createClock()

/** One instance, as its process would hold the database. */
function instance(name: string) {
  const id = instanceId(name)
  const inbox = createPostgresInbox({ pool: database.intake, schema, instance: id, onStored: () => {}, clock })
  const claims = createPostgresClaims({ pool: database.work, schema, instance: id, clock })
  return {
    id,
    inbox,
    claims,
    /** What it claims of everything that waits. */
    claimAll: async () => (await claims.claim(permitOf(id), { max: 100, busy: [], now })).items,
    instances: createPostgresInstances({
      monitor: database.monitor,
      steps: database.work,
      schema,
      instance: id,
      host: 'here',
      pid: 1,
    }),
  }
}
const permitOf = (id: InstanceId, incarnation = 1): WorkerPermit => ({
  kind: 'worker',
  instance: id,
  incarnation,
  isFresh: () => true,
})
const about = { work: 'shared', role: 'passive' } as const
const lanesOf = (items: readonly InboxItem[]) => items.map(({ lane }) => lane)
const claimedBy = async (lane: Lane) =>
  (
    await storage.rows<{ claimed_by: string }>(
      'select claimed_by from inbox where lane = $1 and claimed_by is not null and finished_at is null',
      [lane],
    )
  ).map((row) => row.claimed_by)
const [anna, boris] = [instance('anna'), instance('boris')]
/** Nothing waits, and these two share the work. */
async function empty(): Promise<void> {
  await storage.rows('truncate inbox; truncate instances; truncate instance_deaths')
  for (const { instances } of [anna, boris]) await instances.announce(1, about)
}

describe('lanes of several instances', () => {
  it('are worked by one of them at a time, in order, each update once, and all of them work', async () => {
    await empty()
    const names = ['first', 'second', 'third']
    const lanes = Array.from({ length: 12 }, newLane)
    const perLane = 25
    const inHand = new Map<Lane, string>()
    const handled = new Map<Lane, number[]>(lanes.map((lane) => [lane, []]))
    const workers = new Set<string>()
    const stopping = new AbortController()
    const running = await Promise.all(
      names.map(async (name) => {
        const { id, inbox, claims, instances } = instance(name)
        await instances.announce(1, about)
        const dispatcher = createDispatcher({
          inbox,
          claims,
          arrive(_permit, received, mayClaim, onStored) {
            const stored = Promise.resolve().then(() => inbox.store(received, mayClaim() ? 'claim' : 'wait'))
            return {
              stored: stored.then(() => onStored('stored')),
              end: stored.then((item) => (typeof item === 'object' ? { kind: 'claimed', item } : { kind: 'waits' })),
            }
          },
          async handle(permit, item) {
            assert.equal(inHand.get(item.lane), undefined, `${item.lane} is worked by two`)
            inHand.set(item.lane, name)
            await store.transact(permit, async (tx) => {
              await tx.inbox.mustFinish(item.id, now)
              handled.get(item.lane)?.push(item.updateId)
              workers.add(name)
              // With the commit the lane is free for the others, before anybody here has heard of it.
              inHand.delete(item.lane)
            })
          },
          retryLater: () => assert.fail('nothing fails'),
          shelve: () => assert.fail('nothing fails'),
          isCareful: () => false,
          clock,
          telemetry: createTelling(clock).telemetry,
        })
        return { inbox, dispatcher, work: dispatcher.work(permitOf(id), stopping.signal) }
      }),
    )
    const sent = new Map<Lane, number[]>(lanes.map((lane) => [lane, []]))
    await Promise.all(
      lanes.map(async (lane) => {
        // Telegram sends the next update of a lane when the one before is acknowledged, whichever instance it reaches.
        for (let n = 0; n < perLane; n++) {
          const through = running[(n + lanes.indexOf(lane)) % running.length]
          assert.ok(through)
          const received = update(lane)
          await through.dispatcher.take(received, () => {})
          sent.get(lane)?.push(received.updateId)
        }
      }),
    )
    const count = () => [...handled.values()].reduce((sum, each) => sum + each.length, 0)
    await until(() => {
      // What another instance stored behind a busy lane is found by a look; here without waiting for one.
      for (const { dispatcher } of running) dispatcher.wake()
      return count() === lanes.length * perLane
    }, 'everything is handled')
    stopping.abort()
    await Promise.all(running.map(({ work }) => work))
    assert.deepEqual(handled, sent)
    assert.deepEqual([...workers].sort(), [...names].sort())
  })

  it('are claimed once, however many instances store into one at the same moment', async () => {
    const twoIntakes = openDatabase({
      url: storage.url,
      schema,
      maxConn: 6,
      clock,
      telemetry: createTelling(clock).telemetry,
    })
    const { id } = boris
    const other = createPostgresInbox({ pool: twoIntakes.intake, schema, instance: id, onStored: () => {}, clock })
    let collisions = 0
    for (let n = 0; n < 150; n++) {
      const lane = newLane()
      const both = await Promise.all([anna.inbox, other].map((inbox: Inbox) => inbox.store(update(lane), 'claim')))
      assert.equal((await claimedBy(lane)).length, 1)
      assert.equal(both.filter((stored) => typeof stored === 'object').length, 1)
      assert.equal(both.filter((stored) => stored === 'stored').length, 1)
      if (both[0] === 'stored') collisions += 1
    }
    assert.ok(collisions < 150, 'one of the two always came first')
    await twoIntakes.end()
  })

  it('are claimed once, however many instances claim at the same moment', async () => {
    await empty()
    const lanes = Array.from({ length: 30 }, newLane)
    for (const lane of lanes) await anna.inbox.store(update(lane))
    const five = Array.from({ length: 5 }, (_, n) => instance(`of-five-${n}`))
    for (const { instances } of five) await instances.announce(1, about)
    const claims = await Promise.all(five.map((each) => each.claimAll().then(lanesOf)))
    assert.deepEqual(claims.flat().sort(), [...lanes].sort())
  })

  it('stand still while one of its updates is in hand, also when an older one comes to light meanwhile', async () => {
    await empty()
    const lane = newLane()
    const slow = await database.connect('slow')
    await slow.query('begin')
    await slow.query(
      `insert into inbox (bot, update_id, lane, kind, cid, body, received_at) values (1, 1, $1, 'message', 'c', '{}', 0)`,
      [lane],
    )
    const late = await anna.inbox.store(update(lane), 'claim')
    assert.ok(typeof late === 'object')
    await slow.query('commit')
    await slow.end()
    assert.deepEqual(await boris.claimAll(), [])
    await store.transact(storage.permit, (tx) => tx.inbox.mustFinish(late.id, now))
    assert.deepEqual(
      (await boris.claimAll()).map(({ updateId }) => updateId),
      [1],
    )
  })

  it('are not stuck by an update that this instance has claimed and does not work on any more', async () => {
    await empty()
    const lane = newLane()
    await storage.rows(
      `insert into inbox (bot, update_id, lane, kind, cid, body, received_at, claimed_by)
       values (1, 1, $1, 'message', 'c', '{}', 0, null), (1, 2, $1, 'message', 'c', '{}', 0, 'anna')`,
      [lane],
    )
    assert.deepEqual(
      (await anna.claimAll()).map(({ updateId }) => updateId),
      [1],
    )
    assert.deepEqual(await claimedBy(lane), ['anna'])
  })

  it('are free for everybody again when their update was released, put off or shelved', async () => {
    await empty()
    const lane = newLane()
    await anna.inbox.store(update(lane))
    await anna.inbox.store(update(lane))
    const [first] = await anna.claimAll()
    assert.ok(first)
    await anna.claims.release(first, { until: now, error: 'the world' })
    const [second] = await boris.claimAll()
    assert.equal(second?.id, first.id)
    await anna.claims.release(first, { until: after(now, 60_000), error: 'late' })
    assert.deepEqual(await claimedBy(lane), [boris.id], 'what another one has claimed meanwhile stays as it is')
    await store.transact(storage.permit, (tx) => tx.inbox.retryLater(first.id, { until: now, error: 'ours' }))
    assert.deepEqual(lanesOf(await anna.claimAll()), [lane])
    await store.transact(storage.permit, (tx) => tx.inbox.shelve(first.id, now, 'too often'))
    const [third] = await boris.claimAll()
    assert.ok(third && third.id > first.id)
  })

  it('go on when an operator sets their update aside, which is retried while another one is in hand', async () => {
    await empty()
    const lane = newLane()
    await anna.inbox.store(update(lane))
    const [aside] = await anna.claimAll()
    assert.ok(aside)
    const admin = sqlOf(database.work)
    const bot = botId(1)
    assert.equal(await shelveItem(admin, bot, aside.updateId, now), true)
    await anna.inbox.store(update(lane))
    const [next] = await boris.claimAll()
    assert.ok(next && next.id > aside.id)
    assert.equal(
      await retryItem(admin, botId(2), aside.updateId),
      false,
      'the same number of another bot is another one',
    )
    assert.equal(await retryItem(admin, bot, aside.updateId), true)
    assert.deepEqual(await claimedBy(lane), [boris.id])
    // What is in hand stays there.
    assert.equal(await retryItem(admin, bot, next.updateId), true)
    assert.deepEqual(await claimedBy(lane), [boris.id])
    await store.transact(storage.permit, (tx) => tx.inbox.mustFinish(next.id, now))
    assert.equal((await anna.claimAll())[0]?.id, aside.id)
  })
})

describe('an update that ends its process', () => {
  const silent = 5_000
  const died = (id: InstanceId) =>
    storage.rows(`update instances set beat_at = beat_at - interval '10 seconds' where instance = $1`, [id])
  const itemOf = async (lane: Lane) =>
    (
      await storage.rows<{ state: string; interrupted: number; attempts: number }>(
        `select case when finished_at is not null then 'finished' when shelved_at is not null then 'shelved'
                else 'waits' end as state, interrupted, attempts from inbox where lane = $1`,
        [lane],
      )
    )[0]

  /** An instance that works until it dies of the poison, or until nothing waits. */
  async function live(name: string, poison: Lane): Promise<boolean> {
    const { id, inbox, claims, instances } = instance(name)
    await instances.announce(1, about)
    const stopping = new AbortController()
    let isDead = false
    const never = new Promise<never>(() => {})
    const dispatcher = createDispatcher({
      inbox,
      claims,
      arrive: () => assert.fail('nothing arrives'),
      async handle(permit, item) {
        isDead ||= item.lane === poison
        // The others were in hand in the same moment, and nothing of them is written either.
        await new Promise((resolve) => setImmediate(resolve))
        if (isDead) return await never
        await store.transact(permit, (tx) => tx.inbox.mustFinish(item.id, now))
      },
      retryLater: () => assert.fail('nothing fails'),
      shelve: (permit, { id: item }, error) => store.transact(permit, (tx) => tx.inbox.shelve(item, now, error)),
      isCareful: () => true,
      clock,
      telemetry: createTelling(clock).telemetry,
    })
    const work = dispatcher.work(permitOf(id), stopping.signal)
    const waits = 'select 1 from inbox where finished_at is null and shelved_at is null'
    await until(async () => isDead || (await storage.rows(waits)).length === 0, 'it died, or has handled everything')
    // The dead one is left as it is: its steps never end.
    if (isDead) await died(id)
    else {
      stopping.abort()
      await work
    }
    return isDead
  }

  it('is handled alone from then on, and shelved after five deaths; the eleven beside it are handled', async () => {
    await empty()
    const lanes = Array.from({ length: 12 }, newLane)
    const [, , , poison] = lanes
    assert.ok(poison)
    for (const lane of lanes) await anna.inbox.store(update(lane))
    let deaths = 0
    while (await live(`life-${deaths}`, poison)) {
      assert.deepEqual(
        (await anna.instances.declareDead([instanceId(`life-${deaths}`)], silent)).map((each) => each.instance),
        [`life-${deaths}`],
      )
      deaths += 1
    }
    assert.equal(deaths, attemptsMax)
    for (const lane of lanes) {
      const item = await itemOf(lane)
      assert.equal(item?.state, lane === poison ? 'shelved' : 'finished')
      assert.equal(item?.interrupted, lane === poison ? attemptsMax : 1)
      assert.equal(item?.attempts, 0)
    }
  })

  it('is known when the instance is declared dead or may not work any more, and not when it ends in order', async () => {
    await empty()
    const lanes = [newLane(), newLane(), newLane(), newLane()] as const
    const [ofDead, ofFormer, ofLeft, ofAnew] = lanes
    const claimedFor = async (lane: Lane) => {
      const one = instance(`of-${lane}`)
      await one.instances.announce(1, about)
      assert.equal(typeof (await one.inbox.store(update(lane), 'claim')), 'object')
      return one
    }
    const interruptions = async () => (await Promise.all(lanes.map(itemOf))).map((item) => item?.interrupted)
    const dead = await claimedFor(ofDead)
    await died(dead.id)
    assert.equal((await anna.instances.beat(1, 'passive')).deathMsAgo, undefined)
    await anna.instances.declareDead([dead.id], silent)
    const { deathMsAgo } = await anna.instances.beat(1, 'passive')
    assert.ok(deathMsAgo !== undefined && deathMsAgo < 60_000, 'every beat says that an instance has died')
    const former = await claimedFor(ofFormer)
    await storage.rows(`update instances set work = 'exclusive' where instance = $1`, [former.id])
    const left = await claimedFor(ofLeft)
    await left.instances.leave()
    const anew = await claimedFor(ofAnew)
    await anew.instances.announce(2, about)
    assert.equal(await anna.instances.freeLanes(), 1)
    assert.deepEqual(await interruptions(), [1, 1, 0, 0])
    for (const lane of lanes) assert.deepEqual(await claimedBy(lane), [])
    const { items, isAnyInterrupted } = await anna.claims.claim(permitOf(anna.id), { max: 10, busy: [], now })
    assert.deepEqual({ lanes: lanesOf(items), isAnyInterrupted }, { lanes: [ofLeft, ofAnew], isAnyInterrupted: true })
    const alone = await anna.claims.claimInterrupted(permitOf(anna.id), now)
    assert.equal(alone?.lane, ofDead)
    const others = await boris.claims.claimInterrupted(permitOf(boris.id), now)
    assert.equal(others?.lane, ofFormer, 'each by one instance')
    const third = instance('third')
    await third.instances.announce(1, about)
    const none = await third.claims.claim(permitOf(third.id), { max: 10, busy: [], now })
    assert.deepEqual(none, { items: [], isAnyWaiting: true, isAnyInterrupted: false })
  })

  it('has all its attempts back when an operator retries it', async () => {
    await empty()
    const lane = newLane()
    const received = update(lane)
    await anna.inbox.store(received)
    await storage.rows(`update inbox set interrupted = 5, attempts = 3, shelved_at = 1 where lane = $1`, [lane])
    assert.equal(await retryItem(sqlOf(database.work), received.bot, received.updateId), true)
    assert.deepEqual(await itemOf(lane), { state: 'waits', interrupted: 0, attempts: 0 })
  })
})

describe('an instance among others', () => {
  const write = (permit: WorkerPermit, scope: string) => store.transact(permit, (tx) => tx.waits.set(scope, now))
  const silent = 200
  const untilSilent = (id: InstanceId) =>
    until(
      async () => (await anna.instances.silent(silent)).some(({ instance: who }) => who === id),
      'it has been silent for a while',
    )

  it('writes while it is alive, and nothing before it was announced, in a former incarnation or after it left', async () => {
    await empty()
    const { id, instances } = instance('worker')
    await assert.rejects(write(permitOf(id), 'too early'), FenceLost)
    await instances.announce(1, about)
    await write(permitOf(id), 'alive')
    await instances.announce(2, about)
    await assert.rejects(write(permitOf(id), 'of a former life'), FenceLost)
    await write(permitOf(id, 2), 'alive again')
    await instances.leave()
    await assert.rejects(write(permitOf(id, 2), 'gone'), FenceLost)
    const written = await storage.rows<{ scope: string }>('select scope from waits order by scope')
    assert.deepEqual(
      written.map(({ scope }) => scope),
      ['alive', 'alive again'],
    )
  })

  it('is declared dead when it is silent: its lanes are free, its steps refused, and it can come back', async () => {
    await empty()
    const dead = instance('silent')
    await dead.instances.announce(1, about)
    const lane = newLane()
    await dead.inbox.store(update(lane), 'claim')
    await anna.instances.announce(1, about)
    await untilSilent(dead.id)
    assert.deepEqual(await anna.claimAll(), [])
    const declared = await anna.instances.declareDead([dead.id], silent)
    assert.deepEqual(
      declared.map(({ instance: who }) => who),
      [dead.id],
    )
    assert.equal((await anna.claims.claimInterrupted(permitOf(anna.id), now))?.lane, lane)
    await assert.rejects(write(permitOf(dead.id), 'dead'), FenceLost)
    const claim = dead.claims.claim(permitOf(dead.id), { max: 1, busy: [], now })
    await assert.rejects(claim, FenceLost)
    assert.equal((await dead.instances.beat(1, 'passive')).isAlive, false)
    await dead.instances.announce(2, about)
    assert.equal((await dead.instances.beat(2, 'passive')).isAlive, true)
    await write(permitOf(dead.id, 2), 'back')
  })

  it('says that it lives while it has no answer yet to the time before', async () => {
    await empty()
    const { instances } = instance('unanswered')
    await instances.announce(1, about)
    const holder = await database.connect('holder')
    try {
      await holder.query('begin')
      await holder.query('select from instances for update')
      const beats = Promise.all([instances.beat(1, 'passive'), instances.beat(1, 'passive')])
      const said = `select 1 from pg_stat_activity
        where application_name = $1 and wait_event_type = 'Lock' and query like '%update instances set beat_at%'`
      await until(async () => (await storage.rows(said, [`trt ${schema}`])).length === 2, 'both are said')
      await holder.query('rollback')
      assert.deepEqual(
        (await beats).map(({ isAlive }) => isAlive),
        [true, true],
      )
    } finally {
      await holder.end()
    }
  })

  it('is not declared dead when it was heard at the last moment', async () => {
    await empty()
    const slow = instance('slow')
    await slow.instances.announce(1, about)
    await untilSilent(slow.id)
    await slow.instances.beat(1, 'passive')
    assert.deepEqual(await anna.instances.declareDead([slow.id], silent), [])
    await write(permitOf(slow.id), 'heard')
  })

  it('ends its step before it is declared dead, and begins none after that', async () => {
    await empty()
    const dying = instance('dying')
    await dying.instances.announce(1, about)
    await untilSilent(dying.id)
    const begun = Promise.withResolvers<void>()
    const mayEnd = Promise.withResolvers<void>()
    const step = store.transact(permitOf(dying.id), async (tx) => {
      await tx.waits.set('the last step', now)
      begun.resolve()
      await mayEnd.promise
    })
    await begun.promise
    let isDeclared = false
    const declared = anna.instances.declareDead([dying.id], silent).then(() => {
      isDeclared = true
    })
    const waits = "select 1 from pg_stat_activity where wait_event = 'advisory' and application_name = $1"
    await until(async () => (await storage.rows(waits, [`trt ${schema}`])).length > 0, 'the declaration waits')
    const late = write(permitOf(dying.id), 'too late')
    late.catch(() => undefined)
    assert.equal(isDeclared, false)
    mayEnd.resolve()
    await step
    await declared
    await assert.rejects(late, FenceLost)
  })

  it('begins its work anew, with a new right, after it was declared dead', async () => {
    await empty()
    const { id, instances } = instance('revived')
    const telling = createTelling(clock)
    const permits: WorkerPermit[] = []
    const membership = new Membership({
      instances,
      instance: id,
      work: 'shared',
      role: () => 'passive',
      duties: [
        workDuty('work', async (permit, signal) => {
          permits.push(permit)
          await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
        }),
      ],
      clock,
      telemetry: telling.telemetry,
      times: { beatEveryMs: 20, freshMs: onThisMachine(400), silentMs: onThisMachine(500), lookEveryMs: 50 },
    })
    await membership.join()
    const stopping = new AbortController()
    const working = membership.work(() => true, stopping.signal)
    await until(() => permits.length === 1, 'it works')
    await storage.rows('delete from instances where instance = $1', [id])
    await until(() => permits.length === 2, 'it works again')
    const [former, present] = permits
    assert.ok(former && present)
    assert.equal(former.isFresh(), false)
    assert.equal(present.isFresh(), true)
    await assert.rejects(write(former, 'former'), FenceLost)
    await write(present, 'present')
    assert.deepEqual(telling.events('INSTANCE_REVIVED'), ['INSTANCE_REVIVED'])
    stopping.abort()
    await working
    await membership.leave()
    assert.equal(membership.isWorking, false)
    assert.deepEqual(await storage.rows('select 1 from instances where instance = $1', [id]), [])
  })

  it('does not believe in its right when it cannot say that it lives, and works again when it can', async () => {
    await empty()
    const { id, instances } = instance('cut-off')
    let isCut = false
    const permits: WorkerPermit[] = []
    const membership = new Membership({
      instances: {
        ...instances,
        beat: async (...said) => (isCut ? await Promise.reject(new Error('cut')) : await instances.beat(...said)),
        announce: async (...said) =>
          isCut ? await Promise.reject(new Error('cut')) : await instances.announce(...said),
      },
      instance: id,
      work: 'shared',
      role: () => 'passive',
      duties: [workDuty('work', async (permit) => void permits.push(permit))],
      clock,
      telemetry: createTelling(clock).telemetry,
      times: { beatEveryMs: 10, freshMs: onThisMachine(100), silentMs: onThisMachine(500), lookEveryMs: 50 },
    })
    await membership.join()
    const work = { name: 'work', run: (_: unknown, signal: AbortSignal) => membership.work(() => true, signal) }
    const working = startDuties([work], undefined, { clock, telemetry: createTelling(clock).telemetry })
    await until(() => permits.length === 1, 'it works')
    isCut = true
    await until(() => permits[0]?.isFresh() === false && !membership.isWorking, 'its work has ended')
    isCut = false
    await until(() => permits.length === 2 && membership.isWorking, 'it works again')
    await working.stop()
    await membership.leave()
  })
})

describe('the watch over instances', () => {
  it('declares dead whom two looks found silent, and nobody else, and unlocks their jobs then', async () => {
    await empty()
    await storage.rows('truncate instances')
    const telling = createTelling(clock)
    const steps = createTestClock()
    const [alive, dead] = [instance('alive'), instance('frozen')]
    let unlocks = 0
    const errands = { unlockGone: async () => (unlocks += 1) }
    await dead.instances.announce(1, about)
    await alive.instances.announce(1, about)
    const times = { beatEveryMs: 20, freshMs: 400, silentMs: 200, lookEveryMs: 1_000 }
    const [look] = createInstanceWatch({
      instances: alive.instances,
      isAlone: () => false,
      errands,
      clock: steps,
      telemetry: telling.telemetry,
      times,
    })
    assert.ok(look)
    await until(async () => (await alive.instances.silent(200)).length > 0, 'it has been silent for a while')
    const stopping = new AbortController()
    const watching = look.run({ kind: 'leader', epoch: 0, isFresh: () => true }, stopping.signal)
    await until(() => steps.sleepers().length === 1, 'it has looked once')
    assert.deepEqual(telling.events(), [])
    await steps.advance(1_000)
    await until(() => unlocks > 0 && steps.sleepers().length === 1, 'it has looked twice')
    assert.deepEqual(
      telling.fieldsOf('INSTANCE_DECLARED_DEAD').map(({ instance: who }) => who),
      ['frozen'],
    )
    assert.equal(unlocks, 1, 'when the declaration is committed')
    stopping.abort()
    await watching
  })

  it('asks for the silent only where a beat has said that there are others', async () => {
    await storage.rows('truncate instances')
    const [one, other] = [instance('one'), instance('other')]
    await one.instances.announce(1, about)
    assert.equal((await one.instances.beat(1, 'active')).isAlone, true)
    await other.instances.announce(1, about)
    assert.equal((await one.instances.beat(1, 'active')).isAlone, false)
    const steps = createTestClock()
    const [look] = createInstanceWatch({
      instances: { ...one.instances, silent: () => assert.fail('nobody else is there') },
      isAlone: () => true,
      errands: { unlockGone: async () => 0 },
      clock: steps,
      telemetry: createTelling(clock).telemetry,
      times: beatTimes,
    })
    const stopping = new AbortController()
    const watching = look?.run({ kind: 'leader', epoch: 0, isFresh: () => true }, stopping.signal)
    await until(() => steps.sleepers().length === 1, 'it has looked')
    stopping.abort()
    await watching
  })

  it('frees lanes that an instance without a row has claimed', async () => {
    await empty()
    await storage.rows('delete from instances where instance = $1', [boris.id])
    const [mine, orphan] = [newLane(), newLane()]
    await anna.inbox.store(update(mine), 'claim')
    await boris.inbox.store(update(orphan), 'claim')
    assert.equal(await anna.instances.freeLanes(), 1)
    assert.deepEqual([await claimedBy(mine), await claimedBy(orphan)], [['anna'], []])
  })
})

describe('calls to one chat', () => {
  const [here, there] = [openTurns(), openTurns()]
  function openTurns() {
    const { telemetry } = createTelling(clock)
    return openDatabase({ url: storage.url, schema, maxConn: 7, clock, telemetry })
  }
  const turnsOf = ({ turns }: typeof here, by = clock) => createChatTurns({ session: turns, schema, clock: by })

  it('are one instance’s at a time, and those to other chats do not wait', async () => {
    const [one, other] = [turnsOf(here), turnsOf(there)]
    let calls = 0
    const call = async () => {
      calls += 1
      assert.equal(calls, 1, 'two calls to one chat at the same time')
      await pause(5)
      calls -= 1
    }
    // Within an instance the runner lets them queue.
    await Promise.all(
      [one, other].map(async (instance) => {
        for (let n = 0; n < 10; n++) assert.notEqual(await instance.inTurn(chatId(1), call), 'busy')
      }),
    )
    const held = Promise.withResolvers<void>()
    const inside = Promise.withResolvers<void>()
    const first = one.inTurn(chatId(2), async () => {
      inside.resolve()
      await held.promise
    })
    await inside.promise
    assert.equal(await other.inTurn(chatId(3), async () => 'another chat'), 'another chat')
    const second = other.inTurn(chatId(2), async () => 'the same chat')
    held.resolve()
    await first
    assert.equal(await second, 'the same chat')
  })

  it('are put off when another instance is at it for longer than a moment', async () => {
    const steps = createTestClock()
    const inside = Promise.withResolvers<void>()
    const held = Promise.withResolvers<void>()
    const first = turnsOf(here).inTurn(chatId(4), async () => {
      inside.resolve()
      await held.promise
    })
    await inside.promise
    const second = turnsOf(there, steps).inTurn(chatId(4), async () => 'never')
    let answer: string | undefined
    void second.then((said) => {
      answer = said
    })
    await until(async () => {
      await steps.advance(500)
      return answer !== undefined
    }, 'it gave up')
    assert.equal(answer, 'busy')
    held.resolve()
    await first
  })

  it('are free when the instance that made one is gone', async () => {
    const inside = Promise.withResolvers<void>()
    const held = Promise.withResolvers<void>()
    const first = turnsOf(here).inTurn(chatId(5), async () => {
      inside.resolve()
      await held.promise
    })
    await inside.promise
    const [session] = (await here.turns.query<{ pid: number }>('select pg_backend_pid() as pid')).rows
    await storage.rows('select pg_terminate_backend($1)', [session?.pid])
    assert.equal(await turnsOf(there).inTurn(chatId(5), async () => 'free'), 'free')
    held.resolve()
    await first
    await here.end()
    await there.end()
  })
})
