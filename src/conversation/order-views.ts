/**
 * Messages that no screen stands for: an order's progress (one message, which is edited), its result, its failure, and
 * what the service says first.
 */
import type { Cid } from '../kit/ids.ts'
import { unreachable } from '../kit/unreachable.ts'
import { type Kopecks, kopecks, type Price, type Stars } from '../money/amount.ts'
import { isProduced, type Order, orderedOf, type Produced, paidOf, sentOf } from '../orders/order.ts'
import { homeButton, repeatButtons } from './buttons.ts'
import { promptOf } from './field-text.ts'
import { priceText } from './price-tags.ts'
import { isLate } from './progress-schedule.ts'
import { cut, lines, paragraphs } from './rich.ts'
import type { OrderSeen } from './screen.ts'
import type { Draft } from './session.ts'
import type { Texts } from './texts/texts.ts'
import type { Keyboard, Rich, View } from './view.ts'

type Under<Status extends Order['status']> = Extract<Order, { status: Status }>

/** Where an order stands. For a released one: why, and that nothing was charged. */
export function progressView(seen: OrderSeen): View {
  const { order, texts } = seen
  switch (order.status) {
    case 'placed':
    case 'submitting':
      return progress(seen, paragraphs(texts.progress.sending, timeText(seen)))
    case 'uncertain':
      return progress(seen, paragraphs(uncertainText(seen, order), timeText(seen)))
    case 'generating':
      return progress(seen, paragraphs(texts.progress.stages[order.stage], timeText(seen)))
    case 'delivering':
      return progress(seen, deliveringText(seen, order))
    case 'completed':
      return progress(seen, [`${texts.progress.completed} · ${priceText(paidOf(order), texts)}`])
    case 'refunded':
      return progress(seen, [texts.progress.refunded(paidOf(order))])
    case 'released':
      return failure(seen, order)
    default:
      return unreachable(order, 'progressView')
  }
}

function progress(seen: OrderSeen, state: Rich): View {
  const { order, texts } = seen
  const rule = ruleText(seen)
  return {
    screen: 'progress',
    text: paragraphs(
      [{ bold: [titleOf(seen)] }],
      // Whoever asked for quiet gets one sentence that stays true to the end.
      order.quiet === true && isRunning(order) ? texts.progress.quiet : state,
      rule !== undefined && [{ italic: [rule] }],
    ),
    keyboard: progressButtons(seen),
  }
}

const titleOf = ({ order, offer }: OrderSeen): string => offer?.title ?? order.model

function timeText({ now, order, texts, durations }: OrderSeen): Rich {
  const elapsed = texts.progress.elapsed(texts.duration(Math.max(0, now - order.placedAt)))
  const usually =
    durations === undefined
      ? texts.progress.unmeasured
      : texts.progress.usually(texts.range(durations.p50Ms, durations.p90Ms))
  return lines(`⏱ ${elapsed}, ${usually}`, isLate(order, now, durations) && texts.progress.late)
}

function uncertainText({ now, offer, texts }: OrderSeen, order: Under<'uncertain'>): string {
  const deadlineMs = offer?.deadlines.uncertainMs ?? 15 * 60_000
  return texts.progress.uncertain(texts.duration(Math.max(60_000, order.since + deadlineMs - now)))
}

function deliveringText({ texts }: OrderSeen, order: Under<'delivering'>): Rich {
  const missing = missingIn(order)
  if (missing === 0) return [texts.progress.delivering]
  const sent = sentOf(order).length
  if (sent === 0) return [texts.progress.looking(order.price)]
  return lines(texts.result.arrived(sent, orderedOf(order)), texts.result.lookingFor(missing, order.price))
}

/** The artifacts that could not be fetched and are looked for while the price is held. */
const missingIn = (order: Produced): number =>
  order.artifacts.filter((each) => each.state === 'waiting' && each.refusedAt !== undefined).length

const isRunning = ({ status }: Order): boolean =>
  status === 'submitting' || status === 'uncertain' || status === 'generating' || status === 'delivering'

/** What cancelling would mean now. */
function ruleText({ order, texts }: OrderSeen): string | undefined {
  if (order.status === 'placed') return texts.progress.canCancel
  return isRunning(order) && order.status !== 'delivering' ? texts.progress.cannotCancel(order.price) : undefined
}

function progressButtons({ order, texts }: OrderSeen): Keyboard {
  if (order.status === 'placed') return [[{ label: texts.buttons.cancel, to: { at: 'cancel', order: order.id } }]]
  if (!isRunning(order) || order.status === 'delivering') return []
  return order.quiet === true
    ? [[homeButton(texts)]]
    : [[{ label: texts.buttons.hideProgress, to: { at: 'cancel', order: order.id } }]]
}

