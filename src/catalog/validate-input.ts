/**
 * Whether KIE would take these inputs, by the offer's own limits: asked once more before an order is placed, because a
 * draft may be older than the data it was written against. Pure; every problem at once.
 */
import { unreachable } from '../kit/unreachable.ts'
import type { Field, ImagesField, NumberField, Offer, TakenFile, TextField, Value, Values } from './offer.ts'
import { isMet } from './quote.ts'
import { completeValues } from './values.ts'

export type InputProblem =
  | { readonly type: 'missing'; readonly field: string }
  | { readonly type: 'unknown_field'; readonly field: string }
  | { readonly type: 'wrong_kind'; readonly field: string }
  | { readonly type: 'too_short'; readonly field: string; readonly length: number; readonly min: number }
  | { readonly type: 'too_long'; readonly field: string; readonly length: number; readonly max: number }
  | { readonly type: 'not_an_option'; readonly field: string }
  | {
      readonly type: 'out_of_range'
      readonly field: string
      readonly min: number
      readonly max: number
      readonly step: number
    }
  | { readonly type: 'too_few_images'; readonly field: string; readonly min: number }
  | { readonly type: 'too_many_images'; readonly field: string; readonly max: number }
  | { readonly type: 'file_too_big'; readonly field: string; readonly maxBytes: number }
  | { readonly type: 'too_many_pixels'; readonly field: string; readonly maxPixels: number }
  /** Each of these is fine alone, and KIE refuses them together. */
  | { readonly type: 'not_together'; readonly fields: readonly string[] }

/** What is wrong with the inputs, field by field in the order of the offer; empty when an order may be placed. */
export function validateInput(offer: Offer, values: Values): readonly InputProblem[] {
  const complete = completeValues(offer, values)
  const known = new Set(offer.fields.map((field) => field.name))
  return [
    ...offer.fields.flatMap((field) => checkField(field, complete[field.name])),
    ...Object.keys(values)
      .filter((name) => !known.has(name))
      .map((name): InputProblem => ({ type: 'unknown_field', field: name })),
    ...offer.excluded
      .filter((combination) => isMet(combination, complete))
      .map((combination): InputProblem => ({ type: 'not_together', fields: Object.keys(combination) })),
  ]
}

/** What is wrong with one value of a field. An absent value is wrong only where the field is required. */
export function checkField(field: Field, value: Value | undefined): readonly InputProblem[] {
  if (isAbsent(value)) return field.required ? [{ type: 'missing', field: field.name }] : []
  switch (field.type) {
    case 'text':
      return typeof value === 'string' ? checkText(field, value) : wrongKind(field)
    case 'choice':
      if (typeof value !== 'string') return wrongKind(field)
      return field.options.some((option) => option.value === value)
        ? []
        : [{ type: 'not_an_option', field: field.name }]
    case 'switch':
      return typeof value === 'boolean' ? [] : wrongKind(field)
    case 'number':
      return typeof value === 'number' ? checkNumber(field, value) : wrongKind(field)
    case 'images':
      return Array.isArray(value) ? checkImages(field, value) : wrongKind(field)
    default:
      return unreachable(field, 'checkField')
  }
}

const isAbsent = (value: Value | undefined): value is undefined =>
  value === undefined ||
  (typeof value === 'string' && value.trim() === '') ||
  (Array.isArray(value) && value.length === 0)

const wrongKind = (field: Field): readonly InputProblem[] => [{ type: 'wrong_kind', field: field.name }]

function checkText(field: TextField, text: string): readonly InputProblem[] {
  const { name, minLength, maxLength } = field
  const characters = [...text].length
  if (characters < minLength) return [{ type: 'too_short', field: name, length: characters, min: minLength }]
  return text.length > maxLength ? [{ type: 'too_long', field: name, length: text.length, max: maxLength }] : []
}

function checkNumber({ name, min, max, step }: NumberField, value: number): readonly InputProblem[] {
  const steps = (value - min) / step
  // 2.3 is 13 steps of 0.1 from 1, and floating point says 12.999999999999998.
  const onStep = Math.abs(steps - Math.round(steps)) < 1e-6
  return value >= min && value <= max && onStep ? [] : [{ type: 'out_of_range', field: name, min, max, step }]
}

function checkImages(
  { name, min, max, maxBytes, maxPixels }: ImagesField,
  files: readonly TakenFile[],
): readonly InputProblem[] {
  const problems: InputProblem[] = []
  if (files.length < min) problems.push({ type: 'too_few_images', field: name, min })
  if (files.length > max) problems.push({ type: 'too_many_images', field: name, max })
  if (files.some((file) => file.bytes > maxBytes)) problems.push({ type: 'file_too_big', field: name, maxBytes })
  if (maxPixels !== undefined && files.some((file) => pixelsOf(file) > maxPixels)) {
    problems.push({ type: 'too_many_pixels', field: name, maxPixels })
  }
  return problems
}

/** 0 while the size is not known. */
export const pixelsOf = ({ width = 0, height = 0 }: TakenFile): number => width * height
