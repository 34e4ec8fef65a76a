/**
 * Checks the input of a task against the documented inputs of its model, as strictly as the documents are precise.
 * The answer is one sentence that names the field, or undefined when everything is in order.
 */
import type { InputField, Model } from './catalogue.ts'
import { brokenRule } from './rules.ts'

type Input = Readonly<Record<string, unknown>>

export function checkInput(model: Model, input: Input): string | undefined {
  return (
    checkFields(model.inputs, input, '', model.open === true) ?? missingGroup(model, input) ?? brokenRule(model, input)
  )
}

function checkFields(fields: readonly InputField[], input: Input, path: string, open: boolean): string | undefined {
  for (const field of fields) {
    const name = `${path}${field.name}`
    const value = input[field.name]
    if (!isGiven(value)) {
      if (field.required === true) return `${name} is required`
      continue
    }
    const problem = checkValue(field, value, name)
    if (problem !== undefined) return problem
  }
  if (open) return undefined
  const known = new Set(fields.map((field) => field.name))
  const unknown = Object.keys(input).find((name) => !known.has(name))
  return unknown === undefined ? undefined : `${path}${unknown} is not an input of this model`
}

const isGiven = (value: unknown): boolean => value !== undefined && value !== null && value !== ''

function missingGroup(model: Model, input: Input): string | undefined {
  const groups = model.anyOf
  if (groups === undefined || groups.some((group) => group.every((name) => isGiven(input[name])))) return undefined
  return `${groups.map((group) => group.join(' and ')).join(', or ')} is required`
}

function checkValue(field: InputField, value: unknown, name: string): string | undefined {
  const type = field.type
  if (type === undefined) return undefined
  if (type === 'array' || type.endsWith('[]') || type.endsWith('_urls')) return checkList(field, value, name)
  return checkSingle(field, type, value, name)
}

function checkList(field: InputField, value: unknown, name: string): string | undefined {
  if (!Array.isArray(value)) return `${name} must be an array`
  const items: readonly unknown[] = value
  const minimum = field.minItems ?? (field.required === true ? 1 : 0)
  if (items.length < minimum) return `${name} must contain at least ${minimum} item(s)`
  if (field.maxItems !== undefined && items.length > field.maxItems)
    return `${name} must contain at most ${field.maxItems} item(s)`
  const itemType = typeOfItems(field.type)
  if (itemType === undefined) return undefined
  for (const [index, item] of items.entries()) {
    const problem = checkSingle(field, itemType, item, `${name}[${index}]`)
    if (problem !== undefined) return problem
  }
  return undefined
}

function typeOfItems(type: string | undefined): string | undefined {
  if (type === undefined || type === 'array') return undefined
  return type.endsWith('[]') ? type.slice(0, -2) : type.slice(0, -1)
}

function checkSingle(field: InputField, type: string, value: unknown, name: string): string | undefined {
  switch (type) {
    case 'enum':
      return (field.enum ?? []).some((allowed) => allowed === value)
        ? undefined
        : `${name} is not within the range of allowed options: ${(field.enum ?? []).join(', ')}`
    case 'string':
      return checkText(field, value, name)
    case 'boolean':
      return typeof value === 'boolean' ? undefined : `${name} must be a boolean`
    case 'integer':
    case 'number':
      return checkNumber(field, type, value, name)
    case 'object':
      return checkObject(field, value, name)
    default:
      return checkUrl(value, name)
  }
}

function checkText(field: InputField, value: unknown, name: string): string | undefined {
  if (typeof value !== 'string') return `${name} must be a string`
  // People count characters, and so do the documents: an emoji is one, not two.
  const length = [...value].length
  if (field.maxLength !== undefined && length > field.maxLength)
    return `${name} length cannot exceed ${field.maxLength} characters`
  if (field.minLength !== undefined && length < field.minLength)
    return `${name} length must be at least ${field.minLength} characters`
  return undefined
}

function checkNumber(field: InputField, type: 'integer' | 'number', value: unknown, name: string): string | undefined {
  if (typeof value !== 'number') return `${name} must be a number`
  if (type === 'integer' && !Number.isInteger(value)) return `${name} must be an integer`
  if (field.min !== undefined && value < field.min) return `${name} must be greater than or equal to ${field.min}`
  if (field.max !== undefined && value > field.max) return `${name} must be less than or equal to ${field.max}`
  return undefined
}

function checkObject(field: InputField, value: unknown, name: string): string | undefined {
  if (!isObject(value)) return `${name} must be an object`
  return field.fields === undefined ? undefined : checkFields(field.fields, value, `${name}.`, false)
}

/** A plain JSON object, no array and no null. */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function checkUrl(value: unknown, name: string): string | undefined {
  if (typeof value !== 'string') return `${name} must be a URL`
  const url = URL.parse(value)
  return url !== null && (url.protocol === 'http:' || url.protocol === 'https:')
    ? undefined
    : `${name} must be a valid http or https URL`
}
