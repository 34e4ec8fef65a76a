import { unreachable } from '../kit/unreachable.ts'
import type { Field, Offer, Value, Values } from './offer.ts'

/** The inputs with every `initial` filled in and the constants added; what stays absent is not sent. */
export function completeValues(offer: Offer, values: Values): Values {
  const complete: Record<string, Value> = { ...offer.constants }
  for (const field of offer.fields) {
    const value = values[field.name] ?? initialOf(field)
    if (value !== undefined) complete[field.name] = value
  }
  return complete
}

/** What a field is when the person said nothing. */
export function initialOf(field: Field): Value | undefined {
  switch (field.type) {
    case 'choice':
    case 'switch':
    case 'number':
      return field.initial
    case 'text':
    case 'images':
      return undefined
    default:
      return unreachable(field, 'initialOf')
  }
}

/**
 * The inputs with a seed where the model has one and the person chose none, so that the same inputs once more are another
 * picture: some models document a fixed default. `random` gives a number from 0 up to 1.
 */
export function withFreshSeed(offer: Offer, values: Values, random: () => number): Values {
  const seed = offer.fields.find(({ name }) => name === 'seed')
  if (seed?.type !== 'number' || values[seed.name] !== undefined) return values
  const choices = Math.floor((seed.max - seed.min) / seed.step) + 1
  return { ...values, [seed.name]: seed.min + seed.step * Math.floor(random() * choices) }
}

/** The first field that still needs an answer, in the order of asking: images, prompt, the rest. */
export function missingField(offer: Offer, values: Values): Field | undefined {
  const complete = completeValues(offer, values)
  const missing = offer.fields.filter((field) => field.required && isMissing(field, complete[field.name]))
  return missing.sort((a, b) => askingOrder(a) - askingOrder(b))[0]
}

function isMissing(field: Field, value: Value | undefined): boolean {
  if (value === undefined || (typeof value === 'string' && value.trim() === '')) return true
  return field.type === 'images' && Array.isArray(value) && value.length < field.min
}

const askingOrder = (field: Field): number =>
  field.type === 'images' ? 0 : field.type === 'text' && field.role === 'prompt' ? 1 : 2
