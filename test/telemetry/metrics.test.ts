import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createMetrics, type Gauges } from '../../src/telemetry/metrics.ts'
import { createTestClock } from '../fixtures/clock.ts'
import { createTelling } from '../fixtures/telling.ts'

/** Dashboards and alarms of operators are written against these. */
const named = [
  'trt_updates_total',
  'trt_update_ack_seconds',
  'trt_inbox_pending',
  'trt_inbox_oldest_seconds',
  'trt_step_seconds',
  'trt_errands_pending',
  'trt_errands_oldest_seconds',
  'trt_shelved',
  'trt_active',
  'trt_epoch',
  'trt_webhook_verified',
  'trt_webhook_pending',
  'trt_kie_calls_total',
  'trt_kie_callbacks_total',
  'trt_kie_credits',
  'trt_orders_total',
  'trt_losses_total',
  'trt_rate_limited_total',
  'trt_db_pool_connections',
  'trt_db_pool_wait_seconds',
  'trt_unhandled_errors_total',
]
const gauges: Gauges = {
  isActive: true,
  epoch: 7,
  webhookVerified: true,
  webhookPending: 2,
  inbox: { pending: 3, oldestS: 4, shelved: 1 },
  errands: { pendingByKind: new Map([['say', 5]]), oldestS: 6, shelved: 1 },
  pool: { inUse: 1, idle: 2, waiting: 3 },
  kieCredits: 80,
}

function open(read: () => Gauges = () => gauges) {
  const telling = createTelling(createTestClock())
  return { ...telling, metrics: createMetrics(telling.telemetry, read) }
}

describe('metrics', () => {
  it('have the names of the contract, and the defaults of a process', async () => {
    const text = await open().metrics.text()
    for (const name of named) assert.match(text, new RegExp(`^# TYPE ${name} `, 'm'))
    assert.match(text, /^process_cpu_seconds_total/m)
    assert.match(text, /^nodejs_eventloop_lag_seconds/m)
  })

  it('have a bucket at the 200 ms within which an update must be acknowledged', async () => {
    assert.match(await open().metrics.text(), /trt_update_ack_seconds_bucket\{le="0\.2"\}/)
  })

  it('count the facts that the log tells', async () => {
    const { telemetry, metrics } = open()
    telemetry.emit('UPDATE_RECEIVED', { cid: 'abc123ff', update_id: 1, kind: 'message', ack_ms: 150 })
    telemetry.emit('UPDATE_RECEIVED', { cid: 'abc123ff', update_id: 1, kind: 'message', ack_ms: 1, duplicate: true })
    telemetry.emit('ORDER_PLACED', { cid: 'abc123ff', order_id: 'x', model: 'm', price: '3RUB' })
    telemetry.emit('LOSS_RECORDED', { cid: 'abc123ff', cause: 'task_failed', detail: 'x' })
    telemetry.emit('KIE_CALLBACK_REFUSED', { status: 404, reason: 'not ours' })
    telemetry.caught(new Error('nobody caught this'), 'process')
    const text = await metrics.text()
    assert.match(text, /^trt_updates_total\{kind="message",duplicate="false"\} 1$/m)
    assert.match(text, /^trt_updates_total\{kind="message",duplicate="true"\} 1$/m)
    assert.match(text, /^trt_update_ack_seconds_bucket\{le="0\.1"\} 1$/m)
    assert.match(text, /^trt_update_ack_seconds_bucket\{le="0\.2"\} 2$/m)
    assert.match(text, /^trt_orders_total\{status="placed"\} 1$/m)
    assert.match(text, /^trt_losses_total\{cause="task_failed"\} 1$/m)
    assert.match(text, /^trt_kie_callbacks_total\{outcome="refused"\} 1$/m)
    assert.match(text, /^trt_unhandled_errors_total 1$/m)
  })

  it('show the figures of this moment', async () => {
    let now = gauges
    const { metrics } = open(() => now)
    const first = await metrics.text()
    for (const line of [
      'trt_active 1',
      'trt_epoch 7',
      'trt_inbox_pending 3',
      'trt_errands_pending{kind="say"} 5',
      'trt_shelved 2',
      'trt_db_pool_connections{state="waiting"} 3',
    ])
      assert.ok(first.split('\n').includes(line), line)
    now = { ...gauges, isActive: false, epoch: undefined, errands: { ...gauges.errands, pendingByKind: new Map() } }
    const second = await metrics.text()
    assert.match(second, /^trt_active 0$/m)
    assert.doesNotMatch(second, /kind="say"/)
  })
})
