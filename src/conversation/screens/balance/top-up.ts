import { type Kopecks, kopecks } from '../../../money/amount.ts'
import { isWithin, starsFor, type TopUpRange, topUpRange } from '../../../money/top-up.ts'
import type { Address } from '../../address.ts'
import { homeButton, inRows } from '../../buttons.ts'
import { paragraphs } from '../../rich.ts'
import type { Reaction, Screen, Seen } from '../../screen.ts'
import type { View } from '../../view.ts'
import { toOrderButton } from './balance.ts'

/** The amounts on buttons. */
const amounts: readonly Kopecks[] = [50_00, 100_00, 300_00, 500_00, 1000_00].map(kopecks)

/** Chooses how much to put on the balance; the invoice comes as its own message. */
export const topUp: Screen = {
  needs: ['balance'],
  draw: (seen) => ({ view: drawTopUp(seen) }),
  react({ shop }, _place, input) {
    if (input.kind !== 'text') return undefined
    const range = topUpRange(shop.starsPerRub)
    const amount = parseRoubles(input.text, range)
    // The invoice that follows is the answer.
    return amount === undefined
      ? { notice: { type: 'amount_out_of_range', ...range } }
      : { command: { type: 'open_top_up', amount }, still: true }
  },
}

/** A button with an amount, here or on the confirm screen. */
export function topUpBy({ texts, shop }: Seen, place: Address): Reaction {
  if (place.at !== 'top_up_amount') return { go: { at: 'top_up' } }
  const { amount } = place
  const range = topUpRange(shop.starsPerRub)
  return isWithin(range, amount)
    ? { command: { type: 'open_top_up', amount }, toast: texts.toasts.invoice, still: true }
    : { go: { at: 'top_up' }, notice: { type: 'amount_out_of_range', ...range } }
}

function drawTopUp(seen: Seen): View {
  const { texts, shop, reads } = seen
  const range = topUpRange(shop.starsPerRub)
  return {
    screen: 'top_up',
    text: paragraphs(
      [{ bold: [texts.topUp.title] }],
      reads.balance !== undefined && texts.home.balance(reads.balance),
      texts.topUp.explained,
      texts.topUp.typed(range.min, range.max),
    ),
    keyboard: [
      ...inRows(
        amounts
          .filter((amount) => isWithin(range, amount))
          .map((amount) => ({
            label: texts.buttons.topUpAmount(amount, starsFor(amount, shop.starsPerRub)),
            to: { at: 'top_up_amount', amount },
          })),
        2,
      ),
      ...toOrderButton(seen),
      [{ label: texts.buttons.back, to: { at: 'balance' } }, homeButton(texts)],
    ],
  }
}

/** `250`, `1 000`, `99,50 ₽`: roubles as people type them; undefined when it is no amount that can be topped up. */
function parseRoubles(text: string, range: TopUpRange): Kopecks | undefined {
  const typed = text
    .replace(/\s/g, '')
    .replace(/(?:₽|руб\.?|р\.?|rub)$/i, '')
    .replace(',', '.')
  if (!/^\d{1,6}(?:\.\d{1,2})?$/.test(typed)) return undefined
  const [roubles = '', fraction = ''] = typed.split('.')
  const amount = Number(roubles) * 100 + Number(fraction.padEnd(2, '0'))
  return isWithin(range, amount) ? kopecks(amount) : undefined
}
