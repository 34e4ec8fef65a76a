import type { Price } from '../../money/amount.ts'
import { formatMoney, formatNumber, pluralEn } from './format.ts'
import type { Texts } from './texts.ts'

/** How English counts, measures and declines; the other files of the language speak with these. */

export const units = { seconds: 's', minutes: 'min', hours: 'h' }
export const money: Texts['money'] = (amount) => formatMoney(amount, 'en')
export const number: Texts['number'] = (n) => formatNumber(n, 'en')
export const generations = (n: number): string => pluralEn(n, 'generation', 'generations')
export const pictures = (n: number): string => pluralEn(n, 'picture', 'pictures')
export const characters = (n: number): string => pluralEn(n, 'character', 'characters')
export const megabytes = (bytes: number): string => `${number(Math.floor(bytes / 1_000_000))}\u00a0MB`
export const megapixels = (pixels: number): string => `${number(Math.floor(pixels / 1_000_000))}\u00a0MP`

export const comesBack = (price: Price): string =>
  price.unit === 'RUB' ? `${money(price.kopecks)} is back on your balance` : 'your free generation is back'
export const isUsed = (price: Price): string => (price.unit === 'RUB' ? 'is paid for' : 'uses a free generation')
