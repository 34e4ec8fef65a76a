/** What the wizard's buttons do: answer, skip, "these are all", start over. Each leads on to a question or the end. */
import type { Address } from '../../../address.ts'
import { readPressed } from '../../../answers.ts'
import { beginDraft, draftOf, filesOf, nextPlace, placeAfter, withValue } from '../../../draft.ts'
import type { Reaction, Seen } from '../../../screen.ts'
import { staleButton } from '../../../stale.ts'
import { noPictures } from './ask.ts'
import { askedOf } from './asked.ts'

/** Answers a question by a button. */
export function set(seen: Seen, place: Address): Reaction {
  const asked = place.at === 'set' ? askedOf(seen, place.draft, place.field) : undefined
  if (place.at !== 'set' || asked === undefined) return staleButton(seen)
  const { draft, offer, field } = asked
  if (field.type === 'images' && place.value === noPictures) {
    const { taking: _taking, ...rest } = draft
    return { draft: withValue(rest, field, undefined), go: { at: 'ask', draft: draft.id, field: field.name } }
  }
  const value = readPressed(field, place.value)
  if (value === undefined) return staleButton(seen)
  const after = withValue(draft, field, value)
  return { draft: after, go: placeAfter(offer, draft, after, field) }
}

/** Leaves a question to the model's own choice. One that needs an answer is still open, so it is asked again. */
export function skip(seen: Seen, place: Address): Reaction {
  const asked = place.at === 'skip' ? askedOf(seen, place.draft, place.field) : undefined
  if (asked === undefined) return staleButton(seen)
  const { draft, offer, field } = asked
  const { taking: _taking, ...rest } = draft
  const after = withValue(field.type === 'images' ? rest : draft, field, undefined)
  return { draft: after, go: placeAfter(offer, draft, after, field) }
}

/** "These are all the pictures." */
export function enough(seen: Seen, place: Address): Reaction {
  const asked = place.at === 'enough' ? askedOf(seen, place.draft, place.field) : undefined
  if (asked === undefined || asked.field.type !== 'images') return staleButton(seen)
  const { draft, offer, field } = asked
  const here: Address = { at: 'ask', draft: draft.id, field: field.name }
  if (draft.taking !== undefined) return { go: here, notice: { type: 'still_checking' } }
  if (filesOf(draft.values, asked.field).length < asked.field.min) {
    return { go: here, notice: { type: 'few_pictures', min: asked.field.min } }
  }
  return { go: nextPlace(offer, draft) }
}

/** Forgets every answer and begins with the card again. */
export function reset(seen: Seen, place: Address): Reaction {
  const found = place.at === 'reset' ? draftOf(seen, place.draft) : undefined
  if (found === undefined) return staleButton(seen)
  return {
    draft: beginDraft(seen.fresh.draft, found.offer),
    go: { at: 'offer', offer: found.offer.id },
    toast: seen.texts.toasts.startedOver,
  }
}
