import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import type { Errand } from '../../src/errands/errand.ts'
import type { ErrandEngine, Job } from '../../src/errands/errand-engine.ts'
import { deathsMax, failuresMaxOf } from '../../src/errands/errand-jobs.ts'
import { FenceLost, StorageFault } from '../../src/faults.ts'
import { after, createClock, type Instant } from '../../src/kit/clock.ts'
import { chatId, cid, instanceId, newInstanceId, newOrderId, orderId } from '../../src/kit/ids.ts'
import { createErrandEngine } from '../../src/storage/postgres/errand-engine.ts'
import { until } from '../fixtures/person.ts'
import { openStorage } from '../fixtures/storage.ts'
import { createTelling } from '../fixtures/telling.ts'
import { type Carry, carryOut } from './carrying-out.ts'

/** Errands on the real engine. */
const clock = createClock()
const ofEngine = createTelling(clock)
const storage = await openStorage({ telemetry: ofEngine.telemetry })
const { database, engine, kinds, schema, store, permit } = storage
const jobs = `${schema}_jobs._private_jobs`
const story = cid('abc123ff')
const later = (): Instant => after(clock.now(), 3_600_000)

const tell = (what: string): Errand => ({ kind: 'tell_operator', what })
const show = (n: number): Errand => ({
  kind: 'show_progress',
  order: orderId(String(n).padStart(12, '0')),
  chat: chatId(n),
})
const whatOf = (errand: Errand): string => (errand.kind === 'tell_operator' ? errand.what : errand.kind)

const write = (errand: Errand, at?: Instant, cidOf = story) =>
  store.transact(permit, (tx) => tx.errands.add([{ errand, cid: cidOf, ...(at === undefined ? {} : { at }) }]))

type Row = {
  id: string
  payload: { errand: Errand; cid: string; repeats: number; failures: number }
  attempts: number
  key: string | null
  locked_by: string | null
  due_in_s: number
}
const rows = (): Promise<Row[]> =>
  storage.rows<Row>(
    `select id::text, payload, attempts, key, locked_by, extract(epoch from run_at - now())::float8 as due_in_s
       from ${jobs} order by id`,
  )
/** Every job is due, and the engine is told so. */
const makeDue = () =>
  storage.rows(`with due as (update ${jobs} set run_at = now()) select pg_notify('jobs:insert', '{"count":1}')`)
type Shelved = { kind: string; cid: string; reason: string; attempts: number; payload: { errand: Errand } }
const shelved = () => storage.rows<Shelved>('select kind, cid, reason, attempts, payload from shelved_jobs order by id')

/** As another instance would have it. */
const engineOf = (instance: string) =>
  createErrandEngine({
    pool: database.work,
    schema,
    kinds,
    instance: instanceId(instance),
    clock,
    telemetry: ofEngine.telemetry,
  })

