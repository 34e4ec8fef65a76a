import { orderRefundedView } from '../conversation/order-views.ts'
import { textsFor } from '../conversation/texts/texts-for.ts'
import type { DueErrand } from '../errands/errand.ts'
import type { Clock } from '../kit/clock.ts'
import { type ChargeId, type Cid, destinationOf, type OrderId } from '../kit/ids.ts'
import { type Kopecks, kopecks, type Price, type Stars } from '../money/amount.ts'
import type { Refund } from '../money/refund.ts'
import type { Order } from '../orders/order.ts'
import { UnreadableOrder } from '../orders/read-order.ts'
import { applyObservation } from '../orders/record-observation.ts'
import type { Tx } from '../store.ts'

/**
 * Money that an operator gives back, in a transaction of the caller's. It needs no permit: of two that ask for the same
 * one, the second changes nothing. The kopecks of an order are back with the commit; Stars are given back by the errand
 * that this adds, because only Telegram can do it (`refund-stars.ts`).
 */
export type RefundTx = Pick<Tx, 'orders' | 'ledger' | 'people' | 'refunds' | 'losses' | 'errands'>

export type OrderRefund =
  | { readonly kind: 'back'; readonly order: Order; readonly back: Price }
  /** It was given back before, was never charged, or is still under way: its status says which. */
  | { readonly kind: 'unchanged'; readonly order: Order }
  | { readonly kind: 'unreadable' }
  | { readonly kind: 'unknown' }

/** `why` is what the person reads. */
export async function refundOrder(
  tx: RefundTx,
  { id, why }: { readonly id: OrderId; readonly why: string },
  clock: Clock,
): Promise<OrderRefund> {
  const order = await tx.orders.lock(id).catch(unreadable)
  if (order === undefined) return { kind: 'unknown' }
  if (order instanceof UnreadableOrder) return { kind: 'unreadable' }
  const at = clock.now()
  // Nothing is logged: the command that asks says what came of it, and the story reads the tables.
  const { changed } = await applyObservation(tx, order, { type: 'refund_asked', at }, clock, { add: () => {} })
  if (!changed) return { kind: 'unchanged', order }
  const { person, cid, progressMessage } = order
  const to = destinationOf(order)
  await tx.refunds.ask({ of: { what: 'order', id }, person, why, isForced: false, state: 'done', at, cid })
  const back = await priceGivenBack(tx, order)
  const language = (await tx.people.get(person))?.language ?? 'ru'
  const view = orderRefundedView(textsFor(language), { back, balance: await tx.ledger.balance(person), why })
  const errands: DueErrand[] = [{ errand: { kind: 'say', ...to, view }, cid }]
  if (progressMessage !== undefined) errands.push({ errand: { kind: 'show_progress', order: id, ...to }, cid })
  await tx.errands.add(errands)
  return { kind: 'back', order, back }
}

/** What was captured, which may be less than the price. */
async function priceGivenBack({ ledger }: RefundTx, { id, person, price }: Order): Promise<Price> {
  if (price.unit === 'GEN') return price
  const newest = await ledger.transactionsOf(person, 5)
  const back = newest.find(({ kind, order }) => kind === 'refund' && order === id)
  return { unit: 'RUB', kopecks: back?.change ?? kopecks(0) }
}

function unreadable(error: unknown): UnreadableOrder {
  if (error instanceof UnreadableOrder) return error
  throw error
}

export type PaymentRefund =
  | { readonly kind: 'asked'; readonly refund: Refund; readonly stars: Stars }
  /** It was asked before, and has not ended yet. */
  | { readonly kind: 'waits'; readonly refund: Refund }
  | { readonly kind: 'given_back'; readonly cid: Cid }
  | { readonly kind: 'unknown' }
  /** The person has spent what the payment bought, and it is not forced. */
  | { readonly kind: 'spent'; readonly amount: Kopecks; readonly left: Kopecks }

/** `isForced`: also when it is spent; what is missing becomes a debt. */
export async function askForStars(
  tx: RefundTx,
  { charge, why, isForced }: { readonly charge: ChargeId; readonly why: string; readonly isForced: boolean },
  clock: Clock,
): Promise<PaymentRefund> {
  const payment = await tx.ledger.payment(charge)
  if (payment === undefined) return { kind: 'unknown' }
  const { person, amount, stars, cid, isReversed } = payment
  if (isReversed) return { kind: 'given_back', cid }
  const left = await tx.ledger.balance(person)
  if (left < amount && !isForced) return { kind: 'spent', amount, left }
  const of = { what: 'payment', id: charge } as const
  const wanted: Refund = { of, person, why, isForced, state: 'asked', at: clock.now(), cid }
  const before = await tx.refunds.ask(wanted)
  if (before !== 'asked') {
    if (before.state === 'done') return { kind: 'given_back', cid }
    await tx.refunds.save({ ...wanted, isForced: isForced || before.isForced })
  }
  // Also of one that is under way: its job may have been shelved.
  await tx.errands.add([{ errand: { kind: 'refund_stars', charge, person }, cid }])
  if (before !== 'asked' && before.state === 'asked') return { kind: 'waits', refund: before }
  return { kind: 'asked', refund: wanted, stars }
}
