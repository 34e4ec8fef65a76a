import type { Offer } from '../catalog/offer.ts'
import type { Settled } from '../errands/runner.ts'
import { after, type Clock } from '../kit/clock.ts'
import { type Cid, type KieTaskId, kieTaskId, type OfferId, type OrderId } from '../kit/ids.ts'
import { unreachable } from '../kit/unreachable.ts'
import type { Observation } from '../orders/decide.ts'
import type { Order } from '../orders/order.ts'
import type { Recorded } from '../orders/record-observation.ts'
import type { Permit } from '../permit.ts'
import type { Store } from '../store.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import type { KieGateway, TaskSeen } from './kie-gateway.ts'

/**
 * Looks at KIE where an order's task stands, again and again with growing pauses, for hours and days if need be. A
 * callback only makes the next look come sooner; what the record says is what counts, because KIE's signature does not
 * cover a callback's body [kie-api 5.4].
 */
export type WatchTaskDeps = {
  readonly store: Store
  readonly record: (
    permit: Permit,
    order: OrderId,
    seen: Observation | ((order: Order) => Observation | undefined),
  ) => Promise<Recorded | undefined>
  readonly kie: KieGateway
  readonly offer: (id: OfferId) => Offer | undefined
  /** Whether a callback URL in a task's record is the one we made for this order. */
  readonly isOurCallback: (order: OrderId, url: string) => boolean
  readonly clock: Clock
  readonly telemetry: Telemetry
}

/** After this a task is not asked for any more; KIE forgets it then too [kie-api 6]. */
const watchedMs = 14 * 24 * 3600 * 1000
/** The longest pause while a success has an empty list of results. */
const emptyPauseMs = 15_000

