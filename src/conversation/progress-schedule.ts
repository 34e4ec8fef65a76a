/**
 * When the progress message is edited, and what counts as late. The pauses grow, because an edit that tells nothing
 * new is noise and Telegram allows few of them; the message never stops being true in between, as it tells elapsed
 * time in units that grow as well.
 */
import type { Instant } from '../kit/clock.ts'
import { unreachable } from '../kit/unreachable.ts'
import type { Order } from '../orders/order.ts'
import type { Durations } from '../orders/order-store.ts'

const pausesMs = [3, 5, 8, 13, 21, 34, 55].map((seconds) => seconds * 1000)
/** Once the growing pauses are used up: each minute, later each ten, and each hour when the time is told in hours. */
const steadyPauseMs = 60_000
const longPauseMs = 600_000
const longAfterMs = 30 * 60_000
const hourMs = 60 * 60_000
const hourlyAfterMs = 2 * hourMs
/** Late, as long as nothing is measured. */
const unmeasuredLateMs = 3 * 60_000
const lateFactor = 1.5

/** In how many milliseconds the message will have something new to tell, if the order does not change before. */
export function nextProgressMs(order: Order, now: Instant, durations: Durations | undefined): number {
  // What has happened to its results is drawn when it happens; in between the message is only kept true, ever more rarely.
  if (order.status === 'delivering') return Math.max(longPauseMs, now - order.producedAt)
  if (!isTimed(order)) return longPauseMs
  const elapsedMs = Math.max(0, now - order.placedAt)
  const lateMs = lateAfterMs(durations)
  const scheduledMs = nextMarkMs(elapsedMs)
  // The moment it becomes late is worth a sentence of its own.
  const nextMs = elapsedMs < lateMs && lateMs < scheduledMs ? lateMs : scheduledMs
  return nextMs - elapsedMs
}

/** Longer than nine in ten took, by half; derived from the clock and never stored. */
export const isLate = (order: Order, now: Instant, durations: Durations | undefined): boolean =>
  now - order.placedAt >= lateAfterMs(durations)

const lateAfterMs = (durations: Durations | undefined): number =>
  durations === undefined ? unmeasuredLateMs : Math.round(durations.p90Ms * lateFactor)

/** The first mark after this much time: 3, 8, 16, 29 … seconds, then whole minutes, then each ten of them, then whole hours. */
function nextMarkMs(elapsedMs: number): number {
  let markMs = 0
  for (const pauseMs of pausesMs) {
    markMs += pauseMs
    if (markMs > elapsedMs) return markMs
  }
  const pauseMs = elapsedMs < longAfterMs ? steadyPauseMs : elapsedMs < hourlyAfterMs ? longPauseMs : hourMs
  return (Math.floor(elapsedMs / pauseMs) + 1) * pauseMs
}

/** Whether elapsed time stands in the message. */
function isTimed(order: Order): boolean {
  switch (order.status) {
    case 'placed':
    case 'submitting':
    case 'uncertain':
    case 'generating':
      return order.quiet !== true
    case 'delivering':
    case 'completed':
    case 'refunded':
    case 'released':
      return false
    default:
      return unreachable(order, 'isTimed')
  }
}
