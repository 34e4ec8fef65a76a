import type { Instant } from '../kit/clock.ts'
import type { ChargeId, Cid, OrderId, PersonId, TopUpId } from '../kit/ids.ts'
import type { Generations, Kopecks, Price, ShopDay, Stars } from './amount.ts'
import type { TransferKind } from './transfer.ts'

/**
 * The books: double entry, immutable transfers, whole units. A port, used inside a step's transaction.
 *
 * Promises, held by `test/contracts/ledger-contract.ts`:
 * - every transfer has an idempotency key that is unique: the same hold, capture, release, refund or credit happens once, and a
 *   repeat says so instead of failing;
 * - a person's balance is never negative, whatever arrives at once;
 * - every hold is settled exactly once, by capture or by release;
 * - a refund of an order never exceeds what was captured;
 * - what goes back goes to where it came from, a free generation to its own day;
 * - money that comes in or back pays an open debt before it can be spent;
 * - a payment is reversed by its refund, whichever of the two is handled first;
 * - the sum over all accounts is zero in every unit.
 */
export interface Ledger {
  /** What the person can spend now: without what is held. */
  balance(person: PersonId): Promise<Kopecks>
  /** Free generations left on this day; the day's five are made by the first use. */
  free(person: PersonId, day: ShopDay): Promise<FreeLeft>
  hold(hold: Hold): Promise<HoldOutcome>
  /** Takes the held price for good. `amount` may be less than the hold (kopecks only); the rest goes back. */
  capture(entry: OrderEntry & Part): Promise<'captured' | 'already_captured' | 'already_released'>
  /** Gives the held price back to where it came from, a free generation to its own day. */
  release(entry: OrderEntry): Promise<'released' | 'already_released' | 'already_captured'>
  /** Gives captured money back by a new transfer, once an order; `amount` may be less than what was captured. */
  refund(entry: OrderEntry & Part): Promise<'refunded' | 'already_refunded' | 'nothing_captured'>
  /**
   * Credits a paid top-up to its payer under its charge id; an open debt is paid first. `credited_and_reversed`: its Stars
   * were given back before, so it is taken back at once.
   */
  credit(credit: Credit): Promise<'credited' | 'credited_and_reversed' | 'already_credited'>
  /**
   * Takes back a credited top-up whose Stars were refunded; what was spent becomes a debt carried by the shop.
   * `noted_early`: no such payment was handled yet; it is reversed when it is credited.
   */
  reverse(reversal: Reversal): Promise<'reversed' | 'already_reversed' | 'noted_early'>
  /** A payment that was credited under this charge. */
  payment(charge: ChargeId): Promise<Payment | undefined>
  /** Gives money or free generations without a day (referral, promotion, the operator's hand), once for each key. */
  give(gift: Gift): Promise<'given' | 'already_given'>
  /** What the person owes the shop after a reversal; the next money that comes in or back pays it first. */
  debt(person: PersonId): Promise<Kopecks>
  /** How much of what an order gave back (by release, rest or refund) has paid a debt instead. */
  debtPaidBy(order: OrderId): Promise<Kopecks>
  /** What moved the person's roubles, newest first. */
  transactionsOf(person: PersonId, limit: number): Promise<readonly Transaction[]>
}

export type FreeLeft = { readonly today: Generations; readonly extra: Generations }

export type OrderEntry = { readonly order: OrderId; readonly at: Instant; readonly cid: Cid }
/** A part of what was held or captured; absent: all of it. More than zero and at most all of it, else a fault. */
export type Part = { readonly amount?: Kopecks }
export type Hold = OrderEntry & { readonly person: PersonId; readonly price: Price; readonly day: ShopDay }
export type HoldOutcome =
  | { readonly kind: 'held' }
  | { readonly kind: 'already_held' }
  | { readonly kind: 'not_enough_money'; readonly missing: Kopecks }
  | { readonly kind: 'no_free_left' }
export type Credit = {
  readonly charge: ChargeId
  readonly person: PersonId
  readonly amount: Kopecks
  readonly stars: Stars
  readonly topUp?: TopUpId
  readonly at: Instant
  readonly cid: Cid
}
export type Payment = {
  readonly person: PersonId
  readonly amount: Kopecks
  readonly stars: Stars
  readonly isReversed: boolean
  readonly cid: Cid
}
export type Reversal = { readonly charge: ChargeId; readonly at: Instant; readonly cid: Cid }
export type Gift = {
  /** Unique to its reason, such as `referral:<person>`. */
  readonly key: string
  readonly person: PersonId
  readonly gift:
    | { readonly unit: 'RUB'; readonly kopecks: Kopecks }
    | { readonly unit: 'GEN'; readonly count: Generations }
  readonly at: Instant
  readonly cid: Cid
}

/** One line of a person's account: kopecks that came in (more than zero) or went out (less). */
export type Transaction = {
  readonly kind: TransferKind
  readonly change: Kopecks
  readonly order?: OrderId
  readonly at: Instant
  readonly cid: Cid
}
