import type { Instant } from '../kit/clock.ts'
import type { ChargeId, Cid, OrderId, PersonId } from '../kit/ids.ts'

/**
 * What an operator gives back by hand, once for each order and payment, with a reason. Two different things: an order
 * gives its kopecks back to the balance, at once; a payment gives its Stars back to the person, through Telegram.
 *
 *   asked ─► done
 *     └────► refused ─► asked again
 *
 * `asked` is committed before Telegram is called, and `done` together with the transfer that takes the money from the
 * balance.
 */
export type Refund = {
  readonly of: { readonly what: 'order'; readonly id: OrderId } | { readonly what: 'payment'; readonly id: ChargeId }
  readonly person: PersonId
  /** The operator's words; the person reads them too. */
  readonly why: string
  /** Stars are given back although the person has spent what they bought; what is missing becomes a debt. */
  readonly isForced: boolean
  readonly state: 'asked' | 'done' | 'refused'
  readonly at: Instant
  readonly cid: Cid
}

/** Where refunds are kept. A port, used inside a step's transaction. */
export interface Refunds {
  /** Adds one, or gives what was asked of the same thing before, locked; the second of two at once waits for the first. */
  ask(refund: Refund): Promise<'asked' | Refund>
  /** Reads and locks it until the step ends. */
  lock(of: Refund['of']): Promise<Refund | undefined>
  /** Writes what may change: state, reason, whether it is forced. */
  save(refund: Refund): Promise<void>
}
