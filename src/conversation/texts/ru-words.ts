import type { Price } from '../../money/amount.ts'
import { formatMoney, formatNumber, pluralRu } from './format.ts'
import type { Texts } from './texts.ts'

/** How Russian counts, measures and declines; the other files of the language speak with these. */

export const units = { seconds: 'с', minutes: 'мин', hours: 'ч' }
export const money: Texts['money'] = (amount) => formatMoney(amount, 'ru')
export const number: Texts['number'] = (n) => formatNumber(n, 'ru')
export const generations = (n: number): string => pluralRu(n, 'генерация', 'генерации', 'генераций')
export const pictures = (n: number): string => pluralRu(n, 'картинка', 'картинки', 'картинок')
export const characters = (n: number): string => pluralRu(n, 'знак', 'знака', 'знаков')
export const megabytes = (bytes: number): string => `${number(Math.floor(bytes / 1_000_000))}\u00a0МБ`
export const megapixels = (pixels: number): string => `${number(Math.floor(pixels / 1_000_000))}\u00a0Мп`
export const freeGenerations = (n: number): string =>
  pluralRu(n, 'бесплатная генерация', 'бесплатные генерации', 'бесплатных генераций')
/** After «до»: до 1 знака, до 5 знаков. */
export const upToCharacters = (n: number): string => pluralRu(n, 'знака', 'знаков', 'знаков')
export const upToPictures = (n: number): string => pluralRu(n, 'картинки', 'картинок', 'картинок')
/** After «осталась»/«осталось». */
export const left = (n: number): string =>
  `${n % 10 === 1 && n % 100 !== 11 ? 'осталась' : 'осталось'} ${generations(n)}`

export const comesBack = (price: Price): string =>
  price.unit === 'RUB' ? `${money(price.kopecks)} снова на балансе` : 'бесплатная генерация снова ваша'
export const isUsed = (price: Price): string =>
  price.unit === 'RUB' ? 'будет оплачен' : 'израсходует бесплатную генерацию'
