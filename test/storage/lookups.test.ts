import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { cid, newOrderId } from '../../src/kit/ids.ts'
import { createReadFigures } from '../../src/storage/postgres/figures.ts'
import { TRANSFERS_OF_ORDER } from '../../src/storage/postgres/people-admin.ts'
import { newLane, update } from '../contracts/inbox-contract.ts'
import { createTestClock } from '../fixtures/clock.ts'
import { openStorage } from '../fixtures/storage.ts'

const storage = await openStorage()
const timezone = 'Europe/Moscow'

describe('the figures', () => {
  it('count the jobs every ten seconds, whoever asks how often in between', async () => {
    const clock = createTestClock()
    const read = createReadFigures({ pool: storage.database.monitor, schema: storage.schema, timezone, clock })
    const addJob = () =>
      storage.store.transact(storage.permit, (tx) =>
        tx.errands.add([{ errand: { kind: 'submit_task', order: newOrderId() }, cid: cid('abc123ff') }]),
      )
    const pending = async () => (await read()).errands.pendingByKind.get('submit_task') ?? 0
    await addJob()
    assert.equal(await pending(), 1)
    await addJob()
    await clock.advance(9_999)
    assert.equal(await pending(), 1)
    await clock.advance(1)
    assert.equal(await pending(), 2)
  })

  it('tell what waits from what was set aside, and how old the oldest is', async () => {
    await storage.rows(`update ${storage.schema}_jobs._private_jobs set run_at = now() - interval '1 minute'`)
    const first = `(select min(id) from ${storage.schema}_jobs._private_jobs)`
    await storage.rows(`update ${storage.schema}_jobs._private_jobs set attempts = max_attempts where id = ${first}`)
    await storage.rows(
      `insert into shelved_jobs (id, kind, payload, cid, reason, attempts) values (1, 'say', '{}', 'abc123ff', 'a test', 12)`,
    )
    const { monitor: pool } = storage.database
    // Its clock is not that of the database.
    const clock = createTestClock()
    const { errands } = await createReadFigures({ pool, schema: storage.schema, timezone, clock })()
    assert.deepEqual([errands.pending, errands.shelved], [1, 1])
    const ageMs = clock.now() - (errands.oldest ?? 0)
    assert.ok(ageMs > 59_000 && ageMs < 120_000, `${ageMs} ms`)
  })
})

describe('the transfers of an order', () => {
  it('are found by an index', async () => {
    const plan = await storage.rows(`explain (format json) ${TRANSFERS_OF_ORDER}`, [newOrderId()])
    assert.doesNotMatch(JSON.stringify(plan), /Seq Scan/)
    assert.match(JSON.stringify(plan), /"Index Name":"transfers_of_order"/)
  })
})

describe('a statement of the intake', () => {
  it('is planned once, and not for each update that is stored', async () => {
    for (let n = 0; n < 10; n++) await storage.inbox.store(update(newLane()))
    const { rows } = await storage.database.intake.query(
      `select generic_plans::int as once, custom_plans::int as each from pg_prepared_statements where name = 'trt_store'`,
    )
    assert.deepEqual(rows, [{ once: 10, each: 0 }])
  })
})
