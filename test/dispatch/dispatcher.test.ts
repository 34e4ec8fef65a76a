import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import type { Arrival } from '../../src/dispatch/arrive.ts'
import { createDispatcher, type DispatcherDeps } from '../../src/dispatch/dispatcher.ts'
import { FenceLost, StorageFault } from '../../src/faults.ts'
import { attemptsMax, CannotStore, type InboxItem, type Received } from '../../src/inbox/inbox.ts'
import { after } from '../../src/kit/clock.ts'
import { botId, type Lane, laneOfPerson, newCid, personId } from '../../src/kit/ids.ts'
import { createTestClock } from '../fixtures/clock.ts'
import { until } from '../fixtures/person.ts'
import { openStorage } from '../fixtures/storage.ts'
import { createTelling } from '../fixtures/telling.ts'

/** The dispatcher on a real inbox. Its clock stands still, so what happens without `advance` waited for nothing. */
const storage = await openStorage()
const { inbox, claims, store, worker } = storage
let updates = 0
const laneOf = (n: number): Lane => laneOfPerson(personId(n))
const [anna, boris, vera] = [laneOf(1), laneOf(2), laneOf(3)]
const lanesOf = (count: number): Lane[] => Array.from({ length: count }, (_, n) => laneOf(n + 1))

type Handle = (item: InboxItem) => Promise<void>
type Arrive = (received: Received, mayClaim: () => boolean, onStored: (how: 'stored' | 'duplicate') => void) => Arrival
type Wish = {
  readonly isCareful?: () => boolean
  /** Updates that wait for their commit. */
  readonly waiting?: () => number
  /** How an update is handled on its arrival; usually it is stored as claimed. */
  readonly arrive?: Arrive
}

/** An arrival is read before it is stored. */
const readFirst = async () => {}
/** Stored as claimed for this instance where its lane is free and a step may begin. */
const storeClaimed: Arrive = (received, mayClaim, onStored) => {
  const stored = readFirst().then(async () => {
    const item = await inbox.store(received, mayClaim() ? 'claim' : 'wait')
    onStored(item === 'duplicate' ? 'duplicate' : 'stored')
    return item
  })
  return {
    stored: stored.then(() => undefined),
    end: stored.then(
      (item) => (typeof item === 'object' ? { kind: 'claimed', item } : { kind: 'waits' }),
      () => ({ kind: 'refused' }),
    ),
  }
}

function start(handle: Handle, { isCareful = () => false, waiting = () => 0, arrive = storeClaimed }: Wish = {}) {
  const clock = createTestClock()
  const telling = createTelling(clock)
  const stopping = new AbortController()
  let arrivals = 0
  const write: Pick<DispatcherDeps, 'retryLater' | 'shelve'> = {
    retryLater: (right, { id }, { ms, error }) =>
      store.transact(right, (tx) => tx.inbox.retryLater(id, { until: after(clock.now(), ms), error })),
    shelve: (right, { id }, error) => store.transact(right, (tx) => tx.inbox.shelve(id, clock.now(), error)),
  }
  const dispatcher = createDispatcher({
    inbox: { store: inbox.store, waiting },
    claims,
    arrive: (_permit, received, mayClaim, onStored) => {
      arrivals += 1
      return arrive(received, mayClaim, onStored)
    },
    handle: async (right, item) => {
      await handle(item)
      await store.transact(right, (tx) => tx.inbox.mustFinish(item.id, clock.now()))
    },
    ...write,
    isCareful,
    clock,
    telemetry: telling.telemetry,
  })
  return {
    ...telling,
    clock,
    dispatcher,
    working: dispatcher.work(worker, stopping.signal),
    abort: () => stopping.abort(),
    /** How many updates could be handled on their arrival; the others were only stored. */
    arrivals: () => arrivals,
    async arrives(lane: Lane, kind = 'message'): Promise<number> {
      const received = updateOf(lane, kind)
      await dispatcher.take(received, () => {})
      return received.updateId
    },
    /** As another instance stores: this one is only woken. */
    async arrivesElsewhere(lane: Lane): Promise<void> {
      await inbox.store(updateOf(lane, 'message'))
      dispatcher.wake()
    },
  }
}

