import type { Instant } from '../kit/clock.ts'
import type { OrderId } from '../kit/ids.ts'

/** KIE takes 20 new tasks per 10 s and account, and drops what is over [kie-api 6]. Shared by all instances. */
export const submitsPerWindow = 20
export const submitWindowMs = 10_000

/** A port, used inside a step's transaction. */
export interface SubmitSlots {
  /** Takes a slot for this submit, or says when to ask again. */
  take(
    order: OrderId,
    now: Instant,
  ): Promise<{ readonly kind: 'taken' } | { readonly kind: 'full'; readonly until: Instant }>
}
