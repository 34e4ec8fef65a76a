import type { PersonId } from '../kit/ids.ts'
import type { ShopDay } from './amount.ts'

/**
 * The accounts of the books. A person's account has a stored balance that is never negative; a shop's account is the
 * sum over the journal, may be negative (what came in from outside stands there with a minus), and exists once in
 * every unit.
 */
export type Unit = 'RUB' | 'GEN'

/** A person's account: roubles, the free generations of one day, or those without a day, which are spent last. */
export type PersonAccount = { readonly person: PersonId; readonly unit: Unit; readonly day?: ShopDay }

export const shopAccounts = [
  /** Money paid in from outside, with a minus. */
  'shop:top-ups',
  /** Held for running orders. */
  'shop:holds',
  /** Captured. */
  'shop:income',
  /** What the shop lends when money that was spent is taken back; the next top-up, or money that comes back, pays it. */
  'shop:losses',
  /** Free generations and gifts given out, with a minus. */
  'shop:free-issue',
] as const
export type ShopAccount = (typeof shopAccounts)[number]

/** `person:42/RUB`, `person:42/GEN`, `person:42/GEN/2026-11-25`: how a person's account is written in the journal. */
export function nameOfAccount({ person, unit, day }: PersonAccount): string {
  return day === undefined ? `person:${person}/${unit}` : `person:${person}/${unit}/${day}`
}
