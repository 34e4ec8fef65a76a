import { type Kopecks, kopecks } from '../../../money/amount.ts'
import { starsFor, topUpKopecksMax, topUpKopecksMin } from '../../../money/top-up.ts'
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
  react(_seen, _place, input) {
    if (input.kind !== 'text') return undefined
    const amount = parseRoubles(input.text)
    // The invoice that follows is the answer.
    return amount === undefined
      ? { notice: { type: 'amount_out_of_range' } }
      : { command: { type: 'open_top_up', amount }, still: true }
  },
}

/** A button with an amount, here or on the confirm screen. */
export function topUpBy({ texts }: Seen, place: Address): Reaction {
  if (place.at !== 'top_up_amount') return { go: { at: 'top_up' } }
  const { amount } = place
  return amount < topUpKopecksMin || amount > topUpKopecksMax
    ? { go: { at: 'top_up' }, notice: { type: 'amount_out_of_range' } }
    : { command: { type: 'open_top_up', amount }, toast: texts.toasts.invoice, still: true }
}

function drawTopUp(seen: Seen): View {
  const { texts, shop, reads } = seen
  return {
    screen: 'top_up',
    text: paragraphs(
      [{ bold: [texts.topUp.title] }],
      reads.balance !== undefined && texts.home.balance(reads.balance),
      texts.topUp.explained,
      texts.topUp.typed(topUpKopecksMin, topUpKopecksMax),
    ),
    keyboard: [
      ...inRows(
        amounts.map((amount) => ({
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
function parseRoubles(text: string): Kopecks | undefined {
  const typed = text
    .replace(/\s/g, '')
    .replace(/(?:₽|руб\.?|р\.?|rub)$/i, '')
    .replace(',', '.')
  if (!/^\d{1,6}(?:\.\d{1,2})?$/.test(typed)) return undefined
  const [roubles = '', fraction = ''] = typed.split('.')
  const amount = Number(roubles) * 100 + Number(fraction.padEnd(2, '0'))
  return amount < topUpKopecksMin || amount > topUpKopecksMax ? undefined : kopecks(amount)
}
