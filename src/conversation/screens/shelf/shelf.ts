import type { Offer, OfferKind } from '../../../catalog/offer.ts'
import type { Address, Shelf } from '../../address.ts'
import { homeButton, pager } from '../../buttons.ts'
import { freeLeft, isFreeOffer, priceTag } from '../../price-tags.ts'
import { lines, paragraphs } from '../../rich.ts'
import type { Screen, Seen } from '../../screen.ts'
import type { Button, Keyboard, View } from '../../view.ts'

/** Offers on one page. */
const shelfPageSize = 8

/** The offers of a category, of a kind, or those that can be had free: a button each, with its price. */
export const shelf: Screen = {
  needs: ['free'],
  draw: (seen, place) =>
    place.at === 'shelf' ? { view: drawShelf(seen, place) } : { view: drawShelf(seen, { shelf: 'image', page: 0 }) },
}

/** The page of its category's shelf on which an offer stands. */
export function shelfOf(offer: Offer, { catalog }: Seen): Address {
  const index = catalog.offers.filter(({ category }) => category === offer.category).indexOf(offer)
  return { at: 'shelf', shelf: offer.category, page: Math.max(0, Math.floor(index / shelfPageSize)) }
}

function drawShelf(seen: Seen, place: { readonly shelf: Shelf; readonly page: number }): View {
  const { texts, catalog } = seen
  const offers = catalog.offers.filter((offer) => standsOn(place.shelf, offer))
  const pages = Math.max(1, Math.ceil(offers.length / shelfPageSize))
  const page = Math.min(place.page, pages - 1)
  const shown = offers.slice(page * shelfPageSize, (page + 1) * shelfPageSize)
  return {
    screen: isCategory(place.shelf) ? 'category' : 'model_selection',
    text: paragraphs(
      [{ bold: [titleOf(place.shelf, seen)] }],
      offers.length === 0
        ? texts.shelf.empty
        : lines(
            texts.shelf.tags,
            offers.some(isFreeOffer) &&
              (freeLeft(seen) > 0 ? texts.shelf.freeLeft(freeLeft(seen)) : texts.shelf.noFreeLeft),
          ),
    ),
    keyboard: [
      ...filters(place.shelf, seen),
      ...shown.flatMap((offer) => {
        const label = priceTag(offer, seen)
        return label === undefined ? [] : [[{ label, to: { at: 'offer', offer: offer.id } } satisfies Button]]
      }),
      ...pager(page, pages, (to) => ({ at: 'shelf', shelf: place.shelf, page: to })),
      [homeButton(texts)],
    ],
  }
}

function standsOn(on: Shelf, offer: Offer): boolean {
  return on === 'free' ? isFreeOffer(offer) : offer.category === on || offer.kind === on
}

const isCategory = (on: Shelf): on is Offer['category'] => on === 'image' || on === 'video' || on === 'audio'

function titleOf(on: Shelf, { texts }: Seen): string {
  if (on === 'free') return texts.shelf.free
  return isCategory(on) ? texts.categories[on] : texts.kinds[on]
}

const kinds: readonly OfferKind[] = ['text-to-image', 'image-to-image']

/**
 * The kinds within a category, so that the wanted one is found on a long shelf. The shelf one stands on has no button:
 * its name is above, and two buttons are all that a phone shows unshortened in a row.
 */
function filters(on: Shelf, { texts, catalog }: Seen): Keyboard {
  if (on === 'free' || on === 'video' || on === 'audio') return []
  const present = kinds.filter((kind) => catalog.offers.some((offer) => offer.kind === kind))
  if (present.length < 2) return []
  const ways: readonly (readonly [Shelf, string])[] = [
    ['image', texts.buttons.all],
    ...present.map((kind) => [kind, texts.kinds[kind]] as const),
  ]
  return [
    ways.filter(([to]) => to !== on).map(([to, label]): Button => ({ label, to: { at: 'shelf', shelf: to, page: 0 } })),
  ]
}
