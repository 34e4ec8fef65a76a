import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import type { Errand } from '../../src/errands/errand.ts'
import { attemptsMaxOf } from '../../src/errands/errand-jobs.ts'
import { FenceLost, StorageFault } from '../../src/faults.ts'
import { after, createClock, type Instant } from '../../src/kit/clock.ts'
import { chatId, cid, newOrderId } from '../../src/kit/ids.ts'
import { until } from '../fixtures/person.ts'
import { openStorage } from '../fixtures/storage.ts'
import { type Carry, carryOut } from './carrying-out.ts'

/** Errands on the real engine. */
const storage = await openStorage()
const { engine, store, permit } = storage
const jobs = `${storage.schema}_jobs._private_jobs`
const clock = createClock()
const story = cid('abc123ff')
const later = (): Instant => after(clock.now(), 3_600_000)

const tell = (what: string): Errand => ({ kind: 'tell_operator', what })
const show = (chat: number): Errand => ({ kind: 'show_screen', chat: chatId(chat) })
const whatOf = (errand: Errand): string => (errand.kind === 'tell_operator' ? errand.what : errand.kind)

const write = (errand: Errand, at?: Instant, cidOf = story) =>
  store.transact(permit, (tx) => tx.errands.add([{ errand, cid: cidOf, ...(at === undefined ? {} : { at }) }]))

type Row = { payload: { errand: Errand; cid: string }; attempts: number; max_attempts: number; due_in_s: number }
const rows = (): Promise<Row[]> =>
  storage.rows<Row>(
    `select payload, attempts, max_attempts, extract(epoch from run_at - now())::float8 as due_in_s
       from ${jobs} order by id`,
  )

