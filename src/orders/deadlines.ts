import type { Offer } from '../catalog/offer.ts'
import { after, type Instant, instant } from '../kit/clock.ts'
import { unreachable } from '../kit/unreachable.ts'
import type { Order } from './order.ts'

/**
 * How long an order may stay in each state that waits for something. Pure. At the deadline `decide` moves the order on,
 * whatever became of the job that should have done it, so that no hold stays open for ever.
 */
const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

/** Five minutes more than `submit_task` goes on asking a KIE that says "later", which then says so itself. */
const placedMs = 20 * minuteMs
/** So long a state of the world may hold an order back before its money goes home; its time above does not run meanwhile. */
export const heldMs = dayMs
/** Longer than a call to KIE takes, so that an order whose answer is on its way is not called uncertain. */
const submittingMs = 5 * minuteMs
/** A day more than `deliver` tries to reach somebody who blocked the bot. */
const deliveringMs = 8 * dayMs
/** KIE keeps what it made for so long [kie-api 6]. */
export const keptByKieMs = 14 * dayMs
/** So long, from the first refusal, an artifact is looked for before the hold is settled without it. */
export const lookedForMs = hourMs
/** The same while its host does not answer at all, which is no fault of the file: KIE keeps it, and a hold must end. */
export const awaitedMs = dayMs
/** An empty list of results may be filled in a moment later; after this it is believed. */
export const emptyBelievedMs = 2 * minuteMs
/** For an order whose offer left the catalogue. */
const usual: OfferDeadlines = { uncertainMs: 15 * minuteMs, lostMs: dayMs }

export type OfferDeadlines = Offer['deadlines']

/** When the order has been in its state for too long; undefined in a state that waits for nothing. */
export function deadlineOf(order: Order, { uncertainMs, lostMs }: OfferDeadlines = usual): Instant | undefined {
  switch (order.status) {
    case 'placed':
      return instant(
        Math.min(after(order.heldAt ?? order.placedAt, placedMs), after(order.placedAt, heldMs + placedMs)),
      )
    case 'submitting':
      return after(order.since, submittingMs)
    case 'uncertain':
      return after(order.since, uncertainMs)
    case 'generating':
      return after(order.submittedAt, lostMs)
    case 'delivering':
      return after(order.producedAt, deliveringMs)
    case 'released': {
      if (order.gift !== 'delivering') return undefined
      return after(instant(Math.max(order.releasedAt, order.producedAt ?? 0)), keptByKieMs)
    }
    case 'completed':
    case 'refunded':
      return undefined
    default:
      return unreachable(order, 'deadlineOf')
  }
}

/** The states that have a deadline; of `released` only the orders with a gift on its way. */
export type OpenStatus = Exclude<Order['status'], 'completed' | 'refunded'>

/**
 * An order that came into its state after this moment cannot be late at `now`, whatever its offer says. For finding
 * candidates; `deadlineOf` decides.
 */
export function lateSince(now: Instant, offers: readonly OfferDeadlines[]): Readonly<Record<OpenStatus, Instant>> {
  const all = [usual, ...offers]
  const before = (ms: number) => after(now, -ms)
  return {
    placed: before(placedMs),
    submitting: before(submittingMs),
    uncertain: before(Math.min(...all.map(({ uncertainMs }) => uncertainMs))),
    generating: before(Math.min(...all.map(({ lostMs }) => lostMs))),
    delivering: before(deliveringMs),
    released: before(keptByKieMs),
  }
}
