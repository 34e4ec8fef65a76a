import type { Instant } from '../kit/clock.ts'
import type { OfferId, QuoteId } from '../kit/ids.ts'
import { type Kopecks, kopecks, type Price } from '../money/amount.ts'
import {
  compareDecimals,
  type Decimal,
  parseDecimal,
  plus,
  roundHalfUp,
  times,
  wholeDecimal,
} from '../money/decimal.ts'
import type { Combination, Offer, PriceRow, Values } from './offer.ts'
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
  const cost = costOf(offer, values)
  if (cost === undefined) return { kind: 'not_sellable' }
  const amount = inKopecks(cost.usd, pricing)
  return amount <= 0 ? { kind: 'not_sellable' } : { kind: 'priced', kopecks: kopecks(amount), free: cost.free }
}

/** What KIE asks for these inputs. */
export type Cost = { readonly credits: Decimal; readonly usd: Decimal; readonly free: boolean }

/** The cost of these inputs by KIE's price list; undefined when they are not sellable. */
export function costOf(offer: Offer, values: Values): Cost | undefined {
  const complete = completeValues(offer, values)
  const row = rowFor(offer, complete)
  if (row === undefined || !isCount(picturesMade(offer, row, complete))) return undefined
  return costBy(offer, row, complete)
}

/** The least that this offer can cost, for price tags; undefined when nothing of it is sellable. */
export function lowestPrice(offer: Offer, pricing: Pricing): { kopecks: Kopecks; free: boolean } | undefined {
  const lowest = lowestCost(offer)
  const amount = lowest === undefined ? 0 : inKopecks(lowest.usd, pricing)
  return lowest === undefined || amount <= 0 ? undefined : { kopecks: kopecks(amount), free: lowest.free }
}

/** The cheapest row with as few pictures as the offer allows; free when any of its inputs may be had free. */
export function lowestCost(offer: Offer): Cost | undefined {
  const costs = offer.prices.map((row) => costBy(offer, row, fewest(offer)))
  const cheapest = costs.toSorted((a, b) => compareDecimals(a.usd, b.usd))[0]
  return cheapest && { ...cheapest, free: costs.some((cost) => cost.free) }
}

/** The fields that can change the price. */
export function priceFields(offer: Offer): ReadonlySet<string> {
  const names = offer.prices.flatMap((row) => Object.keys(row.when))
  if (offer.countField !== undefined) names.push(offer.countField)
  if (offer.imageExtra !== undefined) names.push(offer.imageExtra.field)
  return new Set(names)
}

/** Whether every value of the combination is met. */
export const isMet = (combination: Combination, complete: Values): boolean =>
  Object.entries(combination).every(([name, wanted]) => complete[name] === wanted)

function rowFor(offer: Offer, complete: Values): PriceRow | undefined {
  if (offer.excluded.some((combination) => isMet(combination, complete))) return undefined
  const matching = offer.prices.filter((row) => isMet(row.when, complete))
  return matching.length === 1 ? matching[0] : undefined
}

function costBy(offer: Offer, row: PriceRow, complete: Values): Cost {
  const made = wholeDecimal(picturesMade(offer, row, complete))
  const counted = wholeDecimal(picturesCharged(offer, complete))
  const cost = (each: string, extra: string): Decimal =>
    plus(times(parseDecimal(each), made), times(parseDecimal(extra), counted))
  return {
    credits: cost(row.credits, offer.imageExtra?.credits ?? '0'),
    usd: cost(row.usd, offer.imageExtra?.usd ?? '0'),
    free: row.free,
  }
}

const picturesMade = (offer: Offer, row: PriceRow, complete: Values): number =>
  row.unit === 'image' && offer.countField !== undefined ? Number(complete[offer.countField]) : 1

const isCount = (n: number): boolean => Number.isSafeInteger(n) && n >= 1

/** A draft without its pictures yet is priced as if it had the fewest that the model takes. */
function picturesCharged(offer: Offer, complete: Values): number {
  const extra = offer.imageExtra
  const field = offer.fields.find((candidate) => candidate.name === extra?.field)
  if (extra === undefined || field?.type !== 'images') return 0
  const given = complete[field.name]
  return Math.max(0, Math.max(Array.isArray(given) ? given.length : 0, field.min) - extra.included)
}

const inKopecks = (usd: Decimal, { usdToRub, multiplier }: Pricing): number =>
  Number(roundHalfUp(times(times(usd, parseDecimal(usdToRub)), parseDecimal(multiplier)), 2))

/** The values that make the fewest pictures. */
function fewest(offer: Offer): Values {
  const field = offer.fields.find((candidate) => candidate.name === offer.countField)
  if (field?.type === 'number') return { [field.name]: field.min }
  if (field?.type !== 'choice') return {}
  return {
    [field.name]: field.options.map((option) => option.value).toSorted((a, b) => Number(a) - Number(b))[0] ?? '1',
  }
}
