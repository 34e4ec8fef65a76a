import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { createDispatcher } from '../../src/dispatch/dispatcher.ts'
import type { Claims, Inbox, InboxItem } from '../../src/inbox/inbox.ts'
import { createClock } from '../../src/kit/clock.ts'
import { botId, chatId, type InstanceId, instanceId, type Lane } from '../../src/kit/ids.ts'
import { workDuty } from '../../src/lifecycle/duties.ts'
import { createInstanceWatch } from '../../src/lifecycle/instance-watch.ts'
import { Membership } from '../../src/lifecycle/membership.ts'
import { createChatTurns } from '../../src/storage/postgres/chat-turns.ts'
import { openDatabase } from '../../src/storage/postgres/database.ts'
import { createPostgresClaims, createPostgresInbox, pruneInbox } from '../../src/storage/postgres/inbox.ts'
import { retryItem, shelveItem } from '../../src/storage/postgres/inbox-admin.ts'
import { createPostgresInstances } from '../../src/storage/postgres/instances.ts'
import { sqlOf } from '../../src/storage/postgres/store.ts'
import { FenceLost, type WorkerPermit } from '../../src/store.ts'
import { createTestClock } from '../fixtures/clock.ts'
import { until } from '../fixtures/person.ts'
import { openStorage } from '../fixtures/storage.ts'
import { createTelling } from '../fixtures/telling.ts'
import { inboxContract, newLane, now, update } from './inbox-contract.ts'

/** Several instances on one schema that all work: what `src/lifecycle/instances.ts` and the inbox promise of them. */
const storage = await openStorage({ maxConn: 20 })
const { database, schema, store } = storage
const clock = createClock()

