import { kopecks } from '../../money/amount.ts'
import { freeLeft, isFreeOffer } from '../price-tags.ts'
import { cut, lines, paragraphs } from '../rich.ts'
import type { Screen, Seen } from '../screen.ts'
import type { Button, View } from '../view.ts'

/** Somebody who came within this time is greeted. */
const newcomerMs = 60_000

/** The menu. Its buttons are derived from the catalog: a category without offers has none. */
export const home: Screen = {
  needs: ['balance', 'free'],
  draw: (seen) => ({ view: drawHome(seen) }),
}

function drawHome(seen: Seen): View {
  const { texts, person, now, reads, shop, catalog } = seen
  const isNew = now - person.firstSeenAt < newcomerMs
  const head = isNew ? texts.home.hello(cut(person.firstName.trim(), 48)) : texts.home.title
  const free = reads.free
  const showsFree = free !== undefined && catalog.offers.some(isFreeOffer) && (shop.freeDaily > 0 || free.extra > 0)
  return {
    screen: 'main_menu',
    text: paragraphs(
      [{ bold: [head] }],
      isNew ? texts.home.whatItDoes : texts.home.invitation,
      lines(
        showsFree && texts.home.free(free, shop.freeDaily),
        reads.balance !== undefined && (!isNew || reads.balance > 0) && texts.home.balance(reads.balance),
      ),
    ),
    keyboard: [
      ...catalog.categories.map((category): readonly Button[] => [
        { label: texts.categories[category], to: { at: 'shelf', shelf: category, page: 0 }, tone: 'primary' },
      ]),
      ...(catalog.offers.some(isFreeOffer)
        ? [[{ label: texts.buttons.free(freeLeft(seen)), to: { at: 'shelf', shelf: 'free', page: 0 } }] as const]
        : []),
      [
        { label: texts.buttons.balance(reads.balance ?? kopecks(0)), to: { at: 'balance' } },
        { label: texts.buttons.history, to: { at: 'history', page: 0 } },
      ],
      [
        { label: texts.buttons.help, to: { at: 'help' } },
        { label: texts.buttons.referral, to: { at: 'referral' } },
      ],
      [{ label: texts.buttons.language, to: { at: 'language' } }],
    ],
  }
}
