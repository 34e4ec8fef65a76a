import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import { FenceLost, isFaultOfTheWorld, StorageFault } from '../../src/faults.ts'
import { createClock } from '../../src/kit/clock.ts'
import { instanceId } from '../../src/kit/ids.ts'
import { createPostgresLock } from '../../src/leadership/postgres-lock.ts'
import type { Permit } from '../../src/permit.ts'
import { openDatabase } from '../../src/storage/postgres/database.ts'
import { lockKeys } from '../../src/storage/postgres/lock-keys.ts'
import { onThisMachine } from '../fixtures/patience.ts'
import { until } from '../fixtures/person.ts'
import { openStorage } from '../fixtures/storage.ts'
import { createTelling } from '../fixtures/telling.ts'
import { leadershipContract } from './leadership-contract.ts'

const storage = await openStorage()
const { database, store, schema } = storage
const ended: string[] = []
const times = {
  leaseMs: onThisMachine(900),
  renewEveryMs: 100,
  freshMs: onThisMachine(700),
  waitMs: 200,
  answerMs: onThisMachine(3_000),
}
const common = {
  host: 'here',
  pid: 1,
  leaderKeys: lockKeys(schema, 'leader'),
  fenceKeys: lockKeys(schema, 'fence'),
  onHolderEnded: (holder: string) => ended.push(holder),
  times,
}
const contender = (name: string, clock = createClock()) =>
  createPostgresLock({ ...common, connect: database.connect, clock, instance: instanceId(name) })

leadershipContract('PostgreSQL', {
  contender,
  async killHolder() {
    await storage.rows('select pg_terminate_backend(backend_pid) from leadership')
  },
  async withoutRenewals(work) {
    const blocker = await database.connect('blocker')
    await blocker.query('begin; select * from leadership for update')
    await work()
    await blocker.query('rollback')
    await blocker.end()
  },
  unreachable() {
    const clock = createClock()
    const { telemetry } = createTelling(clock)
    const nowhere = openDatabase({ url: 'postgres://x@127.0.0.1:1/x', schema, maxConn: 6, clock, telemetry })
    return createPostgresLock({ ...common, connect: nowhere.connect, clock, instance: instanceId('lost') })
  },
  ended,
  ...times,
})

describe('leadership on PostgreSQL', () => {
  it('stops waiting at once, in the middle of a wait', async () => {
    const first = await contender('first').acquire(new AbortController().signal, () => {})
    const waiting = new AbortController()
    const seen = Promise.withResolvers<void>()
    const patient = createPostgresLock({
      ...common,
      connect: database.connect,
      clock: createClock(),
      instance: instanceId('patient'),
      times: { ...times, waitMs: 600_000 },
    })
    const second = patient.acquire(waiting.signal, () => seen.resolve())
    await seen.promise
    waiting.abort()
    assert.equal(await second, undefined)
    await first?.release()
  })

  it('leaves no session behind, whether it led, waited or was cut', async () => {
    const sessions = () =>
      storage.rows('select pid from pg_stat_activity where application_name = $1', [`trt ${schema} lock`])
    await until(async () => (await sessions()).length === 0, 'no session of a lock is left')
  })
})

