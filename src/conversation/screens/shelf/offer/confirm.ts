import type { Offer } from '../../../../catalog/offer.ts'
import { priceOf, type Quote, quoteMs } from '../../../../catalog/quote.ts'
import { validateInput } from '../../../../catalog/validate-input.ts'
import { missingField } from '../../../../catalog/values.ts'
import { after } from '../../../../kit/clock.ts'
import { type Kopecks, kopecks, type Price } from '../../../../money/amount.ts'
import { isWithin, type TopUpRange, topUpRange } from '../../../../money/top-up.ts'
import { homeButton } from '../../../buttons.ts'
import { draftOf, nextPlace } from '../../../draft.ts'
import { promptOf, settingsText } from '../../../field-text.ts'
import { noticeText } from '../../../notices.ts'
import { notMadeNow } from '../../../on-sale.ts'
import { currentPrice, freeLeft, isHeld, priceText } from '../../../price-tags.ts'
import { cut, lines, paragraphs } from '../../../rich.ts'
import type { Screen, Seen } from '../../../screen.ts'
import type { Draft } from '../../../session.ts'
import { staleButton } from '../../../stale.ts'
import type { Keyboard, Rich, View } from '../../../view.ts'
import { home } from '../../home.ts'
import { ask } from './ask.ts'
import { reactToAddition } from './params.ts'

/**
 * All inputs and the exact price. Drawing it makes the quote that its button promises; drawing it again with the same
 * answers keeps that quote, so that a double tap hits the same one.
 */
export const confirm: Screen = {
  needs: ['balance', 'free', 'durations'],
  draw(seen, place) {
    const found = place.at === 'confirm' ? draftOf(seen, place.draft) : undefined
    if (found === undefined) return home.draw(seen, { at: 'home' })
    const { draft, offer } = found
    const open = nextPlace(offer, draft)
    if (open.at === 'ask') return ask.draw(seen, open)
    const quote = quoteFor(seen, draft, offer)
    if (quote === undefined) return { view: drawNotSellable(seen, draft, offer) }
    return { view: drawConfirm(seen, draft, offer, quote), draft: { ...draft, quote } }
  },
  react(seen, place, input) {
    const found = place.at === 'confirm' ? draftOf(seen, place.draft) : undefined
    if (found === undefined) return input.kind === 'opened' ? staleButton(seen) : undefined
    const { draft, offer } = found
    // A question may have opened since the button was made: an answer was removed, or a picture is still checked.
    if (input.kind === 'opened' && (draft.taking !== undefined || missingField(offer, draft.values) !== undefined)) {
      return { go: nextPlace(offer, draft) }
    }
    return reactToAddition(draft, offer, input)
  },
}

/** The quote that holds, or a fresh one; undefined when these inputs are not sellable. */
function quoteFor(seen: Seen, draft: Draft, offer: Offer): Quote | undefined {
  // A draft may be older than the data it was written against.
  const isTaken = validateInput(offer, draft.values).length === 0
  const price = isTaken ? currentPrice(offer, draft.values, seen) : undefined
  if (price === undefined) return undefined
  const held = draft.quote
  // A promised price stays promised; only a turn between free and paid needs a new promise.
  if (held !== undefined && held.price.unit === price.unit && isHeld(held, draft, seen.now)) return held
  return {
    id: seen.fresh.quote,
    offer: offer.id,
    values: draft.values,
    price,
    expiresAt: after(seen.now, quoteMs),
  }
}

function drawConfirm(seen: Seen, draft: Draft, offer: Offer, quote: Quote): View {
  const { texts } = seen
  const notNow = notMadeNow(seen.shop, offer, quote.values)
  return {
    screen: 'confirm',
    text: paragraphs(
      [{ bold: [texts.confirm.title] }],
      inputsText(seen, draft, offer),
      lines(turnedPaid(seen, draft, offer, quote), ...moneyLines(seen, quote.price)),
      lines(
        seen.reads.durations !== undefined &&
          texts.card.usually(texts.range(seen.reads.durations.p50Ms, seen.reads.durations.p90Ms)),
        [{ italic: [texts.confirm.ifItFails(quote.price)] }],
      ),
      notNow !== undefined && `⏸ ${noticeText({ type: 'refused', refusal: notNow }, texts)}`,
    ),
    keyboard: [
      ...payButtons(seen, quote),
      [
        { label: texts.buttons.change, to: { at: 'params', draft: draft.id } },
        { label: texts.buttons.back, to: { at: 'offer', offer: offer.id } },
      ],
      [homeButton(texts)],
    ],
  }
}

