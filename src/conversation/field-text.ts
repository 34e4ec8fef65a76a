/** How fields and their values are told. */
import type { Field, Offer, Value, Values } from '../catalog/offer.ts'
import { completeValues } from '../catalog/values.ts'
import { cut } from './rich.ts'
import type { Texts } from './texts/texts.ts'

/** A value as the person knows it: the label of a choice, the number of pictures. */
export function valueText(field: Field, value: Value | undefined, texts: Texts, max: number): string {
  if (value === undefined || value === '') return field.type === 'choice' ? texts.wizard.byDefault : texts.wizard.notSet
  if (typeof value === 'boolean') return value ? texts.yes : texts.no
  if (typeof value === 'number') return texts.number(value)
  if (typeof value !== 'string') return value.length === 0 ? texts.wizard.notSet : texts.pictures(value.length)
  const option = field.type === 'choice' ? field.options.find((each) => each.value === value) : undefined
  return option?.label[texts.language] ?? cut(value, max)
}

/** Everything but the prompt that is set or has an initial value, one line each. */
export function settingsText(offer: Offer, values: Values, texts: Texts): readonly string[] {
  const complete = completeValues(offer, values)
  return offer.fields.flatMap((field) => {
    const value = complete[field.name]
    const isPrompt = field.type === 'text' && field.role === 'prompt'
    const isEmpty = value === undefined || value === '' || (Array.isArray(value) && value.length === 0)
    return isPrompt || isEmpty ? [] : [`${field.label[texts.language]}: ${valueText(field, value, texts, 120)}`]
  })
}

/** The prompt of these inputs, whole; undefined when there is none. */
export function promptOf(offer: Offer | undefined, values: Values): string | undefined {
  const field = offer?.fields.find((each) => each.type === 'text' && each.role === 'prompt')
  const value = values[field?.name ?? 'prompt']
  return typeof value === 'string' && value !== '' ? value : undefined
}
