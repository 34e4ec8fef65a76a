import type { Offer } from '../catalog/offer.ts'
import type { Errand } from '../errands/errand.ts'
import { jobKeyOf } from '../errands/errand-jobs.ts'
import { isFaultOfTheWorld } from '../faults.ts'
import { after, type Clock, type Instant } from '../kit/clock.ts'
import { destinationOf, newCid, type OfferId, type OrderId } from '../kit/ids.ts'
import { unreachable } from '../kit/unreachable.ts'
import { lateSince, type OpenStatus } from '../orders/deadlines.ts'
import type { Observation } from '../orders/decide.ts'
import type { Order } from '../orders/order.ts'
import type { LeaderPermit } from '../permit.ts'
import type { Store } from '../store.ts'
import { messageWithCauses, type Telemetry } from '../telemetry/telemetry.ts'

/**
 * What the leader does about orders that nothing moves any more. It looks at the orders and not at their jobs, so that a
 * job that always fails, or that was lost, keeps no hold open: at its deadline an order goes on without it, and an order
 * without a job gets its job again.
 */
export type SweepOrdersDeps = {
  readonly open: OpenOrders
  readonly store: Store
  readonly record: (
    permit: LeaderPermit,
    order: OrderId,
    seen: Observation,
  ) => Promise<{ readonly order: Order; readonly changed: boolean } | undefined>
  readonly offers: () => readonly Offer[]
  readonly clock: Clock
  readonly telemetry: Telemetry
}

/** The orders that wait for something, as they are committed. A port. */
export interface OpenOrders {
  /** Those that came into their state at this moment of it or before; it reads a page at a time, and no other rows. */
  since(moments: Readonly<Record<OpenStatus, Instant>>): AsyncIterable<FoundOrder>
  /** Which of these keys no job has, waiting, in hand or set aside. */
  withoutJob(keys: readonly string[]): Promise<ReadonlySet<string>>
}
export type FoundOrder =
  | { readonly kind: 'read'; readonly order: Order }
  | { readonly kind: 'unreadable'; readonly id: OrderId; readonly why: string }

/** An order that came into its state longer ago than this should have a job. */
const restoreAfterMs = 10 * 60_000
const keysMax = 100

