import type { Offer } from '../../../../catalog/offer.ts'
import { lowestPrice, priceOf } from '../../../../catalog/quote.ts'
import { isNotice, takeFromElsewhere, withPrompt } from '../../../answers.ts'
import { homeButton } from '../../../buttons.ts'
import { draftFor, hasSettings, imagesField, nextPlace, promptField } from '../../../draft.ts'
import { takeKeptPhotos } from '../../../kept-photos.ts'
import { freeLeft, isFreeOffer, priceFrom } from '../../../price-tags.ts'
import { cut, lines, paragraphs } from '../../../rich.ts'
import type { Input, Reaction, Screen, Seen } from '../../../screen.ts'
import type { Draft } from '../../../session.ts'
import { inSentence } from '../../../texts/format.ts'
import type { Button, Rich, View } from '../../../view.ts'
import { home } from '../../home.ts'
import { shelfOf } from '../shelf.ts'

/**
 * One offer: what it does, what it needs, what it costs. It is also the first step of the wizard: a text that comes
 * while it is shown is the prompt, a photo is the first picture, also one that was sent before the model was chosen.
 */
export const card: Screen = {
  needs: ['free', 'balance', 'durations'],
  draw(seen, place) {
    const offer = place.at === 'offer' ? seen.catalog.get(place.offer) : undefined
    if (offer === undefined) return home.draw(seen, { at: 'home' })
    const draft = draftFor(seen, offer)
    return { view: drawCard(seen, offer, draft), draft }
  },
  react(seen, place, input) {
    const offer = place.at === 'offer' ? seen.catalog.get(place.offer) : undefined
    if (offer !== undefined) return reactOnCard(seen, offer, input)
    return input.kind === 'opened'
      ? { go: { at: 'home' }, notice: { type: 'refused', refusal: { code: 'offer_withdrawn' } } }
      : undefined
  },
}

function reactOnCard(seen: Seen, offer: Offer, input: Input): Reaction | undefined {
  if (input.kind === 'opened') return takeKeptPhotos(seen, offer)
  const draft = draftFor(seen, offer)
  if (input.kind === 'file') return takeFromElsewhere(draft, offer, input)
  if (input.kind !== 'text') return undefined
  const prompted = withPrompt(draft, offer, input.text)
  if (prompted === undefined) return undefined
  if (isNotice(prompted)) return { notice: prompted }
  const go = nextPlace(offer, prompted)
  return { draft: prompted, go, ...(go.at === 'ask' ? { notice: { type: 'prompt_kept' as const } } : {}) }
}

function drawCard(seen: Seen, offer: Offer, draft: Draft): View {
  const { texts } = seen
  const begun = Object.keys(draft.values).length > 0 || draft.taking !== undefined
  return {
    screen: 'model_card',
    text: paragraphs(
      lines([{ bold: [offer.title] }, ` · ${offer.maker}`], offer.about[texts.language]),
      needsText(seen, offer),
      priceLines(seen, offer),
      exampleText(seen, offer),
      begun && texts.card.filled,
      [{ bold: [invitation(seen, offer)] }],
    ),
    keyboard: [
      [{ label: begun ? texts.buttons.carryOn : texts.buttons.start, to: nextPlace(offer, draft), tone: 'primary' }],
      ...settingsRow(seen, offer, draft, begun),
      [{ label: texts.buttons.back, to: shelfOf(offer, seen) }, homeButton(texts)],
    ],
  }
}

function settingsRow({ texts }: Seen, offer: Offer, draft: Draft, begun: boolean): readonly (readonly Button[])[] {
  const row: Button[] = []
  if (hasSettings(offer)) row.push({ label: texts.buttons.settings, to: { at: 'params', draft: draft.id } })
  if (begun) row.push({ label: texts.buttons.reset, to: { at: 'reset', draft: draft.id } })
  return row.length === 0 ? [] : [row]
}

function needsText({ texts }: Seen, offer: Offer): Rich {
  const prompt = promptField(offer)
  const asked = offer.fields.flatMap((field) =>
    field.type === 'images' && field.required ? [texts.card.somePictures(field.min, field.max)] : [],
  )
  const needed = [...asked, ...(prompt === undefined ? [] : [texts.card.aPrompt(prompt.maxLength)])]
  const settings = offer.fields.filter((field) => field !== prompt && !(field.type === 'images' && field.required))
  return lines(
    needed.length > 0 && `${texts.card.needs} ${needed.join('; ')}`,
    settings.length > 0 &&
      `${texts.card.canBeSet} ${settings.map((field) => inSentence(field.label[texts.language])).join(', ')}`,
  )
}

function priceLines(seen: Seen, offer: Offer): Rich {
  const { texts, pricing, reads } = seen
  const lowest = lowestPrice(offer, pricing)
  const usual = priceOf(offer, {}, pricing)
  const left = freeLeft(seen)
  const freeNow = usual.kind === 'priced' && usual.free
  return lines(
    lowest !== undefined && texts.card.price(priceFrom(offer, lowest.kopecks, seen)),
    isFreeOffer(offer) && (left === 0 ? texts.card.freeUsedUp : freeNow ? texts.card.free(left) : texts.card.someFree),
    reads.durations !== undefined && texts.card.usually(texts.range(reads.durations.p50Ms, reads.durations.p90Ms)),
  )
}

function exampleText({ texts }: Seen, offer: Offer): Rich {
  const example = offer.example[texts.language]
  return promptField(offer) === undefined || example === ''
    ? []
    : [`${texts.card.example}\n`, { code: cut(example, 500) }]
}

function invitation({ texts }: Seen, offer: Offer): string {
  if (imagesField(offer)?.required === true) return texts.card.sendPhotoNow
  return promptField(offer) === undefined ? texts.card.pressStart : texts.card.writeNow
}