export function createWatchTask({ store, record, kie, offer, isOurCallback, clock, telemetry }: WatchTaskDeps) {
  return async function watchTask(
    { order: id, hint }: { readonly order: OrderId; readonly hint?: string },
    { permit, cid }: { readonly permit: Permit; readonly cid: Cid },
  ): Promise<Settled> {
    const order = await store.transact(permit, (tx) => tx.orders.get(id))
    if (order === undefined) return 'settled'
    const task = taskOf(order) ?? (hint === undefined ? undefined : kieTaskId(hint))
    const claimed = taskOf(order) === undefined
    if (task === undefined || !isWatched(order)) return await again(permit, id, hint, {})
    const seen = await look(permit, order, task, claimed, cid)
    return seen === 'over' ? 'settled' : await again(permit, id, hint, seen)
  }

  /** One look. An order that does not know its task believes a hint only if the record carries our own callback URL. */
  async function look(
    permit: Permit,
    order: Order,
    task: KieTaskId,
    claimed: boolean,
    cid: Cid,
  ): Promise<'over' | GoesOn> {
    const outcome = await kie.look(task)
    if (outcome.kind !== 'done') {
      const detail = outcome.detail
      if (outcome.kind === 'not_done' && outcome.why === 'key_refused') {
        telemetry.emit('KIE_REFUSED', { why: outcome.why, cid, order_id: order.id, detail })
      }
      telemetry.emit('KIE_TASK_OBSERVED', { cid, order_id: order.id, task_id: task, state: 'unknown', detail })
      return { detail }
    }
    const seen = outcome.value
    telemetry.emit('KIE_TASK_OBSERVED', { cid, order_id: order.id, task_id: task, state: seen.state })
    if (claimed) {
      const url = 'callbackUrl' in seen ? seen.callbackUrl : undefined
      if (url === undefined || !isOurCallback(order.id, url)) return {}
      await record(permit, order.id, { type: 'submit_accepted', task, at: clock.now() })
    }
    return await learn(permit, order, task, seen, cid)
  }

  async function learn(
    permit: Permit,
    order: Order,
    task: KieTaskId,
    seen: TaskSeen,
    cid: Cid,
  ): Promise<'over' | GoesOn> {
    const at = clock.now()
    switch (seen.state) {
      case 'running':
        await record(permit, order.id, { type: 'task_moved', stage: seen.stage })
        return {}
      case 'succeeded': {
        const credits = seen.credits === undefined ? {} : { credits: seen.credits }
        await record(permit, order.id, { type: 'task_succeeded', task, artifacts: seen.artifacts, ...credits, at })
        return 'over'
      }
      case 'empty': {
        const recorded = await record(permit, order.id, {
          type: 'task_made_nothing',
          detail: `KIE named no result of task ${task}`,
          at,
        })
        return recorded?.order.status === 'generating' ? {} : 'over'
      }
      case 'failed': {
        const credits = seen.credits === undefined ? {} : { credits: seen.credits }
        const detail = `KIE said of task ${task}: ${seen.detail === '' ? 'failed' : seen.detail}`
        await record(permit, order.id, { type: 'task_failed', reason: seen.reason, ...credits, detail, at })
        return 'over'
      }
      case 'not_found':
        return { detail: `KIE does not know task ${task}` }
      case 'unrecognized': {
        telemetry.emit('KIE_STATE_UNRECOGNIZED', { cid, order_id: order.id, raw: seen.raw.slice(0, 500) })
        const detail = `KIE answered with a state nobody described: ${seen.raw.slice(0, 200)}`
        // The money does not wait for somebody to understand it.
        await passDeadline(permit, order.id, { detail })
        throw new Error(detail)
      }
      default:
        return unreachable(seen, 'learn')
    }
  }

  /** Says when to look next, after the deadline has been passed if it has come. */
  async function again(permit: Permit, id: OrderId, hint: string | undefined, said: GoesOn): Promise<Settled> {
    const order = await passDeadline(permit, id, said)
    if (order === undefined || !isWatched(order)) return 'settled'
    // Given back, and no task to look at: a callback that names one wakes a look of its own.
    if (order.status === 'released' && taskOf(order) === undefined && hint === undefined) return 'settled'
    // The order knows its task by now, and is looked at by the clock.
    if (hint !== undefined && taskOf(order) !== undefined) return 'settled'
    const now = clock.now()
    const age = now - order.placedAt
    if (age > watchedMs) return 'settled'
    const asksForResults = order.status === 'generating' && order.emptySince !== undefined
    return { againAt: after(now, asksForResults ? Math.min(emptyPauseMs, pauseMs(age)) : pauseMs(age)) }
  }

  async function passDeadline(permit: Permit, id: OrderId, said: GoesOn): Promise<Order | undefined> {
    const recorded = await record(permit, id, (order) =>
      // Any other order that is late is the sweep's, which tells the operators of it.
      isWatched(order)
        ? { type: 'deadline_passed', at: clock.now(), limits: offer(order.offer)?.deadlines, ...said }
        : undefined,
    )
    return recorded?.order
  }
}

/** Nothing is decided; `detail` is why this look learned nothing, for operators. */
type GoesOn = { readonly detail?: string }

const taskOf = (order: Order): KieTaskId | undefined => ('task' in order ? order.task : undefined)

/** What can still change by a look: running orders, and released ones whose task may yet succeed (a gift). */
function isWatched(order: Order): boolean {
  switch (order.status) {
    case 'submitting':
    case 'uncertain':
    case 'generating':
      return true
    case 'released':
      return order.gift === 'none' && (order.reason === 'lost' || order.reason === 'never_confirmed')
    case 'placed':
    case 'delivering':
    case 'completed':
    case 'refunded':
      return false
    default:
      return unreachable(order, 'isWatched')
  }
}

/** 2 s at first, then ever more rarely, at most every 10 minutes [kie-api 4]. */
function pauseMs(ageMs: number): number {
  if (ageMs < 30_000) return 2_000
  if (ageMs < 120_000) return 5_000
  if (ageMs < 600_000) return 15_000
  if (ageMs < 3_600_000) return 60_000
  return 600_000
}
