/**
 * What must hold for the price list of an offer: whatever a person chooses has exactly one price, and no number in it
 * was misread. Pure.
 */
import { unreachable } from '../kit/unreachable.ts'
import { compareDecimals, parseDecimal, times } from '../money/decimal.ts'
import type { Combination, Field, NumberField, Offer, PriceRow, Value } from './offer.ts'
import { isMet, priceFields } from './quote.ts'
import { checkField } from './validate-input.ts'
import { completeValues, initialOf } from './values.ts'

/** What is wrong with an offer, and the path in its data that must change. */
export type BrokenRule = { readonly path: readonly (string | number)[]; readonly message: string }

/** Nothing KIE makes of pictures costs anywhere near this; above it a number was misread. */
const creditsMax = parseDecimal('1000')
const usdPerCredit = parseDecimal('0.005')
const combinationsMax = 2000

export function priceRules(offer: Offer): readonly BrokenRule[] {
  return [
    ...offer.prices.flatMap((row, index) =>
      rowRules(row).map((broken) => ({ ...broken, path: ['prices', index, ...broken.path] })),
    ),
    ...conditionRules(offer),
    ...countRules(offer),
    ...extraRules(offer),
    ...combinationRules(offer),
  ]
}

function rowRules(row: PriceRow): readonly BrokenRule[] {
  const broken: BrokenRule[] = []
  const credits = parseDecimal(row.credits)
  if (credits.units <= 0n)
    broken.push({ path: ['credits'], message: 'must be more than 0: nothing is sold for nothing' })
  if (compareDecimals(credits, creditsMax) > 0) broken.push({ path: ['credits'], message: 'is more than 1000 credits' })
  const agrees = compareDecimals(times(credits, usdPerCredit), parseDecimal(row.usd)) === 0
  if (!agrees && row.conflict === undefined)
    broken.push({
      path: ['usd'],
      message: `is not ${row.credits} credits at 0.005; name the "conflict" if KIE says so`,
    })
  return broken
}

/** Whatever decides the price is a field that always has a value, or else a price could depend on KIE's mood. */
function conditionRules(offer: Offer): readonly BrokenRule[] {
  const broken: BrokenRule[] = []
  const conditions = [
    ...offer.prices.map((row, index) => ({ path: ['prices', index, 'when'], combination: row.when })),
    ...offer.excluded.map((combination, index) => ({ path: ['excluded', index], combination })),
  ]
  for (const { path, combination } of conditions)
    for (const [name, wanted] of Object.entries(combination)) {
      const message = conditionProblem(offer, name, wanted)
      if (message !== undefined) broken.push({ path: [...path, name], message })
    }
  return broken
}

function conditionProblem({ fields, constants }: Offer, name: string, wanted: Value): string | undefined {
  if (Object.hasOwn(constants, name)) return undefined
  const field = fields.find((candidate) => candidate.name === name)
  if (field === undefined) return 'is neither a field nor a constant of this offer'
  if (initialOf(field) === undefined) return 'decides the price, so the field needs an "initial"'
  return checkField(field, wanted).length > 0 ? `${JSON.stringify(wanted)} is not a value of this field` : undefined
}

function countRules({ countField, fields, prices }: Offer): readonly BrokenRule[] {
  if (countField === undefined) return []
  const path = ['countField']
  const field = fields.find((candidate) => candidate.name === countField)
  if (field?.type !== 'number' && field?.type !== 'choice') return [{ path, message: 'must be a number or a choice' }]
  const counts = field.type === 'number' ? [field.min, field.step] : field.options.map((option) => Number(option.value))
  if (field.initial === undefined || !counts.every((count) => Number.isInteger(count) && count >= 1))
    return [{ path, message: 'must count whole pictures from 1, and have an "initial"' }]
  // One free generation is one picture, else it would be worth as much as the person asks for.
  return prices.some((row) => row.free) ? [{ path, message: 'cannot stand beside a free price' }] : []
}

function extraRules({ imageExtra, fields }: Offer): readonly BrokenRule[] {
  if (imageExtra === undefined) return []
  const field = fields.find((candidate) => candidate.name === imageExtra.field)
  if (field?.type !== 'images') return [{ path: ['imageExtra', 'field'], message: 'must be a field of pictures' }]
  const agrees =
    compareDecimals(times(parseDecimal(imageExtra.credits), usdPerCredit), parseDecimal(imageExtra.usd)) === 0
  return agrees ? [] : [{ path: ['imageExtra', 'usd'], message: `is not ${imageExtra.credits} credits at 0.005` }]
}

/** Every combination of the choices that decide the price has one price, or is excluded by name. */
function combinationRules(offer: Offer): readonly BrokenRule[] {
  const deciding = offer.fields.filter((field) => decides(offer, field.name) && initialOf(field) !== undefined)
  const combinations = deciding.reduce<readonly Combination[]>(
    (built, field) =>
      built.flatMap((combination) => valuesOf(field).map((value) => ({ ...combination, [field.name]: value }))),
    [{}],
  )
  if (combinations.length > combinationsMax)
    return [{ path: ['prices'], message: `has more than ${combinationsMax} combinations to price` }]
  return combinations.flatMap((combination) => {
    const complete = completeValues(offer, combination)
    if (offer.excluded.some((one) => isMet(one, complete))) return []
    const rows = offer.prices.filter((row) => isMet(row.when, complete)).length
    if (rows === 1) return []
    return [
      { path: ['prices'], message: `${rows === 0 ? 'no row applies' : `${rows} rows apply`} to ${shown(combination)}` },
    ]
  })
}

const decides = (offer: Offer, name: string): boolean =>
  (priceFields(offer).has(name) && name !== offer.countField && name !== offer.imageExtra?.field) ||
  offer.excluded.some((combination) => Object.hasOwn(combination, name))

const shown = (combination: Combination): string =>
  Object.entries(combination)
    .map(([name, value]) => `${name} ${JSON.stringify(value)}`)
    .join(', ') || 'these inputs'

/** The values a field can have, for fields that have few. */
function valuesOf(field: Field): readonly (string | number | boolean)[] {
  switch (field.type) {
    case 'choice':
      return field.options.map((option) => option.value)
    case 'switch':
      return [true, false]
    case 'number':
      return Array.from({ length: stepsOf(field) }, (_, step) => field.min + step * field.step)
    case 'text':
    case 'images':
      return []
    default:
      return unreachable(field, 'valuesOf')
  }
}

const stepsOf = ({ min, max, step }: NumberField): number =>
  Math.min(Math.round((max - min) / step) + 1, combinationsMax + 1)
