import type { Brand } from '../kit/brand.ts'

/** Whole kopecks. Money is never a fraction and never a floating number of roubles. */
export type Kopecks = Brand<number, 'Kopecks'>
/** Whole free generations. */
export type Generations = Brand<number, 'Generations'>
/** Whole Telegram Stars. */
export type Stars = Brand<number, 'Stars'>
/** A day of the shop (`SHOP_TIMEZONE`), as `2026-11-25`. */
export type ShopDay = Brand<string, 'ShopDay'>

function whole(n: number, what: string): number {
  if (!Number.isSafeInteger(n)) throw new Error(`${what} must be a whole number, got ${n}`)
  return n
}
export const kopecks = (n: number): Kopecks => whole(n, 'kopecks') as Kopecks
/**
 * What `arrived` of `ordered` results cost, of a price that is for all of them: rounded down to the kopeck, at least one
 * kopeck, and never more than the price.
 */
export function shareOf(price: Kopecks, arrived: number, ordered: number): Kopecks {
  if (arrived >= ordered) return price
  return kopecks(Math.max(1, Math.floor((price * arrived) / ordered)))
}
export const generations = (n: number): Generations => whole(n, 'generations') as Generations
export const stars = (n: number): Stars => whole(n, 'stars') as Stars

/** What an order costs: roubles, or one of the person's free generations. */
export type Price = { readonly unit: 'RUB'; readonly kopecks: Kopecks } | { readonly unit: 'GEN'; readonly count: 1 }
