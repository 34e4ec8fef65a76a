/**
 * What must hold for an offer beyond its shape, so that it can be shown, asked, priced and sent. Each broken rule comes
 * with the path in the offer's data that must change. Pure.
 */
import { unreachable } from '../kit/unreachable.ts'
import type { ChoiceField, Field, NumberField, Offer } from './offer.ts'
import { type BrokenRule, priceRules } from './price-rules.ts'
import { checkField } from './validate-input.ts'
import { initialOf } from './values.ts'

/** Callback data of Telegram. The longest button about a field is `1:enough:<draft>:<field>`, or `1:set:…:<value>`. */
const addressBytesMax = 64
const labelMax = 32
const aboutMax = 300

export function brokenRules(offer: Offer): readonly BrokenRule[] {
  return [
    ...textRules(offer),
    ...offer.fields.flatMap((field, index) =>
      fieldRules(field).map((broken) => ({ ...broken, path: ['fields', index, ...broken.path] })),
    ),
    ...setOfFieldsRules(offer),
    ...priceRules(offer),
  ]
}

function textRules({ about, example, fields }: Offer): readonly BrokenRule[] {
  const prompt = fields.find((field) => field.type === 'text' && field.role === 'prompt')
  return (['ru', 'en'] as const).flatMap((language) => [
    ...(about[language].length > aboutMax
      ? [{ path: ['about', language], message: `is longer than ${aboutMax} characters` }]
      : []),
    ...(prompt !== undefined && checkField(prompt, example[language]).length > 0
      ? [{ path: ['example', language], message: 'would be refused as a prompt of this model' }]
      : []),
  ])
}

function fieldRules(field: Field): readonly BrokenRule[] {
  const broken: BrokenRule[] = []
  const askable = field.type === 'text' || field.type === 'images'
  const initial = initialOf(field)
  if (field.required && !askable && initial === undefined)
    broken.push({ path: [], message: 'is required, so it needs an "initial": only pictures and texts are asked for' })
  if (initial !== undefined && checkField(field, initial).length > 0)
    broken.push({ path: ['initial'], message: `${JSON.stringify(initial)} is not a value of this field` })
  for (const language of ['ru', 'en'] as const)
    if (field.label[language].length > labelMax)
      broken.push({ path: ['label', language], message: `does not fit a button of ${labelMax} characters` })
  if (addressBytes('enough', field.name) > addressBytesMax)
    broken.push({ path: ['name'], message: 'is too long for a button address of 64 bytes' })
  return [...broken, ...limitRules(field)]
}

function limitRules(field: Field): readonly BrokenRule[] {
  switch (field.type) {
    case 'choice':
      return optionRules(field)
    case 'number':
      return field.max > field.min ? numberRules(field) : [{ path: ['max'], message: 'must be greater than "min"' }]
    case 'text':
      return field.maxLength >= field.minLength ? [] : [{ path: ['maxLength'], message: 'is less than "minLength"' }]
    case 'images':
      if (field.max < field.min) return [{ path: ['max'], message: 'is less than "min"' }]
      if (field.required && field.min < 1) return [{ path: ['min'], message: 'must be 1 or more, as it is required' }]
      return field.wire === 'url' && field.max !== 1 ? [{ path: ['max'], message: 'must be 1: KIE takes one URL' }] : []
    case 'switch':
      return []
    default:
      return unreachable(field, 'limitRules')
  }
}

const numberRules = (field: NumberField): readonly BrokenRule[] =>
  checkField(field, field.max).length === 0 ? [] : [{ path: ['step'], message: 'does not lead from "min" to "max"' }]

function optionRules({ name, options }: ChoiceField): readonly BrokenRule[] {
  return options.flatMap((option, index) => {
    const path = ['options', index]
    const broken: BrokenRule[] = []
    if (options.findIndex((other) => other.value === option.value) !== index)
      broken.push({ path, message: `${JSON.stringify(option.value)} stands twice` })
    if (option.label.ru.length > labelMax || option.label.en.length > labelMax)
      broken.push({ path, message: `the label does not fit a button of ${labelMax} characters` })
    if (addressBytes('set', name, option.value) > addressBytesMax)
      broken.push({ path, message: 'the value is too long for a button address of 64 bytes' })
    return broken
  })
}

const addressBytes = (...parts: readonly string[]): number =>
  new TextEncoder().encode(['1', ...parts.slice(0, 1), 'draft678', ...parts.slice(1)].join(':')).length

function setOfFieldsRules({ fields, constants, kind }: Offer): readonly BrokenRule[] {
  const broken: BrokenRule[] = []
  fields.forEach((field, index) => {
    if (fields.findIndex((other) => other.name === field.name) !== index)
      broken.push({ path: ['fields', index, 'name'], message: `${JSON.stringify(field.name)} stands twice` })
    if (Object.hasOwn(constants, field.name))
      broken.push({ path: ['constants', field.name], message: 'is asked as a field as well' })
  })
  const prompts = fields.filter((field) => field.type === 'text' && field.role === 'prompt')
  if (prompts.length !== 1) broken.push({ path: ['fields'], message: 'must have exactly one text of role "prompt"' })
  const takesImages = fields.some((field) => field.type === 'images' && field.required)
  if (takesImages !== (kind === 'image-to-image'))
    broken.push({ path: ['kind'], message: 'must be "image-to-image" exactly when a picture is required' })
  return broken
}
