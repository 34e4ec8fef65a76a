import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Telemetry } from './telemetry.ts'

/**
 * What Prometheus reads. Counters hear the same facts as the log (`telemetry.listen`), gauges read the figures that the
 * service keeps anyway. Names are fixed by the contract.
 */
export type Gauges = {
  readonly isActive: boolean
  readonly epoch: number | undefined
  readonly webhookVerified: boolean
  readonly webhookPending: number | undefined
  readonly inbox: { readonly pending: number; readonly oldestS: number; readonly shelved: number }
  readonly errands: {
    readonly pendingByKind: ReadonlyMap<string, number>
    readonly oldestS: number
    readonly shelved: number
  }
  readonly pool: { readonly inUse: number; readonly idle: number; readonly waiting: number }
  readonly kieCredits: number | undefined
}

export function createMetrics(telemetry: Telemetry, read: () => Gauges): { text(): Promise<string> } {
  const registers = [new Registry()]
  const [registry] = registers as [Registry]
  collectDefaultMetrics({ register: registry })
  const counter = (name: string, help: string, labelNames: string[]) =>
    new Counter({ name, help, labelNames, registers })
  const gauge = (name: string, help: string, collect: (self: Gauge) => void, labelNames: string[] = []) =>
    new Gauge({
      name,
      help,
      labelNames,
      registers,
      collect() {
        collect(this)
      },
    })

  const updates = counter('trt_updates_total', 'Updates committed', ['kind', 'duplicate'])
  const ack = new Histogram({
    name: 'trt_update_ack_seconds',
    help: 'Arrival of an update to its acknowledgement',
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2],
    registers,
  })
  const step = new Histogram({
    name: 'trt_step_seconds',
    help: 'Duration of a step',
    labelNames: ['kind'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
    registers,
  })
  const kieCalls = counter('trt_kie_calls_total', 'Calls to KIE', ['route', 'code'])
  const callbacks = counter('trt_kie_callbacks_total', 'Callbacks of KIE', ['outcome'])
  const orders = counter('trt_orders_total', 'Orders that reached a status', ['status'])
  const losses = counter('trt_losses_total', 'Losses', ['cause'])
  const limited = counter('trt_rate_limited_total', 'Answers "too many"', ['scope'])
  const unhandled = counter('trt_unhandled_errors_total', 'Errors nobody caught', [])
  const poolWait = new Histogram({
    name: 'trt_db_pool_wait_seconds',
    help: 'Waits for a connection longer than a second',
    buckets: [1, 2, 5, 10],
    registers,
  })

  telemetry.listen((event, fields) => {
    switch (event) {
      case 'UPDATE_RECEIVED':
        updates.inc({ kind: String(fields['kind']), duplicate: String(fields['duplicate'] ?? false) })
        ack.observe(Number(fields['ack_ms']) / 1000)
        return
      case 'DISPATCH_OK':
        step.observe({ kind: 'update' }, Number(fields['took_ms']) / 1000)
        return
      case 'KIE_TASK_OBSERVED':
        kieCalls.inc({ route: 'recordInfo', code: String(fields['state']) })
        return
      case 'KIE_REFUSED':
        kieCalls.inc({ route: 'createTask', code: String(fields['why']) })
        return
      case 'KIE_TASK_CREATED':
        kieCalls.inc({ route: 'createTask', code: 'done' })
        orders.inc({ status: 'generating' })
        return
      case 'KIE_CALLBACK_RECEIVED':
        callbacks.inc({ outcome: 'noted' })
        return
      case 'KIE_CALLBACK_REFUSED':
        callbacks.inc({ outcome: 'refused' })
        return
      case 'ORDER_PLACED':
        orders.inc({ status: 'placed' })
        return
      case 'ORDER_COMPLETED':
        orders.inc({ status: 'completed' })
        return
      case 'ORDER_RELEASED':
        orders.inc({ status: 'released' })
        return
      case 'LOSS_RECORDED':
        losses.inc({ cause: String(fields['cause']) })
        return
      case 'ORDER_UNCERTAIN':
        orders.inc({ status: 'uncertain' })
        return
      case 'UI_NOT_SHOWN':
        if (fields['reason_code'] === 'RATE_LIMIT') limited.inc({ scope: 'telegram' })
        return
      case 'DB_POOL_WAIT':
        poolWait.observe(Number(fields['waited_ms']) / 1000)
        return
      case 'EXCEPTION_CAUGHT':
        if (fields['where'] === 'process') unhandled.inc()
        return
      default:
        return
    }
  })

  gauge('trt_active', 'Whether this instance leads', (g) => g.set(read().isActive ? 1 : 0))
  gauge('trt_epoch', 'Epoch of the leadership this instance holds', (g) => g.set(read().epoch ?? 0))
  gauge('trt_webhook_verified', 'Whether the webhook was read back and is right', (g) =>
    g.set(read().webhookVerified ? 1 : 0),
  )
  gauge('trt_webhook_pending', 'Updates Telegram keeps for us', (g) => g.set(read().webhookPending ?? 0))
  gauge('trt_inbox_pending', 'Updates that wait to be handled', (g) => g.set(read().inbox.pending))
  gauge('trt_inbox_oldest_seconds', 'Age of the oldest waiting update', (g) => g.set(read().inbox.oldestS))
  gauge(
    'trt_errands_pending',
    'Errands that wait',
    (g) => {
      g.reset()
      for (const [kind, n] of read().errands.pendingByKind) g.set({ kind }, n)
    },
    ['kind'],
  )
  gauge('trt_errands_oldest_seconds', 'Age of the oldest overdue errand', (g) => g.set(read().errands.oldestS))
  gauge('trt_shelved', 'What needs a person', (g) => g.set(read().inbox.shelved + read().errands.shelved))
  gauge('trt_kie_credits', 'Credits left at KIE', (g) => {
    const { kieCredits } = read()
    if (kieCredits !== undefined) g.set(kieCredits)
  })
  gauge(
    'trt_db_pool_connections',
    'Connections of the work pool',
    (g) => {
      const { inUse, idle, waiting } = read().pool
      g.set({ state: 'in_use' }, inUse)
      g.set({ state: 'idle' }, idle)
      g.set({ state: 'waiting' }, waiting)
    },
    ['state'],
  )
  return { text: () => registry.metrics() }
}
