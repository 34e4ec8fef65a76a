import type { Instant } from '../kit/clock.ts'
import type { ChargeId, MessageId, PersonId, TopicId, TopUpId } from '../kit/ids.ts'
import { type Kopecks, kopecks, type Stars, stars } from './amount.ts'
import { type Decimal, parseDecimal } from './decimal.ts'

/** What Telegram calls the currency of Stars, the only one we are paid in. */
export const starsCurrency = 'XTR'

/**
 * One wish to put money on the balance. Kopecks and Stars are both fixed when the invoice is made, so what the person
 * saw is what is credited, whatever the rate does later.
 */
export type TopUp = {
  readonly id: TopUpId
  readonly person: PersonId
  readonly amount: Kopecks
  readonly stars: Stars
  readonly madeAt: Instant
  readonly state: 'open' | 'paid' | 'closed'
  readonly charge?: ChargeId
  readonly message?: MessageId
  /** The topic of the person's chat in which it was asked for. */
  readonly topic?: TopicId
}

/** An invoice older than this is not paid any more. */
export const topUpOpenMs = 24 * 3600 * 1000
/** Taps on the same amount within this time are one wish. */
export const sameInvoiceMs = 15_000
/** The smallest and the largest amount of one top-up, as far as we are concerned. */
const topUpKopecksMin = kopecks(50_00)
const topUpKopecksMax = kopecks(50_000_00)
/** Telegram takes no invoice over more Stars; one over fewer than one there is not. */
export const invoiceStarsMax = 100_000

export type TopUpRange = { readonly min: Kopecks; readonly max: Kopecks }

/**
 * The amounts that can be topped up at this rate: within our bounds, and within what Telegram takes as one invoice. The
 * largest is in whole roubles. A rate at which nothing can be topped up, with `max < min`, stops the start.
 */
export function topUpRange(starsPerRub: string): TopUpRange {
  const { units, scale } = parseDecimal(starsPerRub)
  const roubles = units === 0n ? 0n : (BigInt(invoiceStarsMax) * 10n ** BigInt(scale)) / units
  return { min: topUpKopecksMin, max: kopecks(Math.min(topUpKopecksMax, Number(roubles) * 100)) }
}

export const isWithin = ({ min, max }: TopUpRange, amount: number): boolean => amount >= min && amount <= max

/** Stars for an amount: `ceil(roubles x rate)`, so the shop never receives less than the rate says. */
export function starsFor(amount: Kopecks, starsPerRub: string): Stars {
  const rate = readRate(starsPerRub)
  const divisor = 100n * 10n ** BigInt(rate.scale)
  const product = BigInt(amount) * rate.units
  return stars(Number((product + divisor - 1n) / divisor))
}

/** Kopecks for Stars that arrived without a top-up of ours: `floor(stars / rate)`, at today's rate. */
export function kopecksFor(paid: Stars, starsPerRub: string): Kopecks {
  const rate = readRate(starsPerRub)
  return kopecks(Number((BigInt(paid) * 100n * 10n ** BigInt(rate.scale)) / rate.units))
}

function readRate(starsPerRub: string): Decimal {
  const rate = parseDecimal(starsPerRub)
  if (rate.units === 0n) throw new Error('the Stars of a rouble must be more than 0')
  return rate
}

export type PreCheckout = { readonly from: PersonId; readonly currency: string; readonly totalAmount: number }
export type PreCheckoutVerdict =
  | { readonly ok: true }
  | { readonly ok: false; readonly why: 'unknown' | 'foreign' | 'closed' | 'expired' | 'amount_differs' }

/** Pure: may this payment go through? Answering yes is not payment; only `successful_payment` is. */
export function judgePreCheckout(topUp: TopUp | undefined, asked: PreCheckout, now: Instant): PreCheckoutVerdict {
  if (topUp === undefined) return { ok: false, why: 'unknown' }
  if (topUp.person !== asked.from) return { ok: false, why: 'foreign' }
  if (topUp.state !== 'open') return { ok: false, why: 'closed' }
  if (now - topUp.madeAt > topUpOpenMs) return { ok: false, why: 'expired' }
  if (asked.currency !== starsCurrency || asked.totalAmount !== topUp.stars) return { ok: false, why: 'amount_differs' }
  return { ok: true }
}

/** Where top-ups are kept. A port, used inside a step's transaction. */
export interface TopUps {
  add(topUp: TopUp): Promise<void>
  get(id: TopUpId): Promise<TopUp | undefined>
  /** Whether the person has an invoice over this amount that was made at that time or later and is not paid. */
  hasOpen(wish: { readonly person: PersonId; readonly amount: Kopecks; readonly since: Instant }): Promise<boolean>
  /** Reads and locks the row until the step ends: a payment and the news that the invoice was shown may come at once. */
  lock(id: TopUpId): Promise<TopUp | undefined>
  /** Remembers the invoice message, or that the top-up was paid. */
  save(topUp: TopUp): Promise<void>
}