const updateOf = (lane: Lane, kind: string) => {
  updates += 1
  const time = createTestClock().now()
  return { bot: botId(1), updateId: updates, lane, kind, cid: newCid(), body: '{}', receivedAt: time }
}

/** Holds what comes until the door is opened. */
function createDoor() {
  const opened = Promise.withResolvers<void>()
  let inside = 0
  return {
    inside: () => inside,
    open: opened.resolve,
    fail: opened.reject,
    async pass() {
      inside += 1
      await opened.promise
    },
  }
}

describe('the dispatcher', () => {
  let running: ReturnType<typeof start> | undefined
  const dispatch = (handle: Handle, wish?: Wish) => {
    running = start(handle, wish)
    return running
  }
  const rows = () =>
    storage.rows<{ update_id: number; attempts: number; state: string }>(
      `select update_id, attempts, case when finished_at is not null then 'finished'
       when shelved_at is not null then 'shelved' else 'waiting' end as state from inbox order by id`,
    )
  const inHand = async () =>
    (await storage.rows('select 1 from inbox where claimed_by is not null and finished_at is null')).length
  const statesAndAttempts = async () => (await rows()).map(({ state, attempts }) => ({ state, attempts }))
  const allAre = (state: string) => async () => (await rows()).every((row) => row.state === state)

  beforeEach(() => storage.rows('truncate inbox'))
  afterEach(async () => {
    running?.abort()
    // Also of a test that failed: what its steps have not ended is released.
    await running?.clock.advance(10_000)
    await running?.working.catch(() => undefined)
  })

  it('handles a lane in order across all kinds of updates, one at a time, whichever way they came', async () => {
    const seen: number[] = []
    let atOnce = 0
    const it = dispatch(async (item) => {
      atOnce += 1
      assert.equal(atOnce, 1)
      await new Promise((resolve) => setImmediate(resolve))
      seen.push(item.updateId)
      atOnce -= 1
    })
    for (let n = 0; n < 12; n++) {
      if (n % 3 === 2) await it.arrivesElsewhere(anna)
      else await Promise.all([it.arrives(anna, 'message'), it.arrives(anna, 'callback_query')])
    }
    await until(allAre('finished'), 'everything is handled')
    assert.deepEqual(
      seen,
      seen.toSorted((a, b) => a - b),
    )
    assert.equal(seen.length, 20)
    assert.equal(it.events('DISPATCH_OK').length, 20)
  })

  it('handles many lanes at once', async () => {
    const door = createDoor()
    const it = dispatch(door.pass)
    await Promise.all(lanesOf(20).map((lane) => it.arrives(lane)))
    await until(() => door.inside() === 20, 'twenty steps have begun')
    door.open()
    await until(allAre('finished'), 'everything is handled')
  })

  it('begins no more steps than there is room for when more arrive at once', async () => {
    const door = createDoor()
    const it = dispatch(door.pass)
    await until(() => it.clock.sleepers().length > 0, 'it rests')
    await Promise.all(lanesOf(100).map((lane) => it.arrives(lane)))
    await until(() => door.inside() >= 32, 'there is no room')
    await it.clock.advance(1_000)
    assert.equal(door.inside(), 32)
    door.open()
    await until(async () => {
      await it.clock.advance(50)
      return await allAre('finished')()
    }, 'everything is handled')
  })

  it('does not let one person hold up another', async () => {
    const door = createDoor()
    const it = dispatch((item) => (item.lane === anna ? door.pass() : Promise.resolve()))
    for (let n = 0; n < 30; n++) await it.arrives(anna)
    const other = await it.arrives(boris)
    await until(
      async () => (await rows()).some((row) => row.update_id === other && row.state === 'finished'),
      'the other is done',
    )
    door.open()
    await until(allAre('finished'), 'everything is handled')
  })

  it('begins at once what is stored, here or elsewhere, without the clock having moved', async () => {
    const it = dispatch(async () => {})
    await until(() => it.clock.sleepers().length > 0, 'it rests')
    await it.arrives(anna)
    await it.arrivesElsewhere(boris)
    await until(allAre('finished'), 'both are handled')
  })

  it('finds what was stored before it began, and what nobody told it of when it looks by itself', async () => {
    await inbox.store(updateOf(anna, 'message'))
    const it = dispatch(async () => {})
    await until(allAre('finished'), 'what was there is handled')
    await until(() => it.clock.sleepers().length > 0, 'it rests')
    await inbox.store(updateOf(boris, 'message'))
    await it.clock.advance(5_000)
    await until(allAre('finished'), 'what came in silence is handled')
  })

  /** As many steps as there may be are busy, each behind a door of its own. */
  async function fillRoom(fill: (it: ReturnType<typeof start>) => Promise<unknown>) {
    const doors = new Map<Lane, ReturnType<typeof createDoor>>()
    let allOpen = false
    const it = dispatch(({ lane }) => {
      const door = createDoor()
      if (allOpen) door.open()
      doors.set(lane, door)
      return door.pass()
    })
    await until(() => it.clock.sleepers().length > 0, 'it rests')
    await fill(it)
    await until(() => doors.size === 32, 'there is no room')
    return {
      it,
      doors,
      async end() {
        allOpen = true
        for (const door of doors.values()) door.open()
        await until(allAre('finished'), 'everything is handled')
      },
    }
  }

  it('begins as soon as there is room when there was none', async () => {
    const { it, doors, end } = await fillRoom((it) => Promise.all(lanesOf(32).map((lane) => it.arrives(lane))))
    const late = laneOf(33)
    await it.arrives(late)
    assert.equal(doors.has(late), false)
    doors.get(anna)?.open()
    await until(() => doors.has(late), 'the late one has begun')
    await end()
  })

  it('gathers room when more waits than it can take, but never for longer than a moment', async () => {
    const { it, doors, end } = await fillRoom(async (it) => {
      for (const lane of lanesOf(40)) await inbox.store(updateOf(lane, 'message'))
      it.dispatcher.wake()
    })
    doors.values().next().value?.open()
    await until(() => it.clock.sleepers().includes(50), 'it gathers')
    assert.equal(doors.size, 32)
    await it.clock.advance(50)
    await until(() => doors.size === 33, 'the next one has begun')
    await end()
  })

  /** Time goes on in small steps, and between them what woke does what there is to do. */
  async function passTime(clock: ReturnType<typeof createTestClock>, isOver: () => Promise<boolean>): Promise<void> {
    for (let steps = 0; !(await isOver()); steps++) {
      assert.ok(steps < 200, 'this takes longer than 50 seconds')
      await until(async () => clock.sleepers().length > 0 && (await inHand()) === 0, 'it rests')
      await clock.advance(250)
    }
  }

  it('tries a failing item again with growing pauses, shelves it after five, and goes on with the lane', async () => {
    const tries: { readonly failures: number; readonly at: number }[] = []
    const bad = updates + 1
    const it = dispatch(async ({ updateId, failures }) => {
      if (updateId !== bad) return
      tries.push({ failures, at: it.clock.monotonicMs() })
      throw new TypeError('a bug of ours')
    })
    await it.arrives(anna)
    await it.arrives(anna)
    await passTime(it.clock, async () => (await rows()).at(-1)?.state === 'finished')
    assert.deepEqual(
      tries.map(({ failures }) => failures),
      [0, 1, 2, 3, 4],
    )
    const pauses = tries.slice(1).map(({ at }, n) => at - (tries[n]?.at ?? 0))
    for (const [n, least] of [500, 1_000, 3_000, 10_000].entries()) {
      const pause = pauses[n] ?? 0
      assert.ok(pause >= least && pause < least + 2_000, `after try ${n + 1} it paused ${pause} ms`)
    }
    assert.deepEqual(
      (await rows()).map(({ state }) => state),
      ['shelved', 'finished'],
    )
    assert.deepEqual(
      it.fieldsOf('UPDATE_SHELVED').map((fields) => fields['attempts']),
      [5],
    )
    assert.deepEqual(
      it.fieldsOf('DISPATCH_FAIL').map((fields) => fields['reason_code']),
      Array(5).fill('INTERNAL_ERROR'),
    )
  })

  it('blames nobody for a fault of the world, however often it happens', async () => {
    let faults = 0
    const seen: number[] = []
    const it = dispatch(async ({ failures }) => {
      seen.push(failures)
      if (++faults <= 2 * attemptsMax) throw new StorageFault('the database went away')
    })
    await it.arrives(anna)
    await passTime(it.clock, allAre('finished'))
    assert.ok(faults > 2 * attemptsMax)
    assert.deepEqual(new Set(seen), new Set([0]))
    assert.equal(it.events('UPDATE_SHELVED').length, 0)
  })

  it('leaves what its permit was over for to whoever works now: no attempt is counted and no exception is told', async () => {
    let steps = 0
    const it = dispatch(async () => {
      if (++steps === 1) throw new FenceLost('another instance leads')
    })
    await it.arrives(anna)
    await passTime(it.clock, allAre('finished'))
    assert.equal(it.events('DISPATCH_FAIL').length, 1)
    assert.deepEqual(it.events('EXCEPTION_CAUGHT'), [])
    assert.deepEqual(await statesAndAttempts(), [{ state: 'finished', attempts: 0 }])
  })

  it('shelves unseen what has ended its process five times', async () => {
    await inbox.store(updateOf(anna, 'message'))
    await inbox.store(updateOf(anna, 'message'))
    await storage.rows('update inbox set interrupted = 5 where update_id = $1', [updates - 1])
    const seen: number[] = []
    const it = dispatch(async ({ updateId }) => void seen.push(updateId))
    await until(async () => (await rows()).at(-1)?.state === 'finished', 'the next item is handled')
    assert.deepEqual(seen, [updates])
    assert.deepEqual(
      (await rows()).map(({ state }) => state),
      ['shelved', 'finished'],
    )
    assert.equal(it.events('UPDATE_SHELVED').length, 1)
  })

  it('keeps a lane in order when its item is tried again: what is behind waits', async () => {
    const seen: number[] = []
    const it = dispatch(async ({ updateId, failures }) => {
      seen.push(updateId)
      if (failures === 0 && updateId === first) throw new Error('once')
    })
    const first = updates + 1
    await it.arrives(vera)
    await it.arrives(vera)
    await passTime(it.clock, allAre('finished'))
    assert.deepEqual(seen, [first, first, first + 1])
  })

  it('lets the steps it has begun end when it is stopped, and begins no more', async () => {
    const door = createDoor()
    const it = dispatch(door.pass)
    await it.arrives(anna)
    await until(() => door.inside() === 1 && it.clock.sleepers().length > 0, 'the step has begun, and it rests')
    it.abort()
    let ended = false
    const end = it.working.then(() => {
      ended = true
    })
    await it.arrives(boris)
    await it.clock.advance(9_900)
    assert.equal(ended, false)
    door.open()
    await end
    assert.deepEqual(
      (await rows()).map(({ state }) => state),
      ['finished', 'waiting'],
    )
  })

  it('releases what its steps have not ended within 10 s of a stop: no attempt counts, and it is handled once', async () => {
    const door = createDoor()
    const it = dispatch(door.pass)
    await it.arrives(anna)
    await it.arrivesElsewhere(boris)
    await until(() => door.inside() === 2, 'both steps have begun')
    it.abort()
    await until(() => it.clock.sleepers().includes(10_000), 'it gives its steps their time')
    await it.clock.advance(10_000)
    await it.working
    const given = [
      { state: 'waiting', attempts: 0 },
      { state: 'waiting', attempts: 0 },
    ]
    assert.deepEqual(await statesAndAttempts(), given)
    // What becomes of the steps afterwards is neither an attempt nor a failure.
    door.fail(new StorageFault('the connection is closed by now'))
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(await statesAndAttempts(), given)
    const told = it.fieldsOf('DISPATCH_FAIL').map(({ reason_code, detail }) => `${reason_code} ${detail}`)
    assert.deepEqual(told, Array(2).fill('STOP_TIMEOUT its step had not ended 10 s after the stop'))
    let handled = 0
    dispatch(async () => {
      handled += 1
    })
    await until(allAre('finished'), 'the next work handles them')
    assert.equal(handled, 2)
    assert.deepEqual(await statesAndAttempts(), [
      { state: 'finished', attempts: 0 },
      { state: 'finished', attempts: 0 },
    ])
  })

  it('fails only after its steps have ended when it cannot claim, so that no lane is worked on twice', async () => {
    const door = createDoor()
    const it = dispatch(door.pass)
    await it.arrives(anna)
    await until(() => door.inside() === 1, 'the step has begun')
    const blocker = await storage.database.connect('blocker')
    await blocker.query('set idle_in_transaction_session_timeout = 0; begin; lock table inbox in access exclusive mode')
    it.dispatcher.wake()
    await it.clock.advance(2_000)
    await until(async () => (await storage.cut(/\/\* claim \*\//)) > 0, 'its claim is cut')
    const { work } = storage.database
    await until(() => work.totalCount === work.idleCount, 'the claim has failed')
    await blocker.query('rollback')
    await blocker.end()
    let failed = false
    const failure = assert.rejects(it.working).then(() => {
      failed = true
    })
    await it.arrives(boris)
    assert.equal(failed, false)
    door.open()
    await failure
    assert.deepEqual(
      (await rows()).map(({ state }) => state),
      ['finished', 'waiting'],
    )
  })

  it('only stores what arrives while more waits than fits, and handles what has waited longest first', async () => {
    const began: Lane[] = []
    let inside: ReturnType<typeof Promise.withResolvers<void>>[] = []
    const it = dispatch(async ({ lane }) => {
      began.push(lane)
      const step = Promise.withResolvers<void>()
      inside.push(step)
      await step.promise
    })
    await until(() => it.clock.sleepers().length > 0, 'it rests')
    const arrived: Lane[] = []
    const rounds = 8
    let onArrival = 0
    for (let round = 1; round <= rounds; round++) {
      // Twice as many as can be handled; names of lanes say nothing about who waits longest.
      const lanes = Array.from({ length: 64 }, () => laneOf(90_000 - arrived.push(anna)))
      arrived.splice(-64, 64, ...lanes)
      for (const lane of lanes) await it.arrives(lane)
      await until(async () => {
        // Room is gathered for a moment.
        await it.clock.advance(50)
        return inside.length === 32
      }, 'there is no room')
      assert.equal(began.length, round * 32)
      const oldest = arrived.findIndex((lane) => !began.includes(lane))
      assert.ok(oldest >= (round - 1) * 32, `in round ${round} the update ${oldest} still waits`)
      if (round === 2) onArrival = it.arrivals()
      const steps = inside
      inside = []
      for (const { resolve } of steps) resolve()
    }
    assert.equal(it.arrivals(), onArrival, 'once it is known that more waits, nothing is handled on its arrival')
    await until(async () => {
      for (const { resolve } of inside.splice(0)) resolve()
      await it.clock.advance(50)
      return began.length === arrived.length
    }, 'all have begun')
    for (const { resolve } of inside.splice(0)) resolve()
    await until(allAre('finished'), 'everything is handled')
    const before = it.arrivals()
    await until(() => it.clock.sleepers().some((ms) => ms > 1_000), 'it rests')
    await it.arrives(anna)
    assert.equal(it.arrivals(), before + 1, 'with nothing behind, updates are handled on their arrival again')
    await until(() => inside.length > 0, 'it has begun')
    for (const { resolve } of inside) resolve()
  })

  it('stores every update before it is handled while an instance has died a short while ago', async () => {
    let isCareful = true
    const it = dispatch(async () => {}, { isCareful: () => isCareful })
    await until(() => it.clock.sleepers().length > 0, 'it rests')
    await it.arrives(anna)
    await until(allAre('finished'), 'it is handled')
    assert.equal(it.arrivals(), 0)
    isCareful = false
    await it.arrives(anna)
    assert.equal(it.arrivals(), 1)
    await until(allAre('finished'), 'both are handled')
  })

  it('handles an interrupted item with nothing beside it, and others before the next one', async () => {
    const interrupt = (lane: Lane) => storage.rows('update inbox set interrupted = 1 where lane = $1', [lane])
    for (const lane of [anna, boris]) await inbox.store(updateOf(lane, 'message'))
    await Promise.all([anna, boris].map(interrupt))
    await inbox.store(updateOf(vera, 'message'))
    const doors = new Map<Lane, ReturnType<typeof createDoor>>(
      [anna, boris, vera, laneOf(4)].map((lane) => [lane, createDoor()]),
    )
    const order: Lane[] = []
    const it = dispatch(async ({ lane }) => {
      order.push(lane)
      await doors.get(lane)?.pass()
    })
    await until(() => order.length === 1, 'what was not interrupted has begun')
    await it.arrives(laneOf(4))
    await it.clock.advance(1_000)
    assert.deepEqual(order, [vera], 'nothing begins until all steps have ended')
    doors.get(vera)?.open()
    await until(() => order.length === 2, 'the first interrupted item has begun')
    await it.clock.advance(1_000)
    assert.deepEqual(order, [vera, anna])
    doors.get(anna)?.open()
    await until(() => order.length === 3, 'what came meanwhile has begun')
    assert.deepEqual(order, [vera, anna, laneOf(4)])
    doors.get(laneOf(4))?.open()
    await until(() => order.length === 4, 'the second interrupted item has begun')
    doors.get(boris)?.open()
    await until(allAre('finished'), 'everything is handled')
  })

  it('rests while an interrupted item cannot be claimed yet', async () => {
    await inbox.store(updateOf(anna, 'message'))
    await storage.rows(`update inbox set interrupted = 1, claimed_by = 'another'`)
    const it = dispatch(async () => {})
    await until(() => it.clock.sleepers().some((ms) => ms === 5_000), 'it rests')
    await it.arrives(boris)
    assert.equal(it.arrivals(), 1)
    await until(async () => (await rows()).at(-1)?.state === 'finished', 'others are handled meanwhile')
    assert.deepEqual(
      (await rows()).map(({ state }) => state),
      ['waiting', 'finished'],
    )
  })

  it('keeps an update claimed that arrives and is claimed at the same moment', async () => {
    const door = createDoor()
    const it = dispatch(door.pass)
    await until(() => it.clock.sleepers().length > 0, 'it rests')
    const { work } = storage.database
    const taken = await Promise.all(Array.from({ length: work.options.max }, () => work.connect()))
    it.dispatcher.wake()
    await until(() => work.waitingCount > 0, 'it wants to claim')
    await it.arrives(anna)
    await until(() => door.inside() === 1, 'its step has begun')
    for (const client of taken) client.release()
    await until(() => it.clock.sleepers().length > 0, 'it has claimed')
    assert.equal(await inHand(), 1)
    door.open()
    await until(allAre('finished'), 'it is handled')
    assert.equal(door.inside(), 1)
  })

  it('refuses what could not be stored, and the lane is free for the next one', async () => {
    let isBroken = true
    const it = dispatch(async () => {}, {
      arrive(received, mayClaim, onStored) {
        if (!isBroken) return storeClaimed(received, mayClaim, onStored)
        return { stored: Promise.reject(new CannotStore('broken')), end: Promise.resolve({ kind: 'refused' }) }
      },
    })
    await until(() => it.clock.sleepers().length > 0, 'it rests')
    await assert.rejects(it.arrives(anna), CannotStore)
    isBroken = false
    await it.arrives(anna)
    assert.equal(it.arrivals(), 2)
    await until(allAre('finished'), 'the next one is handled')
  })
})
