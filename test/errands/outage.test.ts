import assert from 'node:assert/strict'
import { after, it } from 'node:test'
import pg from 'pg'
import type { Errand } from '../../src/errands/errand.ts'
import { createRunner, type Settled } from '../../src/errands/runner.ts'
import { createClock } from '../../src/kit/clock.ts'
import { cid } from '../../src/kit/ids.ts'
import { createTurns } from '../../src/kit/turns.ts'
import { startDuties, workDuty } from '../../src/lifecycle/duties.ts'
import { until } from '../fixtures/person.ts'
import { ownPostgres } from '../fixtures/postgres.ts'
import { openStorage } from '../fixtures/storage.ts'
import { createTelling } from '../fixtures/telling.ts'
import { alone, handledBy } from './carrying-out.ts'

/** The errands of an instance while its database goes away and comes back, as the service runs them. */
const own = await ownPostgres()
const clock = createClock()
const telling = createTelling(clock)
const storage = await openStorage({ at: { url: own.url, schema: 'outage' }, telemetry: telling.telemetry })
after(() => own.end())

const tell = (what: string) => ({ errand: { kind: 'tell_operator', what } as const, cid: cid('abc123ff') })
const write = (what: string) => storage.store.transact(storage.permit, (tx) => tx.errands.add([tell(what)]))

async function left(): Promise<number> {
  const client = new pg.Client({ connectionString: own.url })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return (await client.query('select 1 from outage_jobs._private_jobs')).rows.length
  } catch {
    return -1
  } finally {
    await client.end()
  }
}

it('The connection on which the queue listens ends: that is told as what it is, and errands go on', async () => {
  const carried: Errand[] = []
  const runner = createRunner({
    handlers: handledBy(async (errand): Promise<Settled> => {
      carried.push(errand)
      return 'settled'
    }),
    engine: storage.engine,
    turns: createTurns(),
    turnsOfInstances: alone,
    clock,
    telemetry: telling.telemetry,
  })
  const ended = new AbortController()
  const working = runner.work(storage.permit, ended.signal)
  await until(async () => (await storage.cut(/^LISTEN "jobs:insert"/)) === 1, 'it listens, and is cut')
  await until(() => telling.fieldsOf('DB_CONNECTION_LOST').some(({ owner }) => owner === 'errands'))
  await write('after the cut')
  await until(() => carried.length === 1)
  ended.abort()
  await working
  assert.deepEqual(telling.fieldsOf('EXCEPTION_CAUGHT'), [], 'a fault of the world is no exception')
})

it('An outage of the database ends no process, and every errand is carried out when it is over', async () => {
  const carried: string[] = []
  const door = Promise.withResolvers<void>()
  const carry = async (errand: Errand): Promise<Settled> => {
    const what = errand.kind === 'tell_operator' ? errand.what : ''
    if (what === 'in hand') await door.promise
    if (what === 'writes') await write('written by an errand')
    carried.push(what)
    return 'settled'
  }
  const { engine, worker } = storage
  const { telemetry } = telling
  const runner = createRunner({
    handlers: handledBy(carry),
    engine,
    turns: createTurns(),
    turnsOfInstances: alone,
    clock,
    telemetry,
  })
  const duties = startDuties([workDuty('errands', (right, signal) => runner.work(right, signal))], worker, {
    clock,
    telemetry,
  })
  await write('in hand')
  await until(async () => (await left()) === 1, 'it is written')
  await until(
    async () => (await storage.rows('select 1 from outage_jobs._private_jobs where attempts = 1')).length === 1,
    'it is in hand',
  )

  await own.kill()
  door.resolve()
  await until(() => carried.length === 1, 'it was carried out while there was no database')
  await assert.rejects(write('not now'))
  await own.start()

  await until(
    () =>
      write('writes').then(
        () => true,
        () => false,
      ),
    'steps go on',
  )
  await until(async () => carried.includes('written by an errand'), 'errands go on')
  await until(async () => (await left()) === 0, 'nothing is left')
  assert.equal(carried.includes('not now'), false)
  assert.ok(
    telling.fieldsOf('DB_CONNECTION_LOST').some(({ owner }) => owner === 'errands'),
    'the end of its connection',
  )
  assert.deepEqual(telling.fieldsOf('EXCEPTION_CAUGHT'), [], 'a fault of the world is no exception')
  await duties.stop()
})
