/** What a checked file means for the draft that waited for it. Nobody pressed anything, so often nothing is drawn. */
import type { ImagesField, Offer } from '../../../../catalog/offer.ts'
import { missingField } from '../../../../catalog/values.ts'
import { unreachable } from '../../../../kit/unreachable.ts'
import { fileChecked, problemOfFile } from '../../../answers.ts'
import { bytesMaxOf, filesOf, nextPlace, placeAfter } from '../../../draft.ts'
import type { FileVerdict, Input, Reaction, Seen } from '../../../screen.ts'
import type { Draft, Notice } from '../../../session.ts'

export function reactToCheckedFile(seen: Seen, input: Extract<Input, { kind: 'file_checked' }>): Reaction {
  const { draft, place } = seen.session
  const offer = draft && seen.catalog.get(draft.offer)
  const field = offer?.fields.find(
    (each): each is ImagesField => each.type === 'images' && each.name === draft?.taking?.field,
  )
  if (draft === undefined || offer === undefined || field === undefined) return { still: true }
  const notice = noticeOf(input.verdict, field) ?? problemOfFile(field, input.file)
  const after = fileChecked(draft, offer, input.file, notice === undefined)
  // The draft that waited for this file was given up.
  if (after === undefined) return { still: true }
  if (notice !== undefined) return { draft: after, notice }
  const isInWizard = (place.at === 'ask' || place.at === 'params' || place.at === 'confirm') && place.draft === draft.id
  if (!isInWizard || after.taking !== undefined) return { draft: after, still: true }
  return place.at === 'ask' && place.field === field.name
    ? { draft: after, ...onwards(offer, draft, after, field) }
    : { draft: after }
}

/** On when the list is full, or when this picture was the last thing missing; else more may come. */
function onwards(offer: Offer, before: Draft, after: Draft, field: ImagesField): Pick<Reaction, 'go'> {
  if (filesOf(after.values, field).length >= field.max) return { go: placeAfter(offer, before, after, field) }
  const wasMissing = missingField(offer, before.values) !== undefined
  const isComplete = missingField(offer, after.values) === undefined
  return wasMissing && isComplete ? { go: nextPlace(offer, after) } : {}
}

function noticeOf(verdict: FileVerdict, field: ImagesField): Notice | undefined {
  switch (verdict) {
    case 'picture':
      return undefined
    case 'not_a_picture':
      return { type: 'not_a_picture' }
    case 'heic':
    case 'avif':
    case 'gif':
    case 'bmp':
    case 'tiff':
    case 'pdf':
    case 'svg':
    case 'raw':
    case 'psd':
    case 'jxl':
    case 'animation':
      return { type: 'foreign_format', format: verdict }
    case 'too_big':
      return { type: 'file_too_big', maxBytes: bytesMaxOf(field) }
    case 'lost':
      return { type: 'file_lost' }
    default:
      return unreachable(verdict, 'noticeOf')
  }
}
