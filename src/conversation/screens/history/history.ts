import { unreachable } from '../../../kit/unreachable.ts'
import { type Order, paidOf } from '../../../orders/order.ts'
import type { Address } from '../../address.ts'
import { homeButton } from '../../buttons.ts'
import { priceText } from '../../price-tags.ts'
import { cut, paragraphs } from '../../rich.ts'
import type { Screen, Seen } from '../../screen.ts'
import type { Button, Keyboard, View } from '../../view.ts'

/** Orders on one page; one more is read, so that "next" is known. */
export const ordersPerPage = 6
/** Dates are told in the shop's time; Moscow's, unless the operator chose another. */
export const timezoneOf = ({ shop }: Seen): string => shop.timezone ?? 'Europe/Moscow'

/** A person's orders, newest first. */
export const history: Screen = {
  needs: ['orders'],
  draw: (seen, place) => ({ view: drawHistory(seen, place.at === 'history' ? place.page : 0) }),
}

function drawHistory(seen: Seen, page: number): View {
  const { texts } = seen
  const orders = seen.reads.orders ?? []
  return {
    screen: 'history',
    text: paragraphs([{ bold: [texts.history.title] }], orders.length === 0 ? texts.history.empty : texts.history.hint),
    keyboard: [
      ...orders.slice(0, ordersPerPage).map((order) => [orderButton(seen, order)]),
      ...turning(page, orders.length > ordersPerPage),
      ...(orders.length === 0
        ? [[{ label: texts.buttons.models, to: { at: 'shelf' as const, shelf: 'image' as const, page: 0 } }]]
        : []),
      [homeButton(texts)],
    ],
  }
}

function orderButton(seen: Seen, order: Order): Button {
  const { texts, catalog } = seen
  const title = cut(catalog.get(order.offer)?.title ?? order.model, 24)
  const date = texts.date(order.placedAt, timezoneOf(seen))
  return {
    label: `${markOf(order)} ${title} · ${priceText(paidOf(order), texts)} · ${date}`,
    to: { at: 'order', order: order.id },
  }
}

function markOf(order: Order): string {
  switch (order.status) {
    case 'placed':
    case 'submitting':
    case 'uncertain':
    case 'generating':
    case 'delivering':
      return '⏳'
    case 'completed':
      return '✅'
    case 'refunded':
      return '💸'
    case 'released':
      return order.gift === 'none' ? '↩️' : '🎁'
    default:
      return unreachable(order, 'markOf')
  }
}

function turning(page: number, hasMore: boolean): Keyboard {
  if (page === 0 && !hasMore) return []
  const to = (other: number): Address => ({ at: 'history', page: other })
  return [
    [
      ...(page > 0 ? [{ label: '‹', to: to(page - 1) }] : []),
      { label: `${page + 1}`, to: { at: 'nowhere' as const } },
      ...(hasMore ? [{ label: '›', to: to(page + 1) }] : []),
    ],
  ]
}
