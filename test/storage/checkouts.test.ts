import assert from 'node:assert/strict'
import { after, afterEach, beforeEach, describe, it } from 'node:test'
import pg from 'pg'
import { type Database, openDatabase } from '../../src/storage/postgres/database.ts'
import { createTestClock, type TestClock } from '../fixtures/clock.ts'
import { onThisMachine } from '../fixtures/patience.ts'
import { until } from '../fixtures/person.ts'
import { testDatabase } from '../fixtures/postgres.ts'
import { startWorld } from '../fixtures/service.ts'
import { createTelling, type Telling } from '../fixtures/telling.ts'

/** Who holds which connection: a pool for three steps at a time on a real PostgreSQL; the test moves the clock. */
const places = 3
const server = await testDatabase()
const outside = new pg.Client({ connectionString: server.url })
await outside.connect()
after(async () => {
  await outside.end()
  await server.end()
})

let clock: TestClock
let telling: Telling
let database: Database
const taken: pg.PoolClient[] = []

beforeEach(() => {
  clock = createTestClock()
  telling = createTelling(clock)
  const { telemetry } = telling
  database = openDatabase({ url: server.url, schema: server.schema, maxConn: places + 5, clock, telemetry })
})
afterEach(async () => {
  for (const client of taken.splice(0)) client.release()
  let isOver = false
  const ending = database.end().then(() => {
    isOver = true
  })
  // What a test that failed has left in somebody's hands is taken back after a moment.
  await until(async () => {
    await clock.advance(100)
    return isOver
  }, 'the pools have ended')
  await ending
})

/** As a part of the service takes one; what the test forgets is given back at its end. */
async function takeAs(owner: string, options: { readonly keeps?: boolean } = {}): Promise<pg.PoolClient> {
  const client = await database.checkouts.poolFor(owner, options).connect()
  taken.push(client)
  return client
}
async function takeAll(owner: string): Promise<void> {
  for (let n = 0; n < places; n++) await takeAs(owner)
}
const pidOf = async (client: pg.PoolClient) =>
  (await client.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]?.pid
const isOpen = async (pid: number | undefined) =>
  (await outside.query('select 1 from pg_stat_activity where pid = $1', [pid])).rowCount === 1
const held = () => telling.fieldsOf('DB_CONNECTION_HELD')
const exhausted = () => telling.fieldsOf('DB_POOL_EXHAUSTED')

async function passes(ms: number): Promise<void> {
  await clock.advance(ms)
  database.checkouts.sweep()
}
const waiters = (count: number) => until(() => database.work.waitingCount === count, `${count} wait`)

describe('a connection that is not given back', () => {
  it('for half a minute is named by its owner and closed, and its place is free again', async () => {
    await takeAll('the forgetful')
    const pid = await pidOf(taken[0] ?? assert.fail())
    const waiting = database.take()
    await passes(30_000)
    assert.deepEqual(held(), [], 'a step may take its time')
    await passes(1)
    assert.deepEqual(held(), Array(places).fill({ owner: 'the forgetful', held_s: 30 }))
    const client = await waiting
    assert.equal((await client.query('select 1')).rowCount, 1)
    client.release()
    await until(async () => !(await isOpen(pid)), 'its session has ended')
    await passes(60_000)
    assert.equal(held().length, places, 'it is told once')
  })

  it('is shown with its owner while it is out for more than a moment, and among those that were taken back', async () => {
    const { figures } = database.checkouts
    await takeAs('the seal')
    await clock.advance(1_000)
    assert.deepEqual(figures().held, [])
    await clock.advance(500)
    assert.deepEqual(figures().held, [{ owner: 'the seal', heldMs: 1_500 }])
    assert.equal(figures().inUse, 1)
    await passes(30_000)
    assert.deepEqual(figures().held, [])
    assert.deepEqual(figures().reclaimed, [{ owner: 'the seal', heldMs: 31_500, at: clock.now() }])
    for (let n = 0; n < 12; n++) {
      await takeAs(`owner ${n}`)
      await passes(30_001)
    }
    assert.equal(figures().reclaimed.length, 10)
    assert.equal(figures().reclaimed[0]?.owner, 'owner 11')
  })

  it('gives nothing back a second time when its owner remembers it after all', async () => {
    const client = await takeAs('the forgetful')
    await passes(30_001)
    client.release()
    client.release()
    await assert.rejects(client.query('select 1'), 'it is of no use any more')
    await takeAll('a step')
    assert.equal(database.work.totalCount, places)
    assert.equal(database.checkouts.figures().inUse, places)
  })

  it('is nobody’s fault who may keep it', async () => {
    const client = await takeAs('the errand engine', { keeps: true })
    await passes(3_600_000)
    assert.deepEqual(held(), [])
    assert.deepEqual(database.checkouts.figures().held, [])
    assert.equal((await client.query('select 1')).rowCount, 1)
  })

  it('and was given back in time is forgotten: the next owner has a time of its own', async () => {
    const client = await takeAs('the first')
    await passes(29_000)
    client.release()
    taken.pop()
    await takeAs('the second')
    await passes(29_000)
    assert.deepEqual(held(), [])
    await passes(1_001)
    assert.deepEqual(held(), [{ owner: 'the second', held_s: 30 }])
  })

  it('is named also when it was asked for by callback, and a plain statement as what it is', async () => {
    const pool = database.checkouts.poolFor('the errand engine')
    const byCallback = await new Promise<pg.PoolClient>((resolve, reject) =>
      pool.connect((error, client) => (client === undefined ? reject(error) : resolve(client))),
    )
    taken.push(byCallback)
    const blocker = await takeAs('the blocker')
    await blocker.query('begin; select pg_advisory_xact_lock(4711)')
    const statement = database.work.query('select pg_advisory_xact_lock(4711)')
    const owners = () => database.checkouts.figures().held.map(({ owner }) => owner)
    await until(async () => {
      await clock.advance(500)
      return owners().length === 3
    }, 'the statement has a connection')
    assert.deepEqual(owners(), ['the errand engine', 'the blocker', 'a statement'])
    await blocker.query('rollback')
    await statement
  })
})

