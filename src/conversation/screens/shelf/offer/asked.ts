import type { Field, Offer } from '../../../../catalog/offer.ts'
import { draftOf } from '../../../draft.ts'
import type { Seen } from '../../../screen.ts'
import type { Draft } from '../../../session.ts'

/** A question that is open: the field with its offer and the draft it belongs to. */
export type Asked = { readonly draft: Draft; readonly offer: Offer; readonly field: Field }

/** Undefined when the draft is another one now, or the offer has no such field. */
export function askedOf(seen: Seen, draftId: string, fieldName: string): Asked | undefined {
  const found = draftOf(seen, draftId)
  const field = found?.offer.fields.find(({ name }) => name === fieldName)
  return found === undefined || field === undefined ? undefined : { ...found, field }
}
