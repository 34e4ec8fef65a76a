import type { Instant } from '../kit/clock.ts'
import type { Cid, OrderId } from '../kit/ids.ts'
import type { ShopAccount, Unit } from './account.ts'
import type { Price, ShopDay } from './amount.ts'

/**
 * MAP: every kind of transfer, from which account to which. A transfer has one unit and at most one person's account
 * in it, is never changed and never removed, and has an idempotency key that exists once: `on conflict` on it is what makes
 * a repeat harmless.
 *
 *   credit       shop:top-ups    → person         a paid top-up                     credit:<charge>
 *   debt_paid    person          → shop:losses    out of what came in or back,      debt-paid:<charge>, or the key
 *                                                 before it can be spent            of what came back behind debt-paid:
 *   gift         shop:free-issue → person         by the operator or for a referral gift:<key>
 *   free_day     shop:free-issue → person's day   the five of the day               free:<person>:<day>
 *   hold         person          → shop:holds     an order was placed               hold:<order>
 *   capture      shop:holds      → shop:income    it was delivered                  settle:<order>
 *   rest         shop:holds      → person         it cost less than was held        rest:<order>
 *   release      shop:holds      → person         it failed                         settle:<order>
 *   refund       shop:income     → person         captured money goes back          refund:<order>
 *   debt         shop:losses     → person         what is missing for the next one  debt:<charge>
 *   reversal     person          → shop:top-ups   the Stars were taken back         reverse:<charge>
 *
 * Capture and release share the key `settle:<order>`: a hold is settled once, by whichever comes first.
 */
export type TransferKind = keyof typeof ways

export const ways = {
  credit: { from: 'shop:top-ups', to: 'person' },
  debt_paid: { from: 'person', to: 'shop:losses' },
  gift: { from: 'shop:free-issue', to: 'person' },
  free_day: { from: 'shop:free-issue', to: 'person' },
  hold: { from: 'person', to: 'shop:holds' },
  capture: { from: 'shop:holds', to: 'shop:income' },
  rest: { from: 'shop:holds', to: 'person' },
  release: { from: 'shop:holds', to: 'person' },
  refund: { from: 'shop:income', to: 'person' },
  debt: { from: 'shop:losses', to: 'person' },
  reversal: { from: 'person', to: 'shop:top-ups' },
} as const satisfies Record<string, { from: ShopAccount | 'person'; to: ShopAccount | 'person' }>

export type Transfer = {
  readonly kind: TransferKind
  readonly idempotencyKey: string
  readonly unit: Unit
  /** Whole kopecks or generations, more than zero. */
  readonly amount: number
  readonly order?: OrderId
  readonly at: Instant
  readonly cid: Cid
}

/** How much, and of what, a price takes. */
export const amountOf = (price: Price): { readonly unit: Unit; readonly amount: number } =>
  price.unit === 'RUB' ? { unit: 'RUB', amount: price.kopecks } : { unit: 'GEN', amount: price.count }

/** Every idempotency key there is; a charge is written with its bot, whose ids are its own. */
export const idempotencyKeyOf = {
  hold: (order: OrderId) => `hold:${order}`,
  settlement: (order: OrderId) => `settle:${order}`,
  rest: (order: OrderId) => `rest:${order}`,
  refund: (order: OrderId) => `refund:${order}`,
  credit: (charge: string) => `credit:${charge}`,
  /** `of`: a charge, or the key of what came back. */
  debtPaid: (of: string) => `debt-paid:${of}`,
  debt: (charge: string) => `debt:${charge}`,
  reversal: (charge: string) => `reverse:${charge}`,
  freeDay: (person: number, day: ShopDay) => `free:${person}:${day}`,
  gift: (key: string) => `gift:${key}`,
} as const
