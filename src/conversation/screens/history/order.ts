import { isOnItsWay, type Order, paidOf, sentOf } from '../../../orders/order.ts'
import { homeButton, repeatButtons } from '../../buttons.ts'
import { promptOf, settingsText } from '../../field-text.ts'
import { priceText } from '../../price-tags.ts'
import { cut, lines, paragraphs } from '../../rich.ts'
import type { Screen, Seen } from '../../screen.ts'
import type { Button, Keyboard, Rich, View } from '../../view.ts'
import { timezoneOf } from './history.ts'

/** One order: what was asked for, what it cost, where it stands, and everything that can be done with it. */
export const order: Screen = {
  needs: ['order'],
  draw: (seen) => ({ view: seen.reads.order === undefined ? drawNotFound(seen) : drawOrder(seen, seen.reads.order) }),
}

function drawOrder(seen: Seen, shown: Order): View {
  const { texts, catalog } = seen
  const offer = catalog.get(shown.offer)
  const prompt = promptOf(offer, shown.values)
  return {
    screen: 'order',
    text: paragraphs(
      lines(
        [{ bold: [`${texts.order.title} · ${offer?.title ?? shown.model}`] }],
        texts.date(shown.placedAt, timezoneOf(seen)),
      ),
      prompt !== undefined && [{ quote: [cut(prompt, 800)] }],
      offer === undefined ? [] : lines(...settingsText(offer, shown.values, texts)),
      stateText(seen, shown),
      [`${texts.code}: `, { code: shown.cid }],
    ),
    keyboard: [
      ...resultButtons(seen, shown),
      ...(shown.status === 'placed'
        ? [[{ label: texts.buttons.cancel, to: { at: 'cancel' as const, order: shown.id } }]]
        : []),
      ...(offer === undefined ? [] : repeatButtons(shown.id, texts)),
      [{ label: texts.buttons.back, to: { at: 'history', page: 0 } }, homeButton(texts)],
    ],
  }
}

function stateText({ texts }: Seen, shown: Order): Rich {
  const price = `${texts.order.price}: ${priceText(paidOf(shown), texts)}`
  if (shown.status !== 'released') return lines(texts.order.states[shown.status], price)
  const comes = shown.reason === 'undeliverable' ? texts.failed.giftLookedFor : texts.failed.giftComes
  const gift = shown.gift === 'delivering' ? comes : shown.gift === 'delivered' ? texts.failed.giftCame : undefined
  return lines(
    texts.order.states.released,
    texts.failed.reasons[shown.reason],
    texts.failed.notCharged(shown.price),
    gift,
  )
}

/** Sends what Telegram already keeps, or what was kept for somebody who had blocked the bot. */
function resultButtons({ texts }: Seen, shown: Order): Keyboard {
  const resend: Button = { label: texts.buttons.resend, to: { at: 'resend', order: shown.id } }
  if (!wasDelivered(shown)) return shown.status === 'completed' && isOnItsWay(shown) ? [[resend]] : []
  return [[resend, { label: texts.buttons.original, to: { at: 'original', order: shown.id } }]]
}

export const wasDelivered = (shown: Order): boolean => sentOf(shown).length > 0

function drawNotFound({ texts }: Seen): View {
  return {
    screen: 'order',
    text: [texts.order.notFound],
    keyboard: [[{ label: texts.buttons.history, to: { at: 'history', page: 0 } }, homeButton(texts)]],
  }
}
