import { kopecks } from '../../../money/amount.ts'
import { homeButton } from '../../buttons.ts'
import { nextPlace } from '../../draft.ts'
import { lines, paragraphs } from '../../rich.ts'
import type { Screen, Seen } from '../../screen.ts'
import type { Keyboard, View } from '../../view.ts'

/** What can be spent: money, and free generations. */
export const balance: Screen = {
  needs: ['balance', 'free'],
  draw: (seen) => ({ view: drawBalance(seen) }),
}

function drawBalance(seen: Seen): View {
  const { texts, reads, shop } = seen
  return {
    screen: 'balance',
    text: paragraphs(
      [{ bold: [texts.balance.title] }],
      lines(
        texts.balance.amount(reads.balance ?? kopecks(0)),
        reads.free !== undefined &&
          (shop.freeDaily > 0 || reads.free.today > 0) &&
          texts.balance.freeToday(reads.free.today, shop.freeDaily),
        reads.free !== undefined && reads.free.extra > 0 && texts.balance.extra(reads.free.extra),
      ),
      texts.balance.explained,
    ),
    keyboard: [
      [{ label: texts.buttons.topUp, to: { at: 'top_up' }, tone: 'primary' }],
      ...toOrderButton(seen),
      [{ label: texts.buttons.history, to: { at: 'history', page: 0 } }, homeButton(texts)],
    ],
  }
}

/** Back to a draft that waits for money. */
export function toOrderButton({ session, catalog, texts }: Seen): Keyboard {
  const { draft } = session
  const offer = draft && catalog.get(draft.offer)
  if (draft === undefined || offer === undefined) return []
  const next = nextPlace(offer, draft)
  return next.at === 'confirm' ? [[{ label: texts.buttons.toOrder, to: next }]] : []
}
