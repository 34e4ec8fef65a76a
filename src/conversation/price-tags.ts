/** What a price looks like on buttons and cards, and what a draft would cost. Prices come from the catalog only. */
import type { Offer, Values } from '../catalog/offer.ts'
import { lowestPrice, priceOf, type Quote } from '../catalog/quote.ts'
import { unreachable } from '../kit/unreachable.ts'
import { type Kopecks, kopecks, type Price } from '../money/amount.ts'
import { sameValues } from './draft.ts'
import type { Seen } from './screen.ts'
import type { Draft } from './session.ts'
import type { Texts } from './texts/texts.ts'

/** Free generations that are left: today's, and those without a day. */
export const freeLeft = (seen: Seen): number => (seen.reads.free?.today ?? 0) + (seen.reads.free?.extra ?? 0)

export const isFreeOffer = (offer: Offer): boolean => offer.prices.some((row) => row.free)

/** `🆓 Z-Image · от 0,63 ₽`; undefined when nothing of the offer is sellable. */
export function priceTag(offer: Offer, seen: Seen): string | undefined {
  const lowest = lowestPrice(offer, seen.pricing)
  if (lowest === undefined) return undefined
  return `${lowest.free ? '🆓 ' : ''}${offer.title} · ${priceFrom(offer, lowest.kopecks, seen)}`
}

/** The lowest price, with "from" where other inputs cost more. */
export function priceFrom(offer: Offer, lowest: Kopecks, { texts }: Seen): string {
  const depends =
    offer.countField !== undefined ||
    offer.imageExtra !== undefined ||
    offer.prices.some((row) => row.usd !== offer.prices[0]?.usd)
  const price = texts.money(lowest)
  return depends ? texts.shelf.from(price) : price
}

/** What these values would cost now, and whether that is free now. */
export function currentPrice(offer: Offer, values: Values, seen: Seen): Price | undefined {
  const answer = priceOf(offer, values, seen.pricing)
  if (answer.kind !== 'priced') return undefined
  return answer.free && freeLeft(seen) > 0
    ? { unit: 'GEN', count: 1 }
    : { unit: 'RUB', kopecks: kopecks(answer.kopecks) }
}

export function priceText(price: Price, texts: Texts): string {
  switch (price.unit) {
    case 'RUB':
      return texts.money(price.kopecks)
    case 'GEN':
      return texts.order.free
    default:
      return unreachable(price, 'priceText')
  }
}

/** Whether a quote still promises its price for exactly these answers. */
export const isHeld = (quote: Quote, draft: Draft, now: number): boolean =>
  quote.offer === draft.offer && quote.expiresAt > now && sameValues(quote.values, draft.values)
