import { noticeText } from '../conversation/notices.ts'
import { notMadeNow } from '../conversation/on-sale.ts'
import type { Command, Reaction, Seen } from '../conversation/screen.ts'
import { albumSettlesMs, type Notice } from '../conversation/session.ts'
import type { DueErrand } from '../errands/errand.ts'
import { after, type Clock } from '../kit/clock.ts'
import { type Cid, destinationOf, type MessageId, newTopUpId, type OrderId } from '../kit/ids.ts'
import { unreachable } from '../kit/unreachable.ts'
import type { Kopecks, ShopDay } from '../money/amount.ts'
import { sameInvoiceMs, starsFor } from '../money/top-up.ts'
import { applyObservation } from '../orders/record-observation.ts'
import type { Person } from '../people/person.ts'
import type { Tx } from '../store.ts'
import type { Facts } from '../telemetry/facts.ts'
import { placeOrder } from './place-order.ts'
import { noneIfUnreadable } from './reads.ts'

/** Carries out the command of a reaction inside the step. What it refuses becomes a notice on the screen that follows. */
export type Scene = {
  readonly seen: Seen
  readonly reaction: Reaction
  readonly cid: Cid
  readonly day: ShopDay
  readonly tapped: MessageId | undefined
  readonly mint: { readonly order: () => OrderId }
  readonly clock: Clock
}
export type CarriedOut = {
  readonly errands: readonly DueErrand[]
  /** The command was refused: nothing else of the reaction holds. */
  readonly refused: boolean
  readonly notice?: Notice
  readonly toast?: string
  /** Nothing is drawn: the order's own message shows what goes on. */
  readonly still?: boolean
  /** The tapped message belongs to an order now. */
  readonly handedOver?: boolean
  /** The person, when the command changed them. */
  readonly person?: Person
}

const nothing: CarriedOut = { errands: [], refused: false }

export async function carryOut(tx: Tx, scene: Scene, facts: Facts): Promise<CarriedOut> {
  const { command } = scene.reaction
  if (command === undefined) return nothing
  const to = destinationOf(scene.seen.session)
  switch (command.type) {
    case 'place_order':
      return await place(tx, scene, command, facts)
    case 'cancel_order':
      return await cancel(tx, scene, command.order, facts)
    case 'open_top_up':
      return await openTopUp(tx, scene, command.amount)
    case 'set_language': {
      const person: Person = { ...scene.seen.person, language: command.language, languageChosen: true }
      await tx.people.save(person)
      return { ...nothing, person }
    }
    case 'take_files': {
      const { person, session } = scene.seen
      const revision = session.revision
      const errands = command.files.map(({ fileId, uniqueId, message }) => {
        const file = { fileId, uniqueId, ...(message === undefined ? {} : { message }) }
        const errand = { kind: 'take_file', person: person.id, ...to, ...file, revision } as const
        return { errand, cid: scene.cid, ...(command.isAlbum ? { at: after(scene.seen.now, albumSettlesMs) } : {}) }
      })
      return { ...nothing, errands }
    }
    case 'remove_keyboard': {
      const { texts } = scene.seen
      const errand = { kind: 'remove_keyboard', ...to, text: texts.keyboardGone } as const
      return { ...nothing, errands: [{ errand, cid: scene.cid }] }
    }
    case 'send_again': {
      const errand = { kind: 'send_again', order: command.order, ...to, as: command.as } as const
      return { ...nothing, errands: [{ errand, cid: scene.cid }] }
    }
    default:
      return unreachable(command, 'carryOut')
  }
}

async function place(
  tx: Tx,
  { seen, cid, day, mint, tapped }: Scene,
  { quote }: Extract<Command, { type: 'place_order' }>,
  facts: Facts,
): Promise<CarriedOut> {
  const { draft } = seen.session
  const offer = draft === undefined ? undefined : seen.catalog.get(draft.offer)
  const values = draft?.quote?.values
  const notNow = offer === undefined || values === undefined ? undefined : notMadeNow(seen.shop, offer, values)
  const placed = await placeOrder(
    tx,
    {
      quote,
      draft,
      offer,
      person: seen.person,
      to: seen.session,
      cid,
      day,
      now: seen.now,
      order: mint.order(),
      notNow,
    },
    facts,
  )
  switch (placed.kind) {
    case 'refused': {
      const notice = { type: 'refused', refusal: placed.refusal } as const
      // The screen that follows says by itself what cannot be made now.
      if (placed.refusal === notNow) return { errands: [], refused: true, toast: noticeText(notice, seen.texts) }
      return { errands: [], refused: true, notice }
    }
    case 'already_placed':
      return { errands: [], refused: false, still: true, toast: seen.texts.toasts.alreadyStarted }
    case 'placed': {
      const { order } = placed
      // The message of the confirm screen becomes the order's progress message.
      if (tapped !== undefined) await tx.orders.save({ ...order, progressMessage: tapped })
      facts.add((t) => t.emit('UI_RENDER', { cid, screen_id: 'progress' }))
      const errand = { kind: 'show_progress', order: order.id, ...destinationOf(seen.session) } as const
      return { errands: [{ errand, cid }], refused: false, still: true, handedOver: true }
    }
    default:
      return unreachable(placed, 'place')
  }
}

async function cancel(tx: Tx, { seen, clock }: Scene, id: OrderId, facts: Facts): Promise<CarriedOut> {
  const order = await tx.orders.lock(id).catch(noneIfUnreadable)
  if (order === undefined || order.person !== seen.person.id) {
    return { errands: [], refused: true, notice: { type: 'order_not_found' } }
  }
  const { toasts } = seen.texts
  const { order: next, changed } = await applyObservation(
    tx,
    order,
    { type: 'cancel_asked', at: clock.now() },
    clock,
    facts,
  )
  if (!changed) return { ...nothing, still: true, toast: toasts.tooLateToCancel }
  const toast = next.status === 'released' ? toasts.cancelled(next.price) : toasts.hidden(next.price)
  return { ...nothing, still: true, toast }
}

/** Several quick taps on one amount make one invoice; the conversation is locked, so they come one after the other. */
async function openTopUp(tx: Tx, { seen, cid, tapped }: Scene, amount: Kopecks): Promise<CarriedOut> {
  const since = after(seen.now, -sameInvoiceMs)
  if (tapped !== undefined && (await tx.topUps.hasOpen({ person: seen.person.id, amount, since }))) {
    return { ...nothing, still: true, toast: seen.texts.toasts.invoiceSent }
  }
  const id = newTopUpId()
  const stars = starsFor(amount, seen.shop.starsPerRub)
  const { person, session, now } = seen
  const to = destinationOf(session)
  const topic = to.topic === undefined ? {} : { topic: to.topic }
  await tx.topUps.add({ id, person: person.id, amount, stars, madeAt: now, state: 'open', ...topic })
  return { ...nothing, errands: [{ errand: { kind: 'send_invoice', topUp: id, ...to }, cid }] }
}