/** One instance, as its process would hold the database. */
function instance(name: string) {
  const id = instanceId(name)
  return {
    id,
    inbox: createPostgresInbox({ pool: database.intake, onStored: () => {}, claimAs: id }),
    claims: createPostgresClaims(database.work, id),
    instances: createPostgresInstances({
      looks: database.looks,
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
const claimAll = (claims: Claims) => claims.claim({ max: 100, busy: [], now })
const lanesOf = (items: readonly InboxItem[]) => items.map(({ lane }) => lane)
const claimedBy = async (lane: Lane) =>
  (
    await storage.rows<{ claimed_by: string }>(
      'select claimed_by from inbox where lane = $1 and claimed_by is not null and finished_at is null',
      [lane],
    )
  ).map((row) => row.claimed_by)
const empty = () => storage.rows('truncate inbox; truncate instances')

const [anna, boris] = [instance('anna'), instance('boris')]

inboxContract('PostgreSQL, where work is shared', {
  inbox: anna.inbox,
  claims: anna.claims,
  step: (work) => store.transact(storage.permit, ({ inbox: step }) => work(step)),
  prune: (before) => pruneInbox(database.work, before),
  kept: async (lane) => {
    const [row] = await storage.rows<{ n: number }>('select count(*) as n from inbox where lane = $1', [lane])
    return row?.n ?? 0
  },
})

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
          claims,
          async handle(permit, item) {
            assert.equal(inHand.get(item.lane), undefined, `${item.lane} is worked by two`)
            inHand.set(item.lane, name)
            await store.transact(permit, async (tx) => {
              if (!(await tx.inbox.finish(item.id, now))) return
              handled.get(item.lane)?.push(item.updateId)
              workers.add(name)
              // With the commit the lane is free for the others, before anybody here has heard of it.
              inHand.delete(item.lane)
            })
          },
          postpone: () => assert.fail('nothing fails'),
          shelve: () => assert.fail('nothing fails'),
          clock,
          telemetry: createTelling(clock).telemetry,
        })
        return { inbox, dispatcher, work: dispatcher.work(permitOf(id), stopping.signal) }
      }),
    )
    const sent = new Map<Lane, number[]>(lanes.map((lane) => [lane, []]))
    await Promise.all(
      lanes.map(async (lane) => {
        // Telegram sends the next update of a lane when the one before is acknowledged, to whoever it reaches.
        for (let n = 0; n < perLane; n++) {
          const through = running[(n + lanes.indexOf(lane)) % running.length]
          assert.ok(through)
          const received = update(lane)
          const offer = through.dispatcher.offer(lane)
          offer.settle(await through.inbox.store(received, { claim: offer.claim }))
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
    const other = createPostgresInbox({ pool: twoIntakes.intake, onStored: () => {}, claimAs: boris.id })
    let collisions = 0
    for (let n = 0; n < 150; n++) {
      const lane = newLane()
      const both = await Promise.all(
        [anna.inbox, other].map((inbox: Inbox) => inbox.store(update(lane), { claim: true })),
      )
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
    const claims = await Promise.all(
      Array.from({ length: 5 }, (_, n) => claimAll(instance(`of-five-${n}`).claims).then(lanesOf)),
    )
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
    const late = await anna.inbox.store(update(lane), { claim: true })
    assert.ok(typeof late === 'object')
    await slow.query('commit')
    await slow.end()
    assert.deepEqual(await claimAll(boris.claims), [])
    await store.transact(storage.permit, (tx) => tx.inbox.finish(late.id, now))
    assert.deepEqual(
      (await claimAll(boris.claims)).map(({ updateId }) => updateId),
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
      (await claimAll(anna.claims)).map(({ updateId }) => updateId),
      [1],
    )
    assert.deepEqual(await claimedBy(lane), ['anna'])
  })

  it('are free for everybody again when their update was given back, put off or set aside', async () => {
    await empty()
    const lane = newLane()
    await anna.inbox.store(update(lane))
    await anna.inbox.store(update(lane))
    const [first] = await claimAll(anna.claims)
    assert.ok(first)
    await anna.claims.giveBack(first, { until: now, error: 'the world' })
    const [second] = await claimAll(boris.claims)
    assert.equal(second?.id, first.id)
    await store.transact(storage.permit, (tx) => tx.inbox.postpone(first.id, { until: now, error: 'ours' }))
    assert.deepEqual(lanesOf(await claimAll(anna.claims)), [lane])
    await store.transact(storage.permit, (tx) => tx.inbox.shelve(first.id, now, 'too often'))
    const [third] = await claimAll(boris.claims)
    assert.ok(third && third.id > first.id)
  })

  it('go on when an operator sets their update aside, which is retried while another one is in hand', async () => {
    await empty()
    const lane = newLane()
    await anna.inbox.store(update(lane))
    const [aside] = await claimAll(anna.claims)
    assert.ok(aside)
    const admin = sqlOf(database.work)
    const bot = botId(1)
    assert.equal(await shelveItem(admin, bot, aside.updateId, now), true)
    await anna.inbox.store(update(lane))
    const [next] = await claimAll(boris.claims)
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
    await store.transact(storage.permit, (tx) => tx.inbox.finish(next.id, now))
    assert.equal((await claimAll(anna.claims))[0]?.id, aside.id)
  })
})

describe('an instance among others', () => {
  const write = (permit: WorkerPermit, scope: string) => store.transact(permit, (tx) => tx.waits.set(scope, now))
  const silent = 200

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
    await dead.instances.notePool('pool-1')
    const lane = newLane()
    await dead.inbox.store(update(lane), { claim: true })
    await anna.instances.announce(1, about)
    await until(async () => (await anna.instances.silent(silent)).length > 0, 'it has been silent for a while')
    assert.deepEqual(await claimAll(anna.claims), [])
    const declared = await anna.instances.declareDead([dead.id], silent)
    assert.deepEqual(
      declared.map(({ instance: who, hands }) => ({ who, hands })),
      [{ who: dead.id, hands: ['hands-silent', 'pool-1'] }],
    )
    assert.deepEqual(lanesOf(await claimAll(anna.claims)), [lane])
    await assert.rejects(write(permitOf(dead.id), 'dead'), FenceLost)
    assert.equal(await dead.instances.beat(1, 'passive'), false)
    await dead.instances.announce(2, about)
    assert.equal(await dead.instances.beat(2, 'passive'), true)
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
      assert.deepEqual(await beats, [true, true])
    } finally {
      await holder.end()
    }
  })

  it('is known with its errand engine, also when it had to announce itself anew meanwhile', async () => {
    await empty()
    const { instances } = instance('with-engine')
    await assert.rejects(instances.notePool('pool-1'), /declared dead/)
    await instances.announce(1, about)
    assert.deepEqual(await anna.instances.hands('all'), ['hands-with-engine', 'pool-1'])
    await instances.notePool('pool-2')
    await instances.announce(2, about)
    assert.deepEqual(await anna.instances.hands('all'), ['hands-with-engine', 'pool-2'])
    await instance('with-engine').instances.announce(1, about)
    assert.deepEqual(await anna.instances.hands('all'), ['hands-with-engine'], 'a new process has no engine yet')
  })

  it('is not declared dead when it was heard at the last moment', async () => {
    await empty()
    const slow = instance('slow')
    await slow.instances.announce(1, about)
    await until(async () => (await anna.instances.silent(silent)).length > 0, 'it has been silent for a while')
    await slow.instances.beat(1, 'passive')
    assert.deepEqual(await anna.instances.declareDead([slow.id], silent), [])
    await write(permitOf(slow.id), 'heard')
  })

  it('ends its step before it is declared dead, and begins none after that', async () => {
    await empty()
    const dying = instance('dying')
    await dying.instances.announce(1, about)
    await until(async () => (await anna.instances.silent(silent)).length > 0, 'it has been silent for a while')
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
          if (permit.kind === 'worker') permits.push(permit)
          await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
        }),
      ],
      clock,
      telemetry: telling.telemetry,
      times: { beatEveryMs: 20, freshMs: 400, silentMs: 500, lookEveryMs: 50 },
    })
    await membership.join()
    assert.equal(membership.works, true)
    await storage.rows('delete from instances')
    await until(() => permits.length === 2, 'it works again')
    const [former, present] = permits
    assert.ok(former && present)
    assert.equal(former.isFresh(), false)
    assert.equal(present.isFresh(), true)
    await assert.rejects(write(former, 'former'), FenceLost)
    await write(present, 'present')
    assert.deepEqual(telling.events('INSTANCE_REVIVED'), ['INSTANCE_REVIVED'])
    await membership.leave()
    assert.equal(membership.works, false)
    assert.deepEqual(await storage.rows('select 1 from instances'), [])
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
      duties: [workDuty('work', async (permit) => void (permit.kind === 'worker' && permits.push(permit)))],
      clock,
      telemetry: createTelling(clock).telemetry,
      times: { beatEveryMs: 10, freshMs: 100, silentMs: 500, lookEveryMs: 50 },
    })
    await membership.join()
    await until(() => permits.length === 1, 'it works')
    isCut = true
    await until(() => permits[0]?.isFresh() === false && !membership.works, 'its work has ended')
    isCut = false
    await until(() => permits.length === 2 && membership.works, 'it works again')
    await membership.leave()
  })
})