describe('the fence', () => {
  const leave: (() => Promise<unknown>)[] = []
  afterEach(async () => {
    for (const end of leave.splice(0)) await end()
  })
  async function lead(name: string): Promise<Permit> {
    const held = await contender(name).acquire(new AbortController().signal, () => {})
    assert.ok(held)
    leave.push(held.release)
    return { kind: 'leader', epoch: held.epoch, isFresh: held.isFresh }
  }
  const write = (scope: string) => (tx: Parameters<Parameters<typeof store.transact>[1]>[0]) =>
    tx.waits.set(scope, createClock().now())
  const written = async (scope: string) =>
    (await storage.rows('select 1 as one from waits where scope = $1', [scope])).length === 1
  const waitsForFence = async () =>
    (
      await storage.rows("select 1 from pg_stat_activity where wait_event = 'advisory' and application_name = $1", [
        `trt ${schema} lock`,
      ])
    ).length > 0

  it('lets the steps of the leader through', async () => {
    await store.transact(await lead('leader'), write('a'))
    assert.equal(await written('a'), true)
  })

  it('lets a step of an old epoch write nothing', async () => {
    const old = await lead('old')
    for (const end of leave.splice(0)) await end()
    const young = await lead('young')
    await assert.rejects(store.transact(old, write('b')), FenceLost)
    assert.equal(await written('b'), false)
    await store.transact(young, write('c'))
    assert.equal(await written('c'), true)
  })

  it('makes an acquisition wait for the step that began before it, and refuses the one that comes meanwhile', async () => {
    const old = await lead('former')
    for (const end of leave.splice(0)) await end()
    const mayEnd = Promise.withResolvers<void>()
    const begun = Promise.withResolvers<void>()
    const step = store.transact(old, async (tx) => {
      begun.resolve()
      await mayEnd.promise
      await write('d')(tx)
    })
    await begun.promise
    let acquired = false
    const heir = lead('heir').then(() => {
      acquired = true
    })
    await until(waitsForFence, 'the acquisition waits for the fence')
    const late = store.transact(old, write('e'))
    late.catch(() => undefined)
    assert.equal(acquired, false)
    mayEnd.resolve()
    await step
    await heir
    await assert.rejects(late, FenceLost)
    assert.equal(await written('d'), true)
    assert.equal(await written('e'), false)
  })

  it('ends a transaction that was left open, so that a frozen step keeps nobody from leading', async () => {
    const old = await lead('sleeper')
    for (const end of leave.splice(0)) await end()
    const wakes = Promise.withResolvers<void>()
    const begun = Promise.withResolvers<void>()
    const step = store.transact(old, async (tx) => {
      await write('f')(tx)
      begun.resolve()
      await wakes.promise
      await write('g')(tx)
    })
    step.catch(() => undefined)
    await begun.promise
    await lead('awake')
    wakes.resolve()
    await assert.rejects(step, StorageFault)
    assert.equal(await written('f'), false)
    assert.equal(await written('g'), false)
  })
})

describe('a step', () => {
  const permit = async (): Promise<Permit> => {
    const [row] = await storage.rows<{ epoch: number }>('select epoch from leadership')
    return { kind: 'leader', epoch: row?.epoch ?? 0, isFresh: () => true }
  }
  const people = async () => (await storage.rows('select 1 from waits where scope like $1', ['step:%'])).length

  it('writes nothing when it throws, and throws what it threw', async () => {
    const ours = new Error('ours')
    const step = store.transact(await permit(), async (tx) => {
      await tx.waits.set('step:1', createClock().now())
      throw ours
    })
    await assert.rejects(step, (error) => error === ours)
    assert.equal(await people(), 0)
  })

  it('is a failure, and of our own making, when it goes on after a statement of it had failed', async () => {
    const step = store.transact(await permit(), async (tx) => {
      await tx.waits.set('step:2', createClock().now())
      await tx.waits.set('step:\u0000', createClock().now()).catch(() => undefined)
    })
    await assert.rejects(step, (error) => error instanceof Error && !isFaultOfTheWorld(error))
    assert.equal(await people(), 0)
  })

  it('blames the world when its connection is cut, and the next one has another connection', async () => {
    const step = store.transact(await permit(), async (tx) => {
      await tx.waits.set('step:3', createClock().now())
      await storage.cut(/insert into waits/)
      await tx.waits.set('step:4', createClock().now())
    })
    await assert.rejects(step, StorageFault)
    assert.equal(await people(), 0)
    await store.transact(await permit(), (tx) => tx.waits.set('step:5', createClock().now()))
    assert.equal(await people(), 1)
  })
})
