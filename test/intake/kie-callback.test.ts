import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { createKieCallback } from '../../src/intake/kie-callback.ts'
import { createClock, after as later } from '../../src/kit/clock.ts'
import { cid, newOrderId, type OrderId } from '../../src/kit/ids.ts'
import { carryOut } from '../errands/carrying-out.ts'
import { until } from '../fixtures/person.ts'
import { openStorage } from '../fixtures/storage.ts'
import { createTelling } from '../fixtures/telling.ts'

/** When a task is polled that callbacks of KIE speak of, on the real queue; KIE itself is not asked. */
const storage = await openStorage()
const clock = createClock()
const { telemetry, fieldsOf } = createTelling(clock)
const story = cid('abc123ff')
/** Milliseconds at which each order was polled. */
const polls = new Map<OrderId, number[]>()
const working = carryOut(storage, async (errand) => {
  if (errand.kind === 'watch_task') polls.set(errand.order, [...(polls.get(errand.order) ?? []), performance.now()])
  return 'settled'
})
const handleCallback = createKieCallback({
  addJob: storage.engine.add,
  orderOf: (order) => ({ order: order as OrderId, cid: story }),
  clock,
  telemetry,
})
const none = { timestamp: undefined, signature: undefined }
const body = JSON.stringify({ data: { taskId: 't1' } })
const pollsOf = (order: OrderId): readonly number[] => polls.get(order) ?? []

describe('a callback of KIE', { concurrency: true }, () => {
  after(() => working.stop())

  it('in the same moment as another one does not delay the poll that the other asked for', async () => {
    for (const each of [body, '{}']) {
      const order = newOrderId()
      const started = performance.now()
      await Promise.all([handleCallback(order, none, each), handleCallback(order, none, each)])
      await until(() => pollsOf(order).length > 0, 'it is polled')
      const [first = 0] = pollsOf(order)
      assert.ok(first - started < 1_500, `polled after ${Math.round(first - started)} ms`)
    }
  })

  it('that names a task in letters which are no text is heard all the same', async () => {
    for (const broken of ['a\0b', '\0', '\ud800', '\udc00x']) {
      const order = newOrderId()
      const heard = await handleCallback(order, none, JSON.stringify({ data: { taskId: broken } }))
      assert.deepEqual(heard, { kind: 'noted' }, JSON.stringify(broken))
      await until(() => pollsOf(order).length > 0, 'it is polled')
    }
  })

  it('leaves the poll by the clock at its time', async () => {
    const order = newOrderId()
    const add = (seconds: number) =>
      storage.engine.add({ errand: { kind: 'watch_task', order }, cid: story, at: later(clock.now(), seconds * 1_000) })
    await add(3_600)
    for (let n = 0; n < 3; n++) await handleCallback(order, none, '{}')
    const WAITS = `select extract(epoch from run_at - now())::int as s from ${storage.schema}_jobs.jobs where key = $1`
    const [{ s } = { s: 0 }] = await storage.rows<{ s: number }>(WAITS, [`watch:${order}`])
    assert.ok(s > 3_500, `${s} s`)
  })

  it('every 5 ms for 12 s has the task polled every two seconds, and once more after the last of them', async () => {
    const order = newOrderId()
    const started = performance.now()
    let last = started
    while (last - started < 12_000) {
      await handleCallback(order, none, body)
      last = performance.now()
      await clock.sleep(5)
    }
    await until(() => (pollsOf(order).at(-1) ?? 0) >= last, 'it is polled after the last callback')
    const times = pollsOf(order)
    assert.ok(times.length >= 6 && times.length <= 9, `${times.length} polls`)
    for (const [n, time] of times.entries()) {
      const pause = time - (times[n - 1] ?? started)
      // Two seconds, and one until the queue looks.
      assert.ok(pause < 4_000, `${Math.round(pause)} ms without a poll`)
    }
  })
})

// Nobody else may be at the queue.
it('a callback that cannot be noted because the connection is cut blames the world, and is to come again', async () => {
  const blocker = await storage.database.connect('blocker')
  await blocker.query(
    `set idle_in_transaction_session_timeout = 0; begin; lock table ${storage.schema}_jobs._private_jobs in access exclusive mode`,
  )
  const heard = handleCallback(newOrderId(), none, body)
  await until(async () => (await storage.cut(/add_jobs/)) > 0, 'it waits, and is cut')
  assert.deepEqual(await heard, { kind: 'cannot_note' })
  await blocker.query('rollback')
  await blocker.end()
  assert.deepEqual(
    fieldsOf('EXCEPTION_CAUGHT').map(({ error_type: type }) => type),
    ['StorageFault'],
  )
})