describe('the watch over instances', () => {
  it('declares dead whom two looks found silent, and frees what they had in hand, and nobody else', async () => {
    await empty()
    const telling = createTelling(clock)
    const steps = createTestClock()
    const [alive, dead] = [instance('alive'), instance('frozen')]
    const freed: string[] = []
    const errands = {
      holders: async () => ['hands-frozen', 'pool-of-frozen', 'hands-alive', 'pool-of-alive'],
      unlock: async (holders: readonly string[]) => void freed.push(...holders),
      tidy: async () => 0,
    }
    await dead.instances.announce(1, about)
    await dead.instances.notePool('pool-of-frozen')
    await alive.instances.announce(1, about)
    await alive.instances.notePool('pool-of-alive')
    const times = { beatEveryMs: 20, freshMs: 400, silentMs: 200, lookEveryMs: 1_000 }
    const [look] = createInstanceWatch({
      instances: alive.instances,
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
    await until(() => freed.length > 0 && steps.sleepers().length === 1, 'it has looked twice')
    assert.deepEqual(
      telling.fieldsOf('INSTANCE_DECLARED_DEAD').map(({ instance: who }) => who),
      ['frozen'],
    )
    assert.deepEqual(freed, ['hands-frozen', 'pool-of-frozen'])
    stopping.abort()
    await watching
  })

  it('frees lanes that an instance without a row has claimed', async () => {
    await empty()
    await anna.instances.announce(1, about)
    const [mine, orphan] = [newLane(), newLane()]
    await anna.inbox.store(update(mine), { claim: true })
    await boris.inbox.store(update(orphan), { claim: true })
    assert.equal(await anna.instances.freeLanes(), 1)
    assert.deepEqual([await claimedBy(mine), await claimedBy(orphan)], [['anna'], []])
  })
})

describe('calls to one chat', () => {
  const [here, there] = [openTurns(), openTurns()]
  function openTurns() {
    const { telemetry } = createTelling(clock)
    return openDatabase({ url: storage.url, schema, maxConn: 7, isShared: true, clock, telemetry })
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