export function createSweepOrders({ open, store, record, offers, clock, telemetry }: SweepOrdersDeps) {
  /** The orders that the sweep before could not move on; the operators know of them. */
  let reported: ReadonlySet<OrderId> = new Set()

  /** Undefined: it failed, which is the fault of this order alone. */
  async function tryToMove(permit: LeaderPermit, order: Order, limits: Offer['deadlines'] | undefined) {
    try {
      const recorded = await record(permit, order.id, { type: 'deadline_passed', at: clock.now(), limits })
      return recorded?.changed === true ? 'moved' : 'not_due'
    } catch (error) {
      if (isFaultOfTheWorld(error)) throw error
      telemetry.caught(error, 'the deadline of an order', order.cid)
      return { failed: messageWithCauses(error) }
    }
  }

  async function tellOperators(permit: LeaderPermit, sentences: readonly string[]): Promise<void> {
    if (sentences.length === 0) return
    const cid = newCid()
    await store.transact(permit, (tx) =>
      tx.errands.add([{ errand: { kind: 'tell_operator', what: sentences.join('\n') }, cid }]),
    )
  }

  /** One job again, unless the order has gone on meanwhile. */
  async function restore(permit: LeaderPermit, id: OrderId): Promise<void> {
    const restored = await store.transact(permit, async (tx) => {
      const order = await tx.orders.lock(id)
      const errand = order === undefined ? undefined : errandOf(order)
      if (order === undefined || errand === undefined) return undefined
      await tx.errands.add([{ errand, cid: order.cid }])
      return { cid: order.cid, order_id: id, kind: errand.kind }
    })
    if (restored !== undefined) telemetry.emit('ORDER_JOB_RESTORED', restored)
  }

  return {
    /** Moves on every order whose deadline has passed, and tells the operators of them in one message. */
    async passDeadlines(permit: LeaderPermit, signal: AbortSignal): Promise<void> {
      const byId = new Map<OfferId, Offer>(offers().map((offer) => [offer.id, offer]))
      const moments = lateSince(
        clock.now(),
        [...byId.values()].map(({ deadlines }) => deadlines),
      )
      const moved: Moved[] = []
      const stuck = new Map<OrderId, string>()
      for await (const found of open.since(moments)) {
        if (signal.aborted) break
        if (found.kind === 'unreadable') {
          telemetry.emit('ORDER_UNREADABLE', { order_id: found.id, detail: found.why })
          stuck.set(found.id, `it cannot be read, because ${found.why}`)
          continue
        }
        const { order } = found
        const end = await tryToMove(permit, order, byId.get(order.offer)?.deadlines)
        if (end === 'not_due') continue
        if (end !== 'moved') {
          stuck.set(order.id, end.failed)
          continue
        }
        moved.push({ id: order.id, status: order.status })
        telemetry.emit('ORDER_DEADLINE_PASSED', { cid: order.cid, order_id: order.id, status: order.status })
      }
      const news = [...stuck].filter(([id]) => !reported.has(id))
      await tellOperators(permit, [...movedText(moved), ...stuckText(news)])
      reported = new Set(stuck.keys())
    },

    /** Adds the job of every order that has none. */
    async restoreJobs(permit: LeaderPermit, signal: AbortSignal): Promise<void> {
      const wanted = new Map<string, OrderId>()
      const restoreWanted = async () => {
        for (const key of await open.withoutJob([...wanted.keys()])) {
          const id = wanted.get(key)
          if (id !== undefined && !signal.aborted) await restore(permit, id)
        }
        wanted.clear()
      }
      for await (const found of open.since(allSince(after(clock.now(), -restoreAfterMs)))) {
        if (signal.aborted) return
        const errand = found.kind === 'read' ? errandOf(found.order) : undefined
        const key = errand === undefined ? null : jobKeyOf(errand)
        if (found.kind === 'read' && key !== null) wanted.set(key, found.order.id)
        if (wanted.size >= keysMax) await restoreWanted()
      }
      await restoreWanted()
    },
  }
}

/** The job that moves an order on from its state. */
function errandOf(order: Order): Errand | undefined {
  const { id } = order
  switch (order.status) {
    case 'placed':
    case 'submitting':
      return { kind: 'submit_task', order: id }
    case 'uncertain':
    case 'generating':
      return { kind: 'watch_task', order: id }
    case 'delivering':
      return { kind: 'deliver', order: id, ...destinationOf(order) }
    case 'released':
      return order.gift === 'delivering' ? { kind: 'deliver', order: id, ...destinationOf(order) } : undefined
    case 'completed':
    case 'refunded':
      return undefined
    default:
      return unreachable(order, 'errandOf')
  }
}

const allSince = (moment: Instant): Readonly<Record<OpenStatus, Instant>> => ({
  placed: moment,
  submitting: moment,
  uncertain: moment,
  generating: moment,
  delivering: moment,
  released: moment,
})

type Moved = Pick<Order, 'id' | 'status'>

function movedText(moved: readonly Moved[]): readonly string[] {
  const [first] = moved
  if (first === undefined) return []
  const counts = new Map<string, number>()
  for (const { status } of moved) counts.set(status, (counts.get(status) ?? 0) + 1)
  const states = [...counts].map(([status, count]) => `${count} ${status}`).join(', ')
  return [
    `The deadline of ${moved.length} ${moved.length === 1 ? 'order' : 'orders'} has passed (${states}). ` +
      `What was held goes back; one that was being submitted is uncertain first. See trt orders show ${first.id}`,
  ]
}

/** The first few are enough to begin with. */
const namedMax = 5
function stuckText(stuck: readonly (readonly [OrderId, string])[]): readonly string[] {
  if (stuck.length === 0) return []
  const named = stuck.slice(0, namedMax).map(([id, why]) => `${id}: ${why}`)
  return [`${stuck.length} late orders could not be moved on, and need a look.`, ...named]
}
