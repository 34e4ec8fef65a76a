/** «Запустить»: one quote makes one order, however often it is pressed. */
import { isSettled } from '../../../../orders/order.ts'
import type { Address } from '../../../address.ts'
import { isHeld } from '../../../price-tags.ts'
import type { Reaction, Seen } from '../../../screen.ts'
import { staleButton } from '../../../stale.ts'

export function run(seen: Seen, place: Address): Reaction {
  const { session, catalog, texts, now } = seen
  const { draft } = session
  if (place.at !== 'run') return staleButton(seen)
  if (draft?.quote === undefined || draft.quote.id !== place.quote) return ranBefore(seen)
  const back: Address = { at: 'confirm', draft: draft.id }
  if (catalog.get(draft.offer) === undefined) {
    return { go: { at: 'home' }, draft: null, notice: { type: 'refused', refusal: { code: 'offer_withdrawn' } } }
  }
  if (draft.quote.expiresAt <= now) {
    return { go: back, notice: { type: 'refused', refusal: { code: 'quote_expired' } } }
  }
  // The answers changed after this button was drawn: what it would run is not what the person sees.
  if (draft.taking !== undefined || !isHeld(draft.quote, draft, now)) return { ...staleButton(seen), go: back }
  return {
    command: { type: 'place_order', quote: place.quote },
    toast: texts.toasts.starting,
    // The progress message takes over. Whatever is typed next is a prompt for the same model.
    go: { at: 'offer', offer: draft.offer },
    draft: null,
    ...(draft.album === undefined ? {} : { placedAlbum: { group: draft.album, isTold: false } }),
    still: true,
    otherwise: back,
  }
}

/** The quote is not the draft's: it was placed already, or belongs to a draft that is gone. */
function ranBefore(seen: Seen): Reaction {
  const { order } = seen.reads
  if (order === undefined) return staleButton(seen)
  const { texts } = seen
  if (!isSettled(order)) return { still: true, toast: texts.toasts.alreadyStarted }
  return {
    go: { at: 'order', order: order.id },
    notice: { type: 'already_placed' },
    toast: texts.toasts.oldButton,
  }
}
