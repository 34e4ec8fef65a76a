/** How numbers, money, times and counts are written. Pure: the moment and the time zone are handed in. */
import type { Instant } from '../../kit/clock.ts'
import type { Language } from '../../people/person.ts'

/** Keeps a number and its unit on one line. */
const nbsp = '\u00a0'

/** Kopecks as `12,50 ₽` or `1 000 ₽`: the fraction only where there is any. */
export function formatMoney(amount: number, language: Language): string {
  const roubles = Math.trunc(Math.abs(amount) / 100)
  const rest = Math.abs(amount) % 100
  const fraction = rest === 0 ? '' : `${language === 'ru' ? ',' : '.'}${`${rest}`.padStart(2, '0')}`
  return `${amount < 0 ? '−' : ''}${formatNumber(roubles, language)}${fraction}${nbsp}₽`
}

/** Thousands in groups, the decimal sign of the language. */
export function formatNumber(n: number, language: Language): string {
  const [whole = '', fraction] = `${n}`.split('.')
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, language === 'ru' ? nbsp : ',')
  return fraction === undefined ? grouped : `${grouped}${language === 'ru' ? ',' : '.'}${fraction}`
}

/** Chooses the Russian form: 1 генерация, 2 генерации, 5 генераций. By hand: `Intl.PluralRules` is slow to make. */
export function pluralRu(n: number, one: string, few: string, many: string): string {
  const [last, lastTwo] = [n % 10, n % 100]
  const isTeen = lastTwo >= 11 && lastTwo <= 14
  const word = isTeen ? many : last === 1 ? one : last >= 2 && last <= 4 ? few : many
  return `${formatNumber(n, 'ru')}${nbsp}${word}`
}

export const pluralEn = (n: number, one: string, many: string): string =>
  `${formatNumber(n, 'en')} ${n === 1 ? one : many}`

/** A label in the middle of a sentence; an abbreviation keeps its capitals. */
export const inSentence = (label: string): string =>
  /^\p{Lu}\p{Lu}/u.test(label) ? label : label.charAt(0).toLowerCase() + label.slice(1)

/** `25 ноя., 14:40` in the shop's time. */
export function formatDate(at: Instant, timezone: string, language: Language): string {
  const format = new Intl.DateTimeFormat(language === 'ru' ? 'ru-RU' : 'en-GB', {
    timeZone: timezone,
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
  })
  return format.format(at)
}

type Units = { readonly seconds: string; readonly minutes: string; readonly hours: string }

/** `12 с`, `3 мин`, `2 ч`: as fine as a waiting person cares for. */
export function formatDuration(ms: number, units: Units): string {
  const [n, unit] = inUnit(ms, units)
  return `${n}${nbsp}${unit}`
}

/** `20–40 с`; one figure where both ends are the same. */
export function formatRange(fromMs: number, toMs: number, units: Units): string {
  const [to, unit] = inUnit(Math.max(fromMs, toMs), units)
  const from = Math.max(1, Math.round(fromMs / msOf(unit, units)))
  return from >= to ? `${to}${nbsp}${unit}` : `${from}–${to}${nbsp}${unit}`
}

function inUnit(ms: number, units: Units): readonly [number, string] {
  const seconds = Math.max(1, Math.round(ms / 1000))
  if (seconds < 120) return [seconds, units.seconds]
  const minutes = Math.round(seconds / 60)
  return minutes < 120 ? [minutes, units.minutes] : [Math.round(minutes / 60), units.hours]
}

const msOf = (unit: string, units: Units): number =>
  unit === units.seconds ? 1000 : unit === units.minutes ? 60_000 : 3_600_000
