/** What the buttons of an order do, wherever they stand: on its messages, which live for ever, or in the history. */
import type { Offer } from '../../../catalog/offer.ts'
import { checkField } from '../../../catalog/validate-input.ts'
import { unreachable } from '../../../kit/unreachable.ts'
import { isOnItsWay, type Order } from '../../../orders/order.ts'
import type { Address } from '../../address.ts'
import { beginDraft, nextPlace } from '../../draft.ts'
import type { Reaction, Seen } from '../../screen.ts'
import type { Draft } from '../../session.ts'
import { orderNotFound } from '../../stale.ts'
import { wasDelivered } from './order.ts'

/** The same inputs once more, straight to the price. */
export const again = (seen: Seen): Reaction => repeat(seen, nextPlace)

/** The same inputs in the panel, to be changed; a text that comes there is the new prompt. */
export const edit = (seen: Seen): Reaction => repeat(seen, (_offer, draft) => ({ at: 'params', draft: draft.id }))

function repeat(seen: Seen, where: (offer: Offer, draft: Draft) => Address): Reaction {
  const { order } = seen.reads
  if (order === undefined) return orderNotFound(seen)
  const offer = seen.catalog.get(order.offer)
  if (offer === undefined)
    return { go: { at: 'home' }, notice: { type: 'refused', refusal: { code: 'offer_withdrawn' } } }
  // What the offer does not take any more is left behind, and asked again where it is needed.
  const kept = offer.fields.filter((field) => checkField(field, order.values[field.name]).length === 0)
  const names = new Set(kept.map(({ name }) => name))
  const values = Object.fromEntries(Object.entries(order.values).filter(([name]) => names.has(name)))
  const draft = beginDraft(seen.fresh.draft, offer, values)
  return { draft, go: where(offer, draft) }
}

/** The picture once more. */
export const resend = (seen: Seen): Reaction => sendAgain(seen, 'photo')
/** The file as it was made, without Telegram's compression. */
export const original = (seen: Seen): Reaction => sendAgain(seen, 'document')

function sendAgain(seen: Seen, as: 'photo' | 'document'): Reaction {
  const { order } = seen.reads
  const { toasts } = seen.texts
  if (order === undefined) return orderNotFound(seen)
  if (!wasDelivered(order) && !isOnItsWay(order)) return { still: true, toast: toasts.nothingToSend }
  return { command: { type: 'send_again', order: order.id, as }, still: true, toast: toasts.sending }
}

/** By the stated rule: free until the order is handed over; afterwards only its progress message ends. */
export function cancel(seen: Seen): Reaction {
  const { order } = seen.reads
  if (order === undefined) return orderNotFound(seen)
  const toast = cancelToast(seen, order)
  if (toast === undefined) return { still: true, toast: seen.texts.toasts.tooLateToCancel }
  // The progress message tells the rest; the order's own screen is drawn again.
  const { place } = seen.session
  const isShown = place.at === 'order' && place.order === order.id
  return { command: { type: 'cancel_order', order: order.id }, toast, ...(isShown ? {} : { still: true }) }
}

function cancelToast({ texts }: Seen, order: Order): string | undefined {
  switch (order.status) {
    case 'placed':
      return texts.toasts.cancelled(order.price)
    case 'submitting':
    case 'uncertain':
    case 'generating':
    case 'delivering':
      return order.quiet === true ? undefined : texts.toasts.hidden(order.price)
    case 'completed':
    case 'refunded':
    case 'released':
      return undefined
    default:
      return unreachable(order, 'cancelToast')
  }
}
