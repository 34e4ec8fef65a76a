/**
 * The inputs of a task for the models behind `POST /api/v1/jobs/createTask`, in KIE's own names. Shapes only: whether
 * the values are allowed was decided by the catalog.
 */
import type { Field, Offer, Value, Values } from '../../catalog/offer.ts'
import { completeValues } from '../../catalog/values.ts'
import { unreachable } from '../../kit/unreachable.ts'

/**
 * KIE's `input` for these values. `urls` leads from the `fileId` of every picture in them to the URL it was uploaded
 * to; a picture without one is a fault of the caller, never a task with a picture missing.
 */
export function buildMarketInput(
  offer: Offer,
  values: Values,
  urls: ReadonlyMap<string, string>,
): Readonly<Record<string, unknown>> {
  const complete = completeValues(offer, values)
  const input: Record<string, unknown> = { ...offer.constants }
  for (const field of offer.fields) {
    const value = complete[field.name]
    const sent = value === undefined ? undefined : wireValue(field, value, urls)
    if (sent !== undefined) input[field.name] = sent
  }
  return input
}

function wireValue(field: Field, value: Value, urls: ReadonlyMap<string, string>): unknown {
  switch (field.type) {
    case 'text':
      return value === '' ? undefined : value
    case 'choice':
    case 'switch':
      return value
    case 'number':
      return field.wire === 'text' ? String(value) : value
    case 'images': {
      const list = Array.isArray(value) ? value.map((file) => urlOf(file, urls)) : []
      if (list.length === 0) return undefined
      return field.wire === 'list' ? list : list[0]
    }
    default:
      return unreachable(field, 'wireValue')
  }
}

function urlOf({ fileId }: { readonly fileId: string }, urls: ReadonlyMap<string, string>): string {
  const url = urls.get(fileId)
  if (url === undefined) throw new Error('a picture of the order was not uploaded before its task was built')
  return url
}