describe('an errand', () => {
  const running: ReturnType<typeof carryOut>[] = []
  const start = (
    carry: Carry,
    { by = engine, ...options }: Parameters<typeof carryOut>[2] & { readonly by?: ErrandEngine } = {},
  ) => {
    const one = carryOut({ engine: { ...engine, ...by }, permit }, carry, options)
    running.push(one)
    return one
  }
  const nothingIsLeft = async () => (await rows()).length === 0
  const doors: (() => void)[] = []
  /** What waits at it goes on when the test says so, or is over. */
  function openLater() {
    const door = Promise.withResolvers<void>()
    doors.push(door.resolve)
    return door
  }
  beforeEach(() => storage.rows(`truncate ${jobs}, job_pools, shelved_jobs, instances`))
  afterEach(async () => {
    for (const resolve of doors.splice(0)) resolve()
    for (const one of running.splice(0)) await one.stop().catch(() => undefined)
  })

  it('of a step that was rolled back is never executed', async () => {
    const done: string[] = []
    start(async (errand) => {
      done.push(whatOf(errand))
      return 'settled'
    })
    const step = store.transact(permit, async (tx) => {
      await tx.errands.add([{ errand: tell('of a step that failed'), cid: story }])
      throw new Error('and yet')
    })
    await assert.rejects(step, /and yet/)
    await write(tell('of a step that did not'))
    await until(nothingIsLeft, 'every errand is done')
    assert.deepEqual(done, ['of a step that did not'])
  })

  it('is executed with its story, and nothing is counted yet', async () => {
    const seen: unknown[] = []
    start(async (errand, { cid: told, repeats }) => {
      seen.push([whatOf(errand), told, repeats])
      return 'settled'
    })
    await write(tell('hello'))
    await until(nothingIsLeft, 'it is done')
    assert.deepEqual(seen, [['hello', story, 0]])
  })

  it('takes the place of one with the same key that waits', async () => {
    await write(show(1), later(), cid('00000001'))
    await write(show(1), later(), cid('00000002'))
    await write(show(2), later(), cid('00000003'))
    assert.deepEqual(
      (await rows()).map(({ payload }) => payload.cid),
      ['00000002', '00000003'],
    )
  })

  it('that a callback asked for, which names a task, is not forgotten for a poll by the clock', async () => {
    const order = newOrderId()
    await write({ kind: 'watch_task', order, hint: 'task-1', calledAt: clock.now() }, later())
    await write({ kind: 'watch_task', order }, later())
    assert.equal((await rows()).length, 2)
  })

  it('that a callback asked for is repeated as the poll by the clock, which keeps its time', async () => {
    const order = newOrderId()
    const soon = after(clock.now(), 60_000)
    await write({ kind: 'watch_task', order }, soon)
    const it = start(async () => ({ againAt: later() }))
    await write({ kind: 'watch_task', order, calledAt: clock.now() })
    await until(async () => (await rows()).length === 1, 'one poll is left')
    await it.stop()
    const [row] = await rows()
    assert.equal(row?.key, `watch:${order}`)
    assert.ok(row.due_in_s < 61)
  })

  it('is executed again when the handler said so, not before its time, and repeats are counted', async () => {
    const counted: number[] = []
    const it = start(async (_, { repeats }) => {
      counted.push(repeats)
      return counted.length < 3 ? { againAt: clock.now() } : 'settled'
    })
    await write(show(1))
    await until(nothingIsLeft, 'it is done in the end')
    assert.deepEqual(counted, [0, 1, 2])
    await it.stop()
    start(async () => ({ againAt: later() }))
    await write(show(1))
    await until(async () => ((await rows())[0]?.due_in_s ?? 0) > 3_000, 'it waits for its time')
    assert.equal((await rows())[0]?.payload.repeats, 1)
  })

  it('is looked for once a second by one worker of all while there is none', async () => {
    let statements = 0
    const count = () => {
      statements += 1
    }
    const done: string[] = []
    start(async (errand) => {
      done.push(whatOf(errand))
      return 'settled'
    })
    await write(tell('the engine works'))
    await until(nothingIsLeft, 'it is done')
    database.work.on('acquire', count)
    const started = performance.now()
    await until(() => performance.now() - started > 4_000, 'the engine has been idle for a while')
    database.work.off('acquire', count)
    assert.ok(statements >= 3 && statements <= 6, `${statements} statements in 4 s`)
  })

  it('without a key is repeated, too', async () => {
    const counted: number[] = []
    start(async (_, { repeats }) => {
      counted.push(repeats)
      return repeats < 2 ? { againAt: clock.now() } : 'settled'
    })
    await write(tell('no key'))
    await until(nothingIsLeft, 'it is done in the end')
    assert.deepEqual(counted, [0, 1, 2])
  })

  for (const [what, at, isKept] of [
    ['waits for an earlier time', () => after(clock.now(), 60_000), (s: number) => s < 61],
    ['waits for a later time', () => after(clock.now(), 7_200_000), (s: number) => s > 7_000],
  ] as const) {
    it(`that is repeated after a newer one was added, which ${what}, leaves the newer one as it is`, async () => {
      const newer = cid('00000002')
      const door = openLater()
      let begun = 0
      start(async () => {
        begun += 1
        await door.promise
        return { againAt: later() }
      })
      await write(show(1))
      await until(() => begun === 1, 'the older one is executed')
      await write(show(1), at(), newer)
      door.resolve()
      await until(async () => (await rows()).length === 1, 'the older one has ended')
      const [row] = await rows()
      assert.deepEqual([row?.payload.cid, row?.payload.repeats], [newer, 0])
      assert.ok(isKept(row?.due_in_s ?? 0))
    })
  }

  it('that is repeated after a newer one was added and done is not added once more', async () => {
    const door = openLater()
    let begun = 0
    // Not a kind of one chat, so that both are executed at once.
    const errand: Errand = { kind: 'watch_task', order: newOrderId() }
    start(async () => {
      begun += 1
      if (begun > 1) return 'settled'
      await door.promise
      return { againAt: later() }
    })
    await write(errand)
    await until(() => begun === 1, 'the older one is executed')
    await write(errand)
    await until(async () => begun === 2 && (await rows()).length === 1, 'the newer one has ended')
    door.resolve()
    await until(nothingIsLeft, 'nothing of it waits')
  })

  it('that is repeated while a step adds it anew is one job, due at the time of the step', async () => {
    const newer = cid('00000002')
    const [door, commit, written] = [openLater(), openLater(), openLater()]
    let begun = 0
    start(async () => {
      begun += 1
      await door.promise
      return { againAt: later() }
    })
    await write(show(1))
    await until(() => begun === 1, 'it is executed')
    const step = store.transact(permit, async (tx) => {
      await tx.errands.add([{ errand: show(1), cid: newer, at: after(clock.now(), 60_000) }])
      written.resolve()
      await commit.promise
    })
    await written.promise
    door.resolve()
    const WAITS = `select 1 from pg_stat_activity
      where application_name like $1 and wait_event_type = 'Lock' and query like '%add_job(%'`
    await until(async () => (await storage.rows(WAITS, [`trt ${schema}%`])).length > 0, 'the repeat waits for the step')
    commit.resolve()
    await step
    await until(async () => (await rows()).length === 1, 'the older one has ended')
    assert.ok(((await rows())[0]?.due_in_s ?? 99) < 61)
  })

  it('goes on being executed although another bot of the same database has its tables migrated', async () => {
    const done: string[] = []
    const it = start(async (errand) => {
      done.push(whatOf(errand))
      return 'settled'
    })
    const pools = async () =>
      (await storage.rows<{ pool: string }>('select pool from job_pools')).map(({ pool }) => pool)
    await write(tell('before'))
    await until(() => done.length === 1, 'the engine listens')
    const before = await pools()
    const other = `${schema}_other`
    const otherEngine = createErrandEngine({
      pool: database.work,
      schema: other,
      kinds,
      instance: newInstanceId(),
      clock,
      telemetry: ofEngine.telemetry,
    })
    try {
      // Its own tables are not there, so it goes no further than the tables of the queue.
      await otherEngine.migrate().catch(() => undefined)
      await until(async () => {
        const now = await pools()
        return now.length === 1 && now[0] !== before[0]
      }, 'the engine was ended by the queue, and started again')
      await write(tell('after'))
      await until(() => done.length === 2, 'it goes on')
      assert.equal(process.exitCode, undefined)
      assert.equal(await Promise.race([it.working.then(() => 'ended'), Promise.resolve('works')]), 'works')
    } finally {
      await it.stop()
      await storage.rows(`drop schema ${other}_jobs cascade`)
    }
  })

  it('of a chat is executed alone, in the order of asking, while other chats are not held up', async () => {
    let inChat = 0
    const door = openLater()
    const others: number[] = []
    start(async (errand) => {
      if (!('chat' in errand)) return 'settled'
      if (errand.chat !== 1) {
        others.push(errand.chat)
        return 'settled'
      }
      inChat += 1
      assert.equal(inChat, 1)
      await door.promise
      inChat -= 1
      return 'settled'
    })
    const view = { screen: 'help', text: ['hello'], keyboard: [] } as const
    await store.transact(permit, (tx) =>
      tx.errands.add(
        [1, 1, 1, 2, 3].map((chat) => ({ errand: { kind: 'say', chat: chatId(chat), view }, cid: story })),
      ),
    )
    await until(() => others.length === 2, 'the other chats are served')
    door.resolve()
    await until(nothingIsLeft, 'every errand is done')
  })

  it('that throws is executed again with pauses that grow, and stays shelved after its last failure', async () => {
    const counted: number[] = []
    const it = start(async (_, { repeats }) => {
      counted.push(repeats)
      throw new TypeError('a bug of ours')
    })
    await write(tell('always wrong'))
    const pauses: number[] = []
    for (let failures = 1; failures < failuresMaxOf(tell('')); failures++) {
      await until(async () => (await rows())[0]?.payload.failures === failures, `failure ${failures} is counted`)
      await until(async () => (await rows()).length === 1, 'the former job is gone')
      pauses.push((await rows())[0]?.due_in_s ?? 0)
      await makeDue()
    }
    await until(nothingIsLeft, 'it is not in the queue any more')
    assert.deepEqual(
      (await shelved()).map(({ kind, reason, attempts, payload }) => [kind, reason, attempts, whatOf(payload.errand)]),
      [['tell_operator', 'a bug of ours', 12, 'always wrong']],
    )
    assert.deepEqual(
      counted,
      Array.from({ length: 12 }, (_, n) => n),
    )
    for (const [n, pause] of pauses.entries()) {
      const base = Math.min(300, 2 ** (n + 1))
      assert.ok(pause > base * 0.75 - 2 && pause < base * 1.25 + 1, `pause ${n}: ${pause} s`)
    }
    assert.equal(it.events('ERRAND_FAILED').length, 11)
    assert.equal(it.events('ERRAND_SHELVED').length, 1)
    assert.match(it.lines.join(''), /cid=abc123ff/)
  })

  it('of a drawing that throws for the last time is shelved as any other', async () => {
    start(() => Promise.reject(new TypeError('cannot draw')))
    await write(show(1))
    await storage.rows(`update ${jobs} set payload = (payload::jsonb || '{"failures":11}')::json`)
    await until(async () => (await shelved()).length === 1, 'it is shelved')
    await until(nothingIsLeft, 'it is not in the queue any more')
    assert.deepEqual(
      (await shelved()).map(({ kind, cid: of, reason }) => [kind, of, reason]),
      [['show_progress', story, 'cannot draw']],
    )
  })

  for (const fault of [new StorageFault('the database went away'), new FenceLost('another leads')]) {
    it(`is executed again, and nothing is counted, when the world fails (${fault.name})`, async () => {
      const counted: number[] = []
      const it = start(async (_, { repeats }) => {
        counted.push(repeats)
        if (counted.length === 1) throw fault
        return 'settled'
      })
      await write(show(1))
      await until(nothingIsLeft, 'it is done')
      assert.deepEqual(counted, [0, 0])
      assert.deepEqual(it.events('ERRAND_FAILED', 'ERRAND_SHELVED', 'EXCEPTION_CAUGHT'), [])
      assert.deepEqual(await shelved(), [])
    })
  }

  it('is not begun any more by a leader who may not be one: no call is made on an old right', async () => {
    let tries = 0
    start(
      async () => {
        tries += 1
        return 'settled'
      },
      { permit: { ...permit, isFresh: () => false } },
    )
    await write(show(1))
    await until(async () => ((await rows())[0]?.due_in_s ?? 0) > 0.5, 'it waits for a leader')
    assert.equal(tries, 0)
  })

  it('is locked in the name of an engine whose instance is known', async () => {
    const door = openLater()
    let begun = 0
    const it = start(async () => {
      begun += 1
      await door.promise
      return 'settled'
    })
    await write(show(1))
    await until(() => begun === 1, 'it is executed')
    const KNOWN = `select 1 from ${jobs} join job_pools on pool = locked_by`
    assert.equal((await storage.rows(KNOWN)).length, 1)
    door.resolve()
    await it.stop()
    assert.deepEqual(await storage.rows('select 1 from job_pools'), [], 'it holds nothing any more')
  })

  /** As a process leaves them that was killed while it executed them. */
  async function leftBy(instance: string, deaths = 1) {
    const pool = `pool of ${instance}`
    await storage.rows('insert into job_pools (pool, instance) values ($1, $2) on conflict do nothing', [
      pool,
      instance,
    ])
    await storage.rows(`update ${jobs} set locked_by = $1, locked_at = now(), attempts = $2 where locked_by is null`, [
      pool,
      deaths,
    ])
  }
  const lives = (instance: string, work: string) =>
    storage.rows(`insert into instances values ($1, 1, 'here', 1, $2, 'passive')`, [instance, work])

  it('that an instance executed which died is free for the next one, and nothing of it is left', async () => {
    await write(show(1))
    await write(tell('once'))
    await leftBy('the dead')
    // The order went on meanwhile: a newer job takes the place of the one that the dead had.
    await write(show(1), undefined, cid('00000002'))
    const done: string[] = []
    start(async (errand, context) => {
      done.push(`${whatOf(errand)} ${context.cid}`)
      return 'settled'
    })
    await until(nothingIsLeft, 'everything is done')
    assert.deepEqual(done.sort(), ['once abc123ff', 'show_progress 00000002'])
  })

  it('that an instance executes which shares the work stays there; one of an instance that lost the lead does not', async () => {
    await write(tell('theirs'))
    await lives('sharing', 'shared')
    await leftBy('sharing')
    await write(tell('of the former leader'))
    await lives('former', 'exclusive')
    await leftBy('former')
    const done: string[] = []
    start(async (errand) => {
      done.push(whatOf(errand))
      return 'settled'
    })
    await until(() => done.length === 1, 'one is free')
    await write(show(7))
    await until(() => done.length === 2, 'the next one works')
    await until(async () => (await rows()).length === 1, 'both are completed')
    assert.deepEqual(done, ['of the former leader', 'show_progress'])
  })

  it('is unlocked when its instance has no row any more, and when its lock has a name that nobody knows', async () => {
    const ours = engineOf('ours')
    await write(tell('living'))
    await lives('living', 'shared')
    await leftBy('living')
    await write(tell('gone'))
    await leftBy('gone')
    await write(tell('unknown'))
    await storage.rows(`update ${jobs} set locked_by = 'nobody', locked_at = now() where locked_by is null`)
    assert.equal(await ours.unlockGone(), 2)
    assert.deepEqual(
      (await rows()).map(({ payload, locked_by: by }) => [whatOf(payload.errand), by]),
      [
        ['living', 'pool of living'],
        ['gone', null],
        ['unknown', null],
      ],
    )
    assert.deepEqual(await storage.rows('select instance from job_pools'), [{ instance: 'living' }])
    assert.equal(await ours.unlockGone(), 0)
  })

  it('in a named queue that an instance held which died does not hold up the queue', async () => {
    const deliver: Errand = { kind: 'deliver', order: newOrderId(), chat: chatId(1) }
    await write(deliver)
    await leftBy('the dead')
    await storage.rows(
      `update ${schema}_jobs._private_job_queues set locked_by = 'pool of the dead', locked_at = now()`,
    )
    await write({ ...deliver, order: newOrderId() })
    let done = 0
    start(async () => {
      done += 1
      return 'settled'
    })
    await until(nothingIsLeft, 'both are done')
    assert.equal(done, 2)
  })

  it('that a process had when it died is executed with no other beside it', async () => {
    for (const what of ['one', 'two', 'three']) await write(tell(what))
    await leftBy('the dead', 2)
    let beside = 0
    let most = 0
    const done: string[] = []
    start(async (errand) => {
      beside += 1
      most = Math.max(most, beside)
      await new Promise((resolve) => setImmediate(resolve))
      done.push(whatOf(errand))
      beside -= 1
      return 'settled'
    })
    await until(nothingIsLeft, 'all are done')
    assert.deepEqual([done.sort(), most], [['one', 'three', 'two'], 1])
    assert.deepEqual(await storage.rows('select 1 from suspect_jobs'), [], 'nothing of it is kept')
  })

  it('with which the process died five times while it was executed alone is shelved; those beside it are not', async () => {
    await write(tell('deadly'))
    await write(tell('innocent'))
    // Both were locked by each process that died; only one was being executed.
    await leftBy('the dead', deathsMax + 1)
    const [deadly] = (await rows()).filter(({ payload }) => whatOf(payload.errand) === 'deadly')
    await storage.rows('insert into suspect_jobs (id, executions) values ($1, $2)', [deadly?.id, deathsMax])
    const done: string[] = []
    start(async (errand) => {
      done.push(whatOf(errand))
      return 'settled'
    })
    await until(nothingIsLeft, 'they are not in the queue any more')
    assert.deepEqual(done, ['innocent'])
    assert.deepEqual(
      (await shelved()).map(({ payload, reason, attempts }) => [whatOf(payload.errand), reason, attempts]),
      [['deadly', 'each attempt ended the process', deathsMax]],
    )
  })

  it('that is executed alone is known as such if the process dies then', async () => {
    await write(tell('alone'))
    await leftBy('the dead', 2)
    const door = Promise.withResolvers<void>()
    let begun = 0
    start(async () => {
      begun += 1
      await door.promise
      return 'settled'
    })
    await until(() => begun === 1, 'it is executed')
    assert.deepEqual(await storage.rows('select executions from suspect_jobs'), [{ executions: 1 }])
    door.resolve()
    await until(nothingIsLeft, 'it is done')
  })

  it('that was released, however often, is not taken for one in which the process died', async () => {
    let isFresh = false
    let tries = 0
    const carry: Carry = async () => {
      tries += 1
      return 'settled'
    }
    const it = start(carry, { permit: { ...permit, isFresh: () => isFresh } })
    await write(tell('released'))
    for (let attempt = 1; attempt <= deathsMax + 1; attempt++) {
      await until(async () => {
        const [row] = await rows()
        return row?.attempts === attempt && row.locked_by === null
      }, `it was released ${attempt} times`)
      if (attempt === deathsMax + 1) isFresh = true
      await makeDue()
    }
    await until(nothingIsLeft, 'it is done')
    await it.stop()
    assert.equal(tries, 1)
    assert.deepEqual(await shelved(), [])
  })

  it('that the process itself left to an earlier engine counts no death, for the process lives', async () => {
    const ours = engineOf('ours')
    await write(tell('ours'))
    await leftBy('ours', 4)
    const seen: boolean[] = []
    const by: ErrandEngine = {
      ...ours,
      start: (run) =>
        ours.start(async (job: Job) => {
          seen.push(job.isSuspect)
          await run(job)
        }),
    }
    start(async () => 'settled', { by })
    await until(nothingIsLeft, 'it is done')
    assert.deepEqual(seen, [false])
  })

  it('that was given up by a former version of the program is shelved, with its reason', async () => {
    await write(tell('given up'))
    await storage.rows(`update ${jobs} set attempts = 12, max_attempts = 12, last_error = 'a bug of ours'`)
    await engine.migrate()
    assert.deepEqual(await rows(), [])
    assert.deepEqual(
      (await shelved()).map(({ kind, cid: of, reason, attempts }) => [kind, of, reason, attempts]),
      [['tell_operator', story, 'a bug of ours', 12]],
    )
  })

  for (const ending of ['done', 'again', 'the world'] as const) {
    it(`is left to the instance that has it now by one that lost the right meanwhile (${ending}), and its queue goes on`, async () => {
      const errand = { kind: 'deliver', order: newOrderId(), chat: chatId(1) } as const
      let isFresh = true
      const [wakes, heirMayEnd] = [openLater(), openLater()]
      const frozen = start(
        async () => {
          await wakes.promise
          if (ending === 'the world') throw new StorageFault('the database went away')
          return ending === 'again' ? { againAt: clock.now() } : 'settled'
        },
        { permit: { ...permit, isFresh: () => isFresh } },
      )
      await write(errand)
      await until(async () => (await rows())[0]?.attempts === 1, 'it is executed')
      isFresh = false
      // It takes nothing more, and waits for what it executes.
      const stopped = frozen.stop()
      let taken = 0
      start(
        async () => {
          taken += 1
          await heirMayEnd.promise
          return 'settled'
        },
        { by: engineOf('the next one') },
      )
      await until(() => taken === 1, 'the next one has it')
      wakes.resolve()
      await stopped
      assert.equal((await rows()).length, 1)
      heirMayEnd.resolve()
      await until(nothingIsLeft, 'it is done')
      await write(errand)
      await until(nothingIsLeft, 'the next one of its queue is done')
      assert.equal(taken, 2)
    })
  }

  it('that a newer one replaced while it was executed, and that was released then, is forgotten', async () => {
    const errand: Errand = { kind: 'watch_task', order: newOrderId() }
    let isFresh = true
    const door = openLater()
    const frozen = start(
      async () => {
        await door.promise
        return 'settled'
      },
      { permit: { ...permit, isFresh: () => isFresh } },
    )
    await write(errand)
    await until(async () => (await rows())[0]?.attempts === 1, 'it is executed')
    await write(errand, later())
    isFresh = false
    door.resolve()
    await frozen.stop()
    assert.equal((await rows()).length, 2)
    await engine.unlockGone()
    assert.deepEqual(
      (await rows()).map(({ attempts }) => attempts),
      [0],
    )
  })

  it('that was begun is waited for when its owner stops, and completed; none is begun after that', async () => {
    const door = openLater()
    let begun = 0
    let ended = 0
    const it = start(async () => {
      begun += 1
      await door.promise
      ended += 1
      return 'settled'
    })
    for (let n = 0; n < 20; n++) await write(tell(`begun ${n}`))
    await until(() => begun === 16, 'as many are executed as may be at once')
    let stopped = false
    const stopping = it.stop().then(() => {
      stopped = true
    })
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(stopped, false)
    door.resolve()
    await stopping
    assert.equal(ended, 16)
    assert.deepEqual(
      (await rows()).map(({ locked_by: by, attempts }) => [by, attempts]),
      Array.from({ length: 4 }, () => [null, 0]),
      'what waited in the process is returned',
    )
    await write(tell('too late'))
    assert.equal(begun, 16)
  })

  it('of a version that this program does not know is shelved, not guessed', async () => {
    let tries = 0
    start(async () => {
      tries += 1
      return 'settled'
    })
    await write(tell('from tomorrow'), later())
    await storage.rows(`update ${jobs} set payload = '{"version":9,"cid":"0badc0de"}', run_at = now()`)
    await until(async () => (await shelved()).length === 1, 'it is shelved')
    await until(nothingIsLeft, 'it is not in the queue any more')
    assert.equal(tries, 0)
    assert.deepEqual(
      (await shelved()).map(({ kind, cid: of, reason, payload }) => [kind, of, reason, JSON.stringify(payload)]),
      [
        [
          'tell_operator',
          '0badc0de',
          'this program does not know version 9 of an errand',
          '{"cid":"0badc0de","version":9}',
        ],
      ],
    )
    assert.ok(ofEngine.events('ERRAND_SHELVED').length > 0)
  })

  it('as the former version of the program wrote it is executed', async () => {
    const counted: number[] = []
    start(async (_, { repeats }) => {
      counted.push(repeats)
      return 'settled'
    })
    await write(show(1), later())
    await storage.rows(`update ${jobs} set payload = (payload::jsonb - 'repeats' - 'failures')::json, run_at = now()`)
    await until(nothingIsLeft, 'it is done')
    assert.deepEqual(counted, [0])
  })
})