function failure(seen: OrderSeen, order: Under<'released'>): View {
  const { texts, offer } = seen
  const wasWanted = order.reason !== 'cancelled'
  return {
    screen: 'result_error',
    text: paragraphs(
      [{ bold: [`${wasWanted ? texts.failed.title : texts.failed.cancelledTitle} · ${titleOf(seen)}`] }],
      texts.failed.reasons[order.reason],
      texts.failed.notCharged(order.price),
      seen.debtPaid !== undefined && seen.debtPaid > 0 && texts.failed.debtPaid(seen.debtPaid),
      order.gift === 'delivering' &&
        (order.reason === 'undeliverable' ? texts.failed.giftLookedFor : texts.failed.giftComes),
      order.gift === 'delivered' && texts.failed.giftCame,
      [`${texts.code}: `, { code: order.cid }],
    ),
    keyboard: [
      ...(offer === undefined
        ? []
        : [
            [
              {
                label: wasWanted ? texts.buttons.retry : texts.buttons.again,
                to: { at: 'again' as const, order: order.id },
              },
            ],
            [{ label: texts.buttons.edit, to: { at: 'edit' as const, order: order.id } }],
          ]),
      [homeButton(texts)],
    ],
  }
}

/**
 * What follows the results of an order: what they are, how many have arrived, and what they cost; or that they are a
 * gift. At most 1,024 characters, so that it fits under a picture as well.
 */
export function receiptView(seen: OrderSeen): View {
  const { order, offer, texts } = seen
  const last = order.status === 'released' ? [texts.result.gift] : lines(...arrivedText(seen), moneyText(seen))
  const prompt = promptOf(offer, order.values)
  return {
    screen: 'result',
    text: paragraphs([{ bold: [titleOf(seen)] }], prompt !== undefined && [{ quote: [cut(prompt, 200)] }], last),
    keyboard: [
      ...(offer === undefined ? [] : repeatButtons(order.id, texts)),
      [{ label: texts.buttons.original, to: { at: 'original', order: order.id } }, homeButton(texts)],
    ],
  }
}

/** How many results have arrived, where that is not all that was ordered. */
function arrivedText({ order, texts }: OrderSeen): readonly string[] {
  if (!isProduced(order)) return []
  const [sent, ordered, missing] = [sentOf(order).length, orderedOf(order), missingIn(order)]
  return [
    ...(sent < ordered ? [texts.result.arrived(sent, ordered)] : []),
    ...(missing > 0 ? [texts.result.lookingFor(missing, order.price)] : []),
  ]
}

/** What it cost, and what is left; false while the price is held. */
function moneyText({ order, texts, balance, free }: OrderSeen): string | false {
  const { price } = order
  if (order.status === 'delivering') return false
  switch (price.unit) {
    case 'RUB': {
      const paid = ('paid' in order ? order.paid : undefined) ?? price.kopecks
      const back = kopecks(price.kopecks - paid)
      const left = balance === undefined ? [] : [texts.result.balance(balance)]
      return [back > 0 ? texts.result.paidShare(paid, back) : texts.result.paid(paid), ...left].join(', ')
    }
    case 'GEN': {
      const left = free === undefined ? [] : [texts.result.freeLeft(free.today + free.extra)]
      return [texts.result.free, ...left].join(', ')
    }
    default:
      return unreachable(price, 'moneyText')
  }
}

/** An update of this person could not be handled and was put aside; the code finds its story. */
export function troubleView(texts: Texts, cid: Cid): View {
  return {
    screen: 'trouble',
    text: paragraphs([{ bold: [texts.trouble.title] }], texts.trouble.text, [`${texts.code}: `, { code: cid }]),
    keyboard: [[homeButton(texts)]],
  }
}

/** A payment arrived. With a draft that waited for it, the way back to it. */
export function creditedView(texts: Texts, amount: Kopecks, balance: Kopecks, draft?: Draft): View {
  return {
    screen: 'balance',
    text: [texts.balance.credited(amount, balance)],
    keyboard: [
      draft === undefined
        ? [{ label: texts.buttons.models, to: { at: 'shelf', shelf: 'image', page: 0 }, tone: 'primary' }]
        : [{ label: texts.buttons.toOrder, to: { at: 'confirm', draft: draft.id }, tone: 'primary' }],
      [homeButton(texts)],
    ],
  }
}

/**
 * Stars were given back, and what they had bought was taken off the balance. `debt` is what the person owes now. `why` is
 * the operator's reason, when the refund was asked for by hand.
 */
export function starsTakenBackView(
  texts: Texts,
  back: { readonly stars: Stars; readonly balance: Kopecks; readonly debt: Kopecks; readonly why?: string },
): View {
  const { stars, balance, debt, why } = back
  return {
    screen: 'balance',
    text: paragraphs(
      texts.balance.starsTakenBack(stars, balance),
      debt > 0 && texts.balance.owed(debt),
      why !== undefined && texts.balance.reason(why),
    ),
    keyboard: [[homeButton(texts)]],
  }
}

/** The receipt of a refund by hand: what an order gave back to the balance, and why. */
export function orderRefundedView(
  texts: Texts,
  { back, balance, why }: { readonly back: Price; readonly balance: Kopecks; readonly why: string },
): View {
  return {
    screen: 'balance',
    text: paragraphs(texts.balance.orderRefunded(back, balance), texts.balance.reason(why)),
    keyboard: [[homeButton(texts)]],
  }
}

/** What stands on an invoice. */
export const invoiceTexts = (texts: Texts, amount: Kopecks) => ({
  title: texts.invoice.title,
  description: texts.invoice.description(amount),
  label: texts.invoice.label(amount),
})
