import type { Instant } from '../kit/clock.ts'
import type { OfferId, QuoteId } from '../kit/ids.ts'
import { type Kopecks, kopecks, type Price } from '../money/amount.ts'
import { parseDecimal, roundHalfUp, times } from '../money/decimal.ts'
import type { Offer, PriceRow, Values } from './offer.ts'
import { completeValues } from './values.ts'

/** The shop's rate and multiplier, as decimal strings; version 1 comes from the environment. */
export type Pricing = { readonly usdToRub: string; readonly multiplier: string }

/** A price promised for exactly these inputs until a time. */
export type Quote = {
  readonly id: QuoteId
  readonly offer: OfferId
  readonly values: Values
  readonly price: Price
  readonly expiresAt: Instant
}
/** How long a confirm button keeps its promise. */
export const quoteMs = 30 * 60 * 1000

export type PriceAnswer =
  | { readonly kind: 'priced'; readonly kopecks: Kopecks; readonly free: boolean }
  | { readonly kind: 'not_sellable' }

/**
 * The price of these inputs: `usd x rate x multiplier`, one rounding, half up, to kopecks. No row, or two rows, or a
 * price of nothing means not sellable; the cheapest is never assumed.
 */
export function priceOf(offer: Offer, values: Values, pricing: Pricing): PriceAnswer {
  const row = rowFor(offer, values)
  if (row === undefined) return { kind: 'not_sellable' }
  const rub = times(times(parseDecimal(row.usd), parseDecimal(pricing.usdToRub)), parseDecimal(pricing.multiplier))
  const amount = Number(roundHalfUp(rub, 2))
  if (amount <= 0) return { kind: 'not_sellable' }
  return { kind: 'priced', kopecks: kopecks(amount), free: row.free }
}

function rowFor(offer: Offer, values: Values): PriceRow | undefined {
  const complete = completeValues(offer, values)
  const matching = offer.prices.filter((row) =>
    Object.entries(row.when).every(([name, wanted]) => complete[name] === wanted),
  )
  return matching.length === 1 ? matching[0] : undefined
}

/** The least that this offer can cost, for price tags; undefined when nothing of it is sellable. */
export function lowestPrice(offer: Offer, pricing: Pricing): { kopecks: Kopecks; free: boolean } | undefined {
  let lowest: { kopecks: Kopecks; free: boolean } | undefined
  for (const row of offer.prices) {
    const answer = priceOf({ ...offer, prices: [{ ...row, when: {} }] }, {}, pricing)
    if (answer.kind !== 'priced') continue
    const free = row.free || (lowest?.free ?? false)
    lowest = { kopecks: kopecks(Math.min(answer.kopecks, lowest?.kopecks ?? answer.kopecks)), free }
  }
  return lowest
}
