/**
 * What a task costs by KIE's price list, in credits. Fractions are real: z-image costs 0.8.
 * A model without a public price costs nothing here; `priceText` then says that it is not known.
 */
import { pictureCount, pictureSize } from '../pictures/size.ts'
import { type Model, type PriceRow, withDefaults } from './catalogue.ts'

type Input = Readonly<Record<string, unknown>>

export function priceOf(model: Model, input: Input): number {
  const given = withDefaults(model, input)
  const rows = model.prices ?? []
  const main = rows.filter((row) => row.unit !== 'input_image')
  // A choice that was not made and has no documented default is taken as the first of the list, KIE's own "from" price.
  const row = main.find((candidate) => applies(candidate, given)) ?? main[0]
  const extras = rows.filter((candidate) => candidate.unit === 'input_image' && applies(candidate, given))
  const credits =
    (row === undefined ? 0 : row.credits * unitsOf(row, model, given)) +
    sum(extras.map((extra) => perInputImage(extra, given)))
  return roundCredits(credits)
}

/** Credits are kept to four digits, so that sums of fractions stay what a person would write. */
export const roundCredits = (credits: number): number => Math.round(credits * 10_000) / 10_000

function applies(row: PriceRow, input: Input): boolean {
  return Object.entries(row.when ?? {}).every(([name, wanted]) => {
    const value = input[name]
    if (wanted === 'present') return value !== undefined
    if (wanted === 'absent') return value === undefined
    // Flags without a documented default are off.
    return String(value ?? false) === String(wanted)
  })
}

function unitsOf(row: PriceRow, model: Model, input: Input): number {
  switch (row.unit) {
    case 'image':
      return pictureCount(model, input) / (model.imagesPerGeneration ?? 1)
    case 'megapixel': {
      const { width, height } = pictureSize(model, input, undefined)
      return (pictureCount(model, input) * width * height) / 1_000_000
    }
    case 'second':
      return Number(input['duration'] ?? 1) || 1
    default:
      return 1
  }
}

function perInputImage(row: PriceRow, input: Input): number {
  const images = Object.values(input).find((value) => Array.isArray(value) && value.length > 0)
  const count = Array.isArray(images) ? images.length : 0
  return row.credits * Math.max(0, count - (row.free ?? 0))
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, next) => total + next, 0)

/** The price list of a model in words, as KIE's price endpoint gives it; null when no public price is known. */
export function priceText(model: Model): string | null {
  if (model.prices === undefined) return null
  return model.prices
    .map((row) => `${row.credits} credits per ${row.unit.replace('_', ' ')}${conditions(row)}`)
    .join('; ')
}

function conditions(row: PriceRow): string {
  const parts = [
    ...Object.entries(row.when ?? {}).map(([name, value]) => `${name} ${String(value)}`),
    ...Object.entries(row.for ?? {}).map(([name, value]) => `${name.replace('_', ' ')} ${value}`),
    ...(row.free === undefined ? [] : [`after the first ${row.free}`]),
  ]
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`
}
