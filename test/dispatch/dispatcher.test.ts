import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { createDispatcher, type DispatcherDeps } from '../../src/dispatch/dispatcher.ts'
import { attemptsMax, type InboxItem } from '../../src/inbox/inbox.ts'
import { after } from '../../src/kit/clock.ts'
import { botId, type Lane, laneOfPerson, newCid, personId } from '../../src/kit/ids.ts'
import { StorageFault } from '../../src/store.ts'
import { createTestClock } from '../fixtures/clock.ts'
import { until } from '../fixtures/person.ts'
import { openStorage } from '../fixtures/storage.ts'
import { createTelling } from '../fixtures/telling.ts'

/** The dispatcher on a real inbox. Its clock stands still, so whatever happens without `advance` waited for nothing. */
const storage = await openStorage()
const { inbox, claims, store, permit } = storage
let updates = 0
const laneOf = (n: number): Lane => laneOfPerson(personId(n))
const [anna, boris, vera] = [laneOf(1), laneOf(2), laneOf(3)]
const lanesOf = (count: number): Lane[] => Array.from({ length: count }, (_, n) => laneOf(n + 1))

type Handle = (item: InboxItem) => Promise<void>

function start(handle: Handle) {
  const clock = createTestClock()
  const telling = createTelling(clock)
  const stopping = new AbortController()
  const write: Pick<DispatcherDeps, 'postpone' | 'shelve'> = {
    postpone: (right, { id }, { ms, error }) =>
      store.transact(right, (tx) => tx.inbox.postpone(id, { until: after(clock.now(), ms), error })),
    shelve: (right, { id }, error) => store.transact(right, (tx) => tx.inbox.shelve(id, clock.now(), error)),
  }
  const dispatcher = createDispatcher({
    claims,
    handle: async (right, item) => {
      await handle(item)
      await store.transact(right, (tx) => tx.inbox.finish(item.id, clock.now()))
    },
    ...write,
    clock,
    telemetry: telling.telemetry,
  })
  return {
    ...telling,
    clock,
    dispatcher,
    working: dispatcher.work(permit, stopping.signal),
    abort: () => stopping.abort(),
    /** As intake stores: the lane is offered first. */
    async arrives(lane: Lane, kind = 'message'): Promise<number> {
      const offer = dispatcher.offer(lane)
      const stored = await inbox.store(updateOf(lane, kind), { claim: offer.claim })
      offer.settle(stored)
      return updates
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

/** Holds whoever comes until the door is opened. */
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
  const dispatch = (handle: Handle) => {
    running = start(handle)
    return running
  }
  const rows = () =>
    storage.rows<{ update_id: number; attempts: number; state: string }>(
      `select update_id, attempts, case when finished_at is not null then 'finished'
       when shelved_at is not null then 'shelved' else 'waiting' end as state from inbox order by id`,
    )
  const statesAndAttempts = async () => (await rows()).map(({ state, attempts }) => ({ state, attempts }))
  const allAre = (state: string) => async () => (await rows()).every((row) => row.state === state)

  beforeEach(() => storage.rows('truncate inbox'))
  afterEach(async () => {
    running?.abort()
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
    await it.clock.advance(2_000)
    await until(allAre('finished'), 'what came in silence is handled')
  })

  /** Every hand is busy behind a door of its own. */
  async function fillHands(fill: (it: ReturnType<typeof start>) => Promise<unknown>) {
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
    await until(() => doors.size === 32, 'every hand is busy')
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

  it('begins as soon as a hand is free when all were busy', async () => {
    const { it, doors, end } = await fillHands((it) => Promise.all(lanesOf(32).map((lane) => it.arrives(lane))))
    const late = laneOf(33)
    await it.arrives(late)
    assert.equal(doors.has(late), false)
    doors.get(anna)?.open()
    await until(() => doors.has(late), 'the late one has begun')
    await end()
  })

  it('gathers hands when more waits than it can take, but never for longer than a moment', async () => {
    const { it, doors, end } = await fillHands(async (it) => {
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

  /** Time goes on in small steps, and between them whoever woke does what there is to do. */
  async function passTime(clock: ReturnType<typeof createTestClock>, isOver: () => Promise<boolean>): Promise<void> {
    for (let steps = 0; !(await isOver()); steps++) {
      assert.ok(steps < 200, 'this takes longer than 50 seconds')
      await until(() => clock.sleepers().length > 0, 'it rests')
      await clock.advance(250)
    }
  }

  it('tries a failing item again with growing pauses, sets it aside after five, and goes on with the lane', async () => {
    const tries: { readonly attempts: number; readonly at: number }[] = []
    const bad = updates + 1
    const it = dispatch(async ({ updateId, attempts }) => {
      if (updateId !== bad) return
      tries.push({ attempts, at: it.clock.monotonicMs() })
      throw new TypeError('a bug of ours')
    })
    await it.arrives(anna)
    await it.arrives(anna)
    await passTime(it.clock, async () => (await rows()).at(-1)?.state === 'finished')
    assert.deepEqual(
      tries.map(({ attempts }) => attempts),
      [1, 2, 3, 4, 5],
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
    const it = dispatch(async ({ attempts }) => {
      seen.push(attempts)
      if (++faults <= 2 * attemptsMax) throw new StorageFault('the database went away')
    })
    await it.arrives(anna)
    await passTime(it.clock, allAre('finished'))
    assert.ok(faults > 2 * attemptsMax)
    assert.deepEqual(new Set(seen), new Set([1]))
    assert.equal(it.events('UPDATE_SHELVED').length, 0)
  })

  it('sets aside unseen what took the process with it five times', async () => {
    await inbox.store(updateOf(anna, 'message'))
    await inbox.store(updateOf(anna, 'message'))
    await storage.rows('update inbox set attempts = 5 where update_id = $1', [updates - 1])
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

  it('keeps a lane in order when its item is put back: what is behind waits', async () => {
    const seen: number[] = []
    const it = dispatch(async ({ updateId, attempts }) => {
      seen.push(updateId)
      if (attempts === 1 && updateId === first) throw new Error('once')
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
    await until(() => door.inside() === 1, 'the step has begun')
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

  it('gives back what its steps have not ended within 10 s of a stop: no attempt counts, and it is handled once', async () => {
    const door = createDoor()
    const it = dispatch(door.pass)
    await it.arrives(anna)
    await it.arrivesElsewhere(boris)
    await until(() => door.inside() === 2, 'both steps have begun')
    it.abort()
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
    await until(allAre('finished'), 'whoever works next handles them')
    assert.equal(handled, 2)
    assert.deepEqual(await statesAndAttempts(), [
      { state: 'finished', attempts: 1 },
      { state: 'finished', attempts: 1 },
    ])
  })

  it('fails only after its steps have ended when it cannot claim, so that no lane is worked on twice', async () => {
    const door = createDoor()
    const it = dispatch(door.pass)
    await it.arrives(anna)
    await until(() => door.inside() === 1, 'the step has begun')
    const blocker = await storage.database.connect('blocker')
    await blocker.query('begin; lock table inbox in access exclusive mode')
    it.dispatcher.wake()
    await it.clock.advance(2_000)
    await until(async () => (await storage.cut(/update inbox set attempts/)) > 0, 'its claim is cut')
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

  it('has handed over nothing that could not be stored: the lane is free for the next one', async () => {
    const it = dispatch(async () => {})
    await until(() => it.clock.sleepers().length > 0, 'it rests')
    const offer = it.dispatcher.offer(anna)
    assert.equal(offer.claim, true)
    assert.equal(it.dispatcher.offer(anna).claim, false)
    offer.settle(undefined)
    await new Promise((resolve) => setImmediate(resolve))
    await it.arrives(anna)
    await until(allAre('finished'), 'the next one is handled')
  })
})
