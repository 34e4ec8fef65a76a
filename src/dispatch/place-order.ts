import type { Offer, Values } from '../catalog/offer.ts'
import { validateInput } from '../catalog/validate-input.ts'
import { completeValues } from '../catalog/values.ts'
import type { Draft } from '../conversation/session.ts'
import type { Instant } from '../kit/clock.ts'
import { type Cid, type Destination, destinationOf, type OrderId, type QuoteId } from '../kit/ids.ts'
import type { ShopDay } from '../money/amount.ts'
import type { Order } from '../orders/order.ts'
import { priceText } from '../orders/record-observation.ts'
import { type Refusal, runningOrdersMax } from '../orders/refusal.ts'
import type { Person } from '../people/person.ts'
import type { Tx } from '../store.ts'
import type { Facts } from '../telemetry/facts.ts'

/**
 * Turns a confirmed quote into an order with its hold and its errand, all in the step's transaction. One quote makes
 * one order, however often the button is pressed.
 */
export type Wish = {
  readonly quote: QuoteId
  readonly draft: Draft | undefined
  readonly offer: Offer | undefined
  readonly person: Person
  readonly to: Destination
  readonly cid: Cid
  readonly now: Instant
  readonly day: ShopDay
  readonly order: OrderId
  /** Why the quoted inputs cannot be made now. */
  readonly notNow: Refusal | undefined
}
export type Placed =
  | { readonly kind: 'placed'; readonly order: Order }
  | { readonly kind: 'already_placed'; readonly order: OrderId }
  | { readonly kind: 'refused'; readonly refusal: Refusal }

export async function placeOrder(tx: Tx, wish: Wish, facts: Facts): Promise<Placed> {
  const { quote: id, draft, offer, person, cid, now, day } = wish
  const earlier = await tx.orders.byQuote(id)
  if (earlier !== undefined) return { kind: 'already_placed', order: earlier }
  const quote = draft?.quote
  if (quote === undefined || quote.id !== id || quote.expiresAt <= now) return refused({ code: 'quote_expired' })
  if (offer === undefined) return refused({ code: 'offer_withdrawn' })
  if (wish.notNow !== undefined) return refused(wish.notNow)
  if (validateInput(offer, quote.values).length > 0) return refused({ code: 'not_sellable' })
  if ((await tx.orders.running(person.id)) >= runningOrdersMax) {
    return refused({ code: 'too_many_running', limit: runningOrdersMax })
  }

  const order: Order = {
    status: 'placed',
    id: wish.order,
    person: person.id,
    ...destinationOf(wish.to),
    cid,
    offer: offer.id,
    model: offer.model,
    values: quote.values,
    price: quote.price,
    ...orderedBy(offer, quote.values),
    day,
    placedAt: now,
  }
  const held = await tx.ledger.hold({ order: order.id, at: now, cid, person: person.id, price: quote.price, day })
  if (held.kind === 'not_enough_money') return refused({ code: 'not_enough_money', missing: held.missing })
  if (held.kind === 'no_free_left') return refused({ code: 'free_used_up' })
  const added = await tx.orders.add(order, id)
  if (added.kind === 'quote_used') throw new Error(`quote ${id} was used while its conversation was locked`)
  await tx.errands.add([{ errand: { kind: 'submit_task', order: order.id }, cid }])
  emitPlaced(order, facts)
  return { kind: 'placed', order }
}

/** How many results the price is for, where the offer has a field for that. */
function orderedBy(offer: Offer, values: Values): Pick<Order, 'ordered'> {
  if (offer.countField === undefined) return {}
  const ordered = Number(completeValues(offer, values)[offer.countField])
  return Number.isSafeInteger(ordered) && ordered > 0 ? { ordered } : {}
}

const refused = (refusal: Refusal): Placed => ({ kind: 'refused', refusal })

function emitPlaced({ id, cid, model, price }: Order, facts: Facts): void {
  facts.add((t) => t.emit('ORDER_PLACED', { cid, order_id: id, model, price: priceText(price) }))
  facts.add((t) => t.emit('HOLD_PLACED', { cid, order_id: id, price: priceText(price) }))
}