describe('an errand', () => {
  const running: ReturnType<typeof carryOut>[] = []
  const start = (carry: Carry, options?: Parameters<typeof carryOut>[2]) => {
    const one = carryOut(storage, carry, options)
    running.push(one)
    return one
  }
  const nothingIsLeft = async () => (await rows()).length === 0
  beforeEach(async () => {
    await storage.rows(`truncate ${jobs}`)
    await engine.tidy()
  })
  afterEach(async () => {
    for (const one of running.splice(0)) await one.stop().catch(() => undefined)
  })

  it('of a step that was rolled back is never carried out', async () => {
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
    await until(nothingIsLeft, 'every errand is settled')
    assert.deepEqual(done, ['of a step that did not'])
  })

  it('is carried out with its story, its first attempt being 1', async () => {
    const seen: unknown[] = []
    start(async (errand, { cid: told, attempt }) => {
      seen.push([whatOf(errand), told, attempt])
      return 'settled'
    })
    await write(tell('hello'))
    await until(nothingIsLeft, 'it is settled')
    assert.deepEqual(seen, [['hello', story, 1]])
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

  it('that is wanted again for later leaves one that waits as it is, and its time when that is sooner', async () => {
    const soon = after(clock.now(), 60_000)
    await write(show(1), soon, cid('00000001'))
    await engine.again({ errand: show(1), cid: cid('00000002'), at: later() })
    const [first, ...more] = await rows()
    assert.equal(more.length, 0)
    assert.equal(first?.payload.cid, '00000001')
    assert.ok((first?.due_in_s ?? 0) < 61)
    await engine.again({ errand: show(1), cid: cid('00000003'), at: after(clock.now(), 5_000) })
    assert.ok(((await rows())[0]?.due_in_s ?? 99) < 6)
  })

  it('that a callback asked for, which names a task, is not forgotten for a look by the clock', async () => {
    const order = newOrderId()
    await write({ kind: 'watch_task', order, hint: 'task-1' }, later())
    await write({ kind: 'watch_task', order }, later())
    await engine.again({ errand: { kind: 'watch_task', order }, cid: story, at: later() })
    assert.deepEqual(
      (await rows()).map(({ payload }) => payload.errand),
      [
        { kind: 'watch_task', order, hint: 'task-1' },
        { kind: 'watch_task', order },
      ],
    )
  })

  it('is carried out again when it said so, not before its time, and attempts begin anew', async () => {
    const attempts: number[] = []
    start(async (_, { attempt }) => {
      attempts.push(attempt)
      return attempts.length < 3 ? { againAt: clock.now() } : 'settled'
    })
    await write(show(1))
    await until(nothingIsLeft, 'it is settled in the end')
    assert.deepEqual(attempts, [1, 1, 1])
    start(async () => ({ againAt: later() }))
    await running[0]?.stop()
    await write(show(1))
    await until(async () => ((await rows())[0]?.due_in_s ?? 0) > 3_000, 'it waits for its time')
  })

  it('that was taken by its step, and has no key, is written down again also at its last attempt', async () => {
    for (const attemptsBefore of ['0', 'max_attempts - 1']) {
      await write(show(1), later())
      await storage.rows(`update ${jobs} set key = null, attempts = ${attemptsBefore}, run_at = now()`)
      const it = start(async () => ({ againAt: later() }))
      await until(async () => (await rows()).some((row) => row.due_in_s > 3_000 && row.attempts === 0), 'it waits')
      await it.stop()
      await storage.rows(`truncate ${jobs}`)
    }
  })

  it('that was taken by its step is written down again also while an older one is in hand, which knows less', async () => {
    const [older, newer] = [cid('00000001'), cid('00000002')]
    const door = Promise.withResolvers<void>()
    const begun: string[] = []
    // Not a kind of one chat, so that both are in hand at once.
    start(async (_, { cid: of }) => {
      begun.push(of)
      if (of === newer) return { againAt: later() }
      await door.promise
      return 'settled'
    })
    try {
      await write({ kind: 'watch_task', order: newOrderId() }, undefined, older)
      await until(() => begun.includes(older), 'the older one is in hand')
      await storage.rows(
        `insert into ${jobs} (task_id, payload, max_attempts)
         select task_id, replace(payload::text, $1, $2)::json, max_attempts from ${jobs}`,
        [older, newer],
      )
      await storage.rows(`select pg_notify('jobs:insert', '{"r":1,"count":1}')`)
      const isInHand = ({ payload, attempts }: Row) => payload.cid === newer && attempts > 0
      await until(async () => begun.includes(newer) && !(await rows()).some(isInHand), 'the newer one has ended')
    } finally {
      door.resolve()
    }
    await until(async () => (await rows()).length < 2, 'the older one has ended')
    assert.deepEqual(
      (await rows()).map(({ payload, attempts }) => `${payload.cid} ${attempts}`),
      [`${newer} 0`],
    )
  })

  it('that was wanted again by one it took the place of, and that had ended before, is not written down once more', async () => {
    const door = Promise.withResolvers<void>()
    let begun = 0
    const errand: Errand = { kind: 'watch_task', order: newOrderId() }
    start(async () => {
      begun += 1
      if (begun > 1) return 'settled'
      await door.promise
      return { againAt: later() }
    })
    await write(errand)
    await until(() => begun === 1, 'the older one is in hand')
    await write(errand)
    await until(async () => begun === 2 && (await rows()).length === 1, 'the newer one has ended')
    door.resolve()
    await until(nothingIsLeft, 'nothing of it waits')
  })

  it('that was wanted again by one it took the place of, while it was in hand itself, is not written down once more', async () => {
    const doors = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    let begun = 0
    // Not a kind of one chat, so that both are in hand at once.
    const errand: Errand = { kind: 'watch_task', order: newOrderId() }
    start(async () => {
      const [mine, isOlder] = [doors[begun], begun === 0]
      begun += 1
      await mine?.promise
      return isOlder ? { againAt: later() } : 'settled'
    })
    try {
      await write(errand)
      await until(() => begun === 1, 'the older one is in hand')
      await write(errand)
      await until(() => begun === 2, 'the newer one is in hand')
      doors[0]?.resolve()
      await until(async () => (await rows()).length === 1, 'the older one has ended')
    } finally {
      for (const { resolve } of doors) resolve()
    }
    await until(nothingIsLeft, 'nothing of it waits')
  })

  it('is carried out although another bot of the same database has its tables migrated', async () => {
    const done: string[] = []
    const it = start(async (errand) => {
      done.push(whatOf(errand))
      return 'settled'
    })
    await it.holder
    await write(tell('before'))
    await until(() => done.length === 1, 'the engine listens')
    await storage.rows(`select pg_notify('worker:migrate', '{"migrationNumber":99,"breaking":true}')`)
    await write(tell('after'))
    await until(() => done.length === 2, 'it goes on')
    assert.equal(process.exitCode, undefined)
  })

  it('of a chat is carried out alone, in the order of asking, while other chats are not held up', async () => {
    let inChat = 0
    const door = Promise.withResolvers<void>()
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
    await until(nothingIsLeft, 'every errand is settled')
  })

  const soonerOf = { older: [() => clock.now(), later], newer: [later, () => clock.now()] } as const
  for (const [which, [olderAt, newerAt]] of Object.entries(soonerOf)) {
    it(`that is put off while a step writes it down anew is what the step wrote, at the time of the ${which}, which is sooner`, async () => {
      const newer = cid('00000002')
      const [putOff, commit, written] = [1, 2, 3].map(() => Promise.withResolvers<void>())
      const told: string[] = []
      start(async (_, { cid: of }) => {
        told.push(of)
        if (told.length > 1) return 'settled'
        await putOff?.promise
        return { againAt: olderAt() }
      })
      await write(show(1))
      await until(() => told.length === 1, 'it is in hand')
      const step = store.transact(permit, async (tx) => {
        await tx.errands.add([{ errand: show(1), cid: newer, at: newerAt() }])
        written?.resolve()
        await commit?.promise
      })
      await written?.promise
      putOff?.resolve()
      const WAITS = `select 1 from pg_stat_activity
      where application_name like $1 and wait_event_type = 'Lock' and query like '%add_job(%'`
      await until(
        async () => (await storage.rows(WAITS, [`trt ${storage.schema}%`])).length > 0,
        'the putting off waits for the step',
      )
      commit?.resolve()
      await step
      await until(nothingIsLeft, 'the newer one is settled')
      assert.deepEqual(told, [story, newer])
    })
  }

  it('that fails is tried again later, and that is told; at its last attempt it is set aside', async () => {
    const it = start(async () => {
      throw new TypeError('a bug of ours')
    })
    await write(tell('always wrong'))
    await until(() => it.events('ERRAND_FAILED').length === 1, 'the failure is told')
    await until(async () => ((await rows())[0]?.due_in_s ?? 0) > 1, 'it waits')
    await storage.rows(`update ${jobs} set attempts = max_attempts - 1, run_at = now()`)
    await until(() => it.events('ERRAND_SHELVED').length === 1, 'that it is set aside is told')
    await until(
      async () => (await storage.rows(`select 1 from ${jobs} where locked_at is null`)).length === 1,
      'it stays',
    )
    const [row] = await rows()
    assert.equal(row?.attempts, attemptsMaxOf(tell('')))
    assert.match(it.lines.join(''), /cid=abc123ff/)
  })

  for (const fault of [new StorageFault('the database went away'), new FenceLost('another leads')]) {
    it(`is given back and blamed for nothing when the world fails (${fault.name})`, async () => {
      let tries = 0
      const it = start(async () => {
        tries += 1
        throw fault
      })
      await write(show(1))
      await until(async () => tries === 1 && ((await rows())[0]?.due_in_s ?? 0) > 0.5, 'it waits for a better world')
      assert.equal((await rows())[0]?.attempts, 0)
      assert.deepEqual(it.events('ERRAND_FAILED', 'ERRAND_SHELVED', 'EXCEPTION_CAUGHT'), [])
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
    assert.equal((await rows())[0]?.attempts, 0)
  })

  /** As a process leaves them that was killed after it had taken them. */
  const takenBy = (holder: string) =>
    storage.rows(`update ${jobs} set locked_by = $1, locked_at = now(), attempts = 1 where locked_by is null`, [holder])

  it('in the hands of an instance that died is free for the next one, and nothing of it is left shelved', async () => {
    await write(show(1))
    await write(tell('once'))
    await takenBy('the dead')
    // The screen changed meanwhile: the newer drawing takes the place of the one in dead hands.
    await write(show(1), undefined, cid('00000002'))
    const done: string[] = []
    const heir = start(async (errand, context) => {
      done.push(`${whatOf(errand)} ${context.cid}`)
      return 'settled'
    })
    await until(nothingIsLeft, 'everything is settled')
    assert.deepEqual(done.sort(), ['once abc123ff', 'show_screen 00000002'])
    assert.equal(heir.events('ERRANDS_UNLOCKED').length, 1)
  })

  it('in the hands of a living instance stays there', async () => {
    await write(tell('theirs'))
    await takenBy('the living')
    const done: string[] = []
    const other = start(
      async (errand) => {
        done.push(whatOf(errand))
        return 'settled'
      },
      { living: ['the living'] },
    )
    await write(show(7))
    await until(async () => (await rows()).length === 1, 'the other one works')
    assert.deepEqual(done, ['show_screen'])
    assert.deepEqual(other.events('ERRANDS_UNLOCKED'), [])
  })

  for (const ending of ['settled', 'again', 'the world'] as const) {
    it(`is left to whoever has it now by one that lost the right meanwhile (${ending}), and its queue goes on`, async () => {
      const errand = { kind: 'deliver', order: newOrderId(), chat: chatId(1) } as const
      let isFresh = true
      const [wakes, heirMayEnd] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      const frozen = start(
        async () => {
          await wakes.promise
          if (ending === 'the world') throw new StorageFault('the database went away')
          return ending === 'again' ? { againAt: clock.now() } : 'settled'
        },
        { permit: { ...permit, isFresh: () => isFresh } },
      )
      try {
        await write(errand)
        await until(async () => (await rows())[0]?.attempts === 1, 'it is in hand')
        isFresh = false
        // It takes nothing more, and waits for what it has in hand.
        const stopped = frozen.stop()
        let taken = 0
        start(async () => {
          taken += 1
          await heirMayEnd.promise
          return 'settled'
        })
        await until(() => taken === 1, 'the next one has it')
        wakes.resolve()
        await stopped
        assert.equal((await rows()).length, 1)
        heirMayEnd.resolve()
        await until(nothingIsLeft, 'it is settled')
        await write(errand)
        await until(nothingIsLeft, 'the next one of its queue is settled')
        assert.equal(taken, 2)
      } finally {
        // Whatever failed, nobody waits for ever.
        wakes.resolve()
        heirMayEnd.resolve()
      }
    })
  }

  it('of one that lost the right, given up for a newer one meanwhile, is forgotten and not tried in hours', async () => {
    const errand: Errand = { kind: 'watch_task', order: newOrderId() }
    let isFresh = true
    const door = Promise.withResolvers<void>()
    const frozen = start(
      async () => {
        await door.promise
        return 'settled'
      },
      { permit: { ...permit, isFresh: () => isFresh } },
    )
    try {
      await write(errand)
      await until(async () => (await rows())[0]?.attempts === 1, 'it is in hand')
      await write(errand, later())
      isFresh = false
    } finally {
      door.resolve()
    }
    await frozen.stop()
    assert.equal(await engine.tidy(), 1)
    const left = await rows()
    assert.deepEqual(
      left.map(({ attempts }) => attempts),
      [0],
    )
    await storage.rows(`truncate ${jobs}`)
  })

  it('does not wait for ever in a queue that is held although nothing of it is in hand', async () => {
    await write({ kind: 'deliver', order: newOrderId(), chat: chatId(1) })
    const QUEUES = `${storage.schema}_jobs._private_job_queues`
    await storage.rows(`update ${QUEUES} set locked_by = 'somebody', locked_at = now()`)
    let taken = 0
    const it = start(
      async () => {
        taken += 1
        return 'settled'
      },
      { living: ['somebody'] },
    )
    await it.holder
    assert.equal(await engine.tidy(), 1)
    await until(nothingIsLeft, 'it is settled')
    assert.equal(taken, 1)
    assert.equal(await engine.tidy(), 0)
  })

  it('that was given up for a newer one, and then given back, is forgotten; one that was set aside stays', async () => {
    const order = newOrderId()
    await write({ kind: 'watch_task', order })
    await takenBy('somebody')
    await write({ kind: 'watch_task', order })
    await write(tell('set aside'))
    await storage.rows(`update ${jobs} set locked_by = null, locked_at = null where locked_by is not null`)
    await storage.rows(`update ${jobs} set attempts = max_attempts where payload->'errand'->>'kind' = 'tell_operator'`)
    assert.equal((await rows()).length, 3)
    assert.equal(await engine.tidy(), 1)
    assert.deepEqual(
      (await rows()).map(({ payload, attempts }) => `${payload.errand.kind} ${attempts}`),
      ['watch_task 0', `tell_operator ${attemptsMaxOf(tell(''))}`],
    )
    await storage.rows(`truncate ${jobs}`)
  })

  it('that was begun is waited for when its owner stops, and noted as settled; none is begun after that', async () => {
    const door = Promise.withResolvers<void>()
    let begun = 0
    let ended = 0
    const it = start(async () => {
      begun += 1
      await door.promise
      ended += 1
      return 'settled'
    })
    for (let n = 0; n < 5; n++) await write(tell(`begun ${n}`))
    await until(() => begun === 5, 'they are in hand')
    let stopped = false
    const stopping = it.stop().then(() => {
      stopped = true
    })
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(stopped, false)
    door.resolve()
    await stopping
    assert.equal(ended, 5)
    assert.deepEqual(await rows(), [])
    await write(tell('too late'))
    assert.equal(begun, 5)
  })

  it('of a later version than this program knows is a failure, not a guess', async () => {
    const it = start(async () => 'settled')
    await write(tell('from tomorrow'), later())
    await storage.rows(`update ${jobs} set payload = '{"version":2}'::json, run_at = now()`)
    await until(async () => ((await rows())[0]?.attempts ?? 0) > 0, 'it is tried')
    await until(
      async () => (await storage.rows(`select 1 from ${jobs} where last_error like '%version 2%'`)).length === 1,
      'it failed',
    )
    assert.equal(it.events('ERRAND_SHELVED').length, 0)
  })
})
