/** The wizard's memory: answers come in by field name, and the next question follows from what is missing. Pure. */
import type { Field, ImagesField, Offer, TakenFile, TextField, Value, Values } from '../catalog/offer.ts'
import { initialOf, missingField } from '../catalog/values.ts'
import type { Address } from './address.ts'
import type { Seen } from './screen.ts'
import type { Draft } from './session.ts'

/** Telegram hands files to bots up to this size. */
export const fetchableBytesMax = 20 * 1024 * 1024

export const beginDraft = (id: string, offer: Offer, values: Values = {}): Draft => ({ id, offer: offer.id, values })

/** The draft under this number with its offer; undefined when it is another one, or the offer is gone. */
export function draftOf(seen: Seen, id: string): { readonly draft: Draft; readonly offer: Offer } | undefined {
  const { draft } = seen.session
  const offer = draft?.id === id ? seen.catalog.get(draft.offer) : undefined
  return draft === undefined || offer === undefined ? undefined : { draft, offer }
}

/** The draft of this offer that was begun, else a new one. */
export function draftFor(seen: Seen, offer: Offer): Draft {
  const { draft } = seen.session
  return draft?.offer === offer.id ? draft : beginDraft(seen.fresh.draft, offer)
}

/** The draft with one answer more; `undefined` forgets the answer. */
export function withValue(draft: Draft, field: Field, value: Value | undefined): Draft {
  const { [field.name]: _previous, ...others } = draft.values
  return { ...draft, values: value === undefined ? others : { ...others, [field.name]: value } }
}

export const promptField = (offer: Offer): TextField | undefined =>
  offer.fields.find((field): field is TextField => field.type === 'text' && field.role === 'prompt')
export const imagesField = (offer: Offer): ImagesField | undefined =>
  offer.fields.find((field): field is ImagesField => field.type === 'images')

export const filesOf = (values: Values, field: ImagesField): readonly TakenFile[] => {
  const value = values[field.name]
  return Array.isArray(value) ? value : []
}
export const bytesMaxOf = (field: ImagesField): number => Math.min(field.maxBytes, fetchableBytesMax)

/** Fields that the wizard asks by itself, in the order of asking: pictures, prompt, then what has no initial value. */
export function askedFields(offer: Offer): readonly Field[] {
  const order = (field: Field): number =>
    field.type === 'images' ? 0 : field.type === 'text' && field.role === 'prompt' ? 1 : 2
  return offer.fields
    .filter((field) => field.required && initialOf(field) === undefined)
    .toSorted((a, b) => order(a) - order(b))
}

/** Whether there is something to set that the wizard does not ask by itself. */
export const hasSettings = (offer: Offer): boolean => offer.fields.length > askedFields(offer).length

/** Where a draft goes on: the first question without an answer, else the confirm screen. */
export function nextPlace(offer: Offer, draft: Draft): Address {
  const field = draft.taking?.field ?? missingField(offer, draft.values)?.name
  return field === undefined ? { at: 'confirm', draft: draft.id } : { at: 'ask', draft: draft.id, field }
}

/**
 * Where an answer leads. While questions are open, to the next of them; when the draft was complete before, the field
 * was opened from the panel and leads back there, except for the prompt: a new wish is for running.
 */
export function placeAfter(offer: Offer, before: Draft, after: Draft, field: Field): Address {
  const fromPanel = missingField(offer, before.values) === undefined && field !== promptField(offer)
  return fromPanel ? { at: 'params', draft: after.id } : nextPlace(offer, after)
}

/** Where "back" leads from a question: the one before it, the card from the first, the panel when all is answered. */
export function placeBefore(offer: Offer, draft: Draft, field: Field): Address {
  if (missingField(offer, draft.values) === undefined) return { at: 'params', draft: draft.id }
  const asked = askedFields(offer)
  const previous = asked[asked.indexOf(field) - 1]
  if (previous !== undefined) return { at: 'ask', draft: draft.id, field: previous.name }
  return asked.includes(field) ? { at: 'offer', offer: offer.id } : { at: 'params', draft: draft.id }
}

/** Whether two sets of answers are the same; files are compared by what they are, not by where they came from. */
export function sameValues(a: Values, b: Values): boolean {
  const names = new Set([...Object.keys(a), ...Object.keys(b)])
  return [...names].every((name) => sameValue(a[name], b[name]))
}

function sameValue(a: Value | undefined, b: Value | undefined): boolean {
  if (!Array.isArray(a) || !Array.isArray(b)) return a === b
  return a.length === b.length && a.every((file, index) => file.uniqueId === b[index]?.uniqueId)
}
