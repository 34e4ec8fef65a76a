import type { Offer, Values } from '../catalog/offer.ts'
import { costOf } from '../catalog/quote.ts'
import { compareDecimals, parseDecimal } from '../money/decimal.ts'
import type { Refusal } from '../orders/refusal.ts'
import type { Shop } from './screen.ts'

/** Why this cannot be made now, whoever pays; undefined when it can, also when it is not known what KIE has for us. */
export function notMadeNow(
  { isSellingPaused, credits }: Pick<Shop, 'isSellingPaused' | 'credits'>,
  offer: Offer,
  values: Values,
): Extract<Refusal, { code: 'selling_paused' | 'offer_paused' }> | undefined {
  if (isSellingPaused) return { code: 'selling_paused' }
  const cost = costOf(offer, values)
  if (credits === undefined || cost === undefined) return undefined
  return compareDecimals(cost.credits, parseDecimal(credits)) > 0 ? { code: 'offer_paused' } : undefined
}