describe('a pool of which every connection is in use', () => {
  it('while others wait and nothing comes back is told once, with the owners, until nobody waits any more', async () => {
    await takeAll('a step')
    await passes(5_000)
    assert.deepEqual(exhausted(), [], 'nobody waits')
    const waiting = [database.take(), database.take()]
    await waiters(2)
    await passes(100)
    assert.deepEqual(exhausted(), [], 'nobody has waited for longer than a moment')
    await passes(2_000)
    await passes(10_000)
    assert.deepEqual(exhausted(), [{ in_use: places, waiting: 2, owners: 'a step, a step, a step' }])
    assert.equal(database.checkouts.figures().exhaustedSince, clock.now() - 10_000)
    for (const client of taken.splice(0)) client.release()
    for (const each of waiting) (await each).release()
    await passes(2_000)
    assert.equal(database.checkouts.figures().exhaustedSince, undefined)
    assert.equal(exhausted().length, 1)
    await takeAll('another')
    const third = database.take()
    await waiters(1)
    await passes(2_000)
    assert.equal(exhausted().length, 1)
    await passes(2_000)
    assert.equal(exhausted().length, 2, 'the next time is told again')
    for (const client of taken.splice(0)) client.release()
    ;(await third).release()
  })

  it('and that is merely busy is not: connections come back all the time', async () => {
    await takeAll('a step')
    const waiting = Array.from({ length: 4 }, () => database.take())
    await waiters(4)
    for (const each of waiting) {
      await passes(2_500)
      taken.shift()?.release()
      taken.push(await each)
    }
    assert.deepEqual(exhausted(), [])
  })

  it('says how long somebody waited, when that was over a second', async () => {
    await takeAll('a step')
    const waiting = database.take()
    await waiters(1)
    await clock.advance(1_200)
    taken.pop()?.release()
    ;(await waiting).release()
    assert.deepEqual(telling.fieldsOf('DB_POOL_WAIT'), [{ waited_ms: 1_200, in_use: places, waiting: 0 }])
  })

  it('leaves intake, figures and the lock alone: each has a connection of its own', async () => {
    await takeAll('a step')
    const [intake, looks] = await Promise.all([database.intake.query('select 1'), database.monitor.query('select 1')])
    assert.deepEqual([intake.rowCount, looks.rowCount], [1, 1])
    const lock = await database.connect('the lock')
    assert.equal((await lock.query('select 1')).rowCount, 1)
    await lock.end()
    assert.equal(database.work.totalCount, places)
  })

  it('ends all the same: whoever never gives one back keeps no stop waiting for longer than a moment', async () => {
    const client = await takeAs('the forgetful')
    taken.pop()
    const pid = await pidOf(client)
    const ending = database.end()
    await clock.advance(1_000)
    await ending
    await until(async () => !(await isOpen(pid)), 'its session has ended')
    database = openDatabase({ ...server, maxConn: places + 5, clock, telemetry: telling.telemetry })
  })
})

describe('a service whose steps all stand still', () => {
  it('stores updates within two seconds, is alive, keeps the lead and says so; then it handles what came', async () => {
    const world = await startWorld({
      databaseUrl: server.url,
      env: { DB_MAX_CONN: '6' },
      expects: ['DB_POOL_EXHAUSTED', 'DISPATCH_FAIL', 'EXCEPTION_CAUGHT', 'DUTY_FAILED', 'ERRAND_FAILED'],
    })
    const blocker = new pg.Client({ connectionString: world.databaseUrl })
    await blocker.connect()
    try {
      const people = await Promise.all(['Анна', 'Борис', 'Вера', 'Глеб'].map((name) => world.person(name)))
      await blocker.query(`begin; lock table ${world.schema}.people in access exclusive mode`)
      const renewedAt = async () =>
        (
          await outside.query<{ at: Date }>(`select renewed_at as at from ${world.schema}.leadership`)
        ).rows[0]?.at.getTime() ?? 0
      const before = await renewedAt()
      for (const person of people) await person.says('/start')
      await world.log.until('DB_POOL_EXHAUSTED', ({ owners }) => /a step/.test(String(owners)))
      const started = performance.now()
      const [stored, alive] = await Promise.all([
        world.deliver(JSON.stringify({ update_id: 1, message: { chat: { id: 5 }, from: { id: 5 }, text: 'x' } })),
        fetch(`${world.serviceUrl()}/healthz`),
      ])
      assert.ok(performance.now() - started < onThisMachine(2_000))
      assert.deepEqual([stored.status, alive.status], [200, 200])
      assert.ok((await renewedAt()) > before, 'the lease is renewed')
      assert.equal(world.log.count('LOCK_LOST'), 0)
      await blocker.query('rollback')
      for (const person of people) await person.sees(/Картинки и дизайн/)
    } finally {
      await blocker.end()
      await world.end()
    }
  })
})