function drawNotSellable(seen: Seen, draft: Draft, offer: Offer): View {
  const { texts } = seen
  return {
    screen: 'confirm',
    text: paragraphs([{ bold: [texts.confirm.title] }], inputsText(seen, draft, offer), texts.confirm.notSellable),
    keyboard: [
      [{ label: texts.buttons.change, to: { at: 'params', draft: draft.id }, tone: 'primary' }],
      [{ label: texts.buttons.back, to: { at: 'offer', offer: offer.id } }, homeButton(texts)],
    ],
  }
}

function inputsText({ texts }: Seen, draft: Draft, offer: Offer): Rich {
  const prompt = promptOf(offer, draft.values)
  return lines(
    [{ bold: [offer.title] }, ` · ${offer.maker}`],
    prompt !== undefined && `${texts.confirm.prompt}:`,
    prompt !== undefined && [{ quote: [cut(prompt, 300)] }],
    ...settingsText(offer, draft.values, texts),
  )
}

/** Said where the person could expect it to be free. */
function turnedPaid({ texts, pricing }: Seen, draft: Draft, offer: Offer, quote: Quote): string | undefined {
  if (quote.price.unit === 'GEN') return undefined
  const answer = priceOf(offer, draft.values, pricing)
  return answer.kind === 'priced' && answer.free ? texts.confirm.nowPaid : undefined
}

function moneyLines(seen: Seen, price: Price): readonly Rich[] {
  const { texts } = seen
  if (price.unit === 'GEN') return [[{ bold: [texts.confirm.isFree(freeLeft(seen) - 1)] }]]
  const balance = seen.reads.balance ?? kopecks(0)
  const missing = missingMoney(seen, price.kopecks)
  return [
    [{ bold: [texts.confirm.price(priceText(price, texts))] }],
    [
      missing > 0
        ? texts.confirm.missing(balance, missing)
        : texts.confirm.balance(balance, kopecks(balance - price.kopecks)),
    ],
  ]
}

const missingMoney = (seen: Seen, price: Kopecks): Kopecks => kopecks(Math.max(0, price - (seen.reads.balance ?? 0)))

/** «Запустить», or how to get the money that is missing for it. */
function payButtons(seen: Seen, quote: Quote): Keyboard {
  const { texts, shop } = seen
  const { price } = quote
  const run = { at: 'run' as const, quote: quote.id }
  if (price.unit === 'GEN') return [[{ label: texts.buttons.runFree, to: run, tone: 'primary' }]]
  const missing = missingMoney(seen, price.kopecks)
  if (missing === 0) return [[{ label: texts.buttons.run(priceText(price, texts)), to: run, tone: 'primary' }]]
  const amount = amountCovering(missing, topUpRange(shop.starsPerRub))
  return [
    ...(amount === undefined
      ? []
      : [
          [
            {
              label: texts.buttons.topUpBy(amount),
              to: { at: 'top_up_amount' as const, amount },
              tone: 'primary' as const,
            },
          ],
        ]),
    [{ label: amount === undefined ? texts.buttons.topUp : texts.buttons.otherAmount, to: { at: 'top_up' } }],
  ]
}

/** The smallest round amount that covers what is missing; undefined when no single top-up can. */
function amountCovering(missing: Kopecks, range: TopUpRange): Kopecks | undefined {
  const wholeTens = Math.ceil(missing / 10_00) * 10_00
  const amount = Math.max(range.min, wholeTens)
  return isWithin(range, amount) ? kopecks(amount) : undefined
}
