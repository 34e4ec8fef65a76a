import type { Field, Offer } from '../../../../catalog/offer.ts'
import { completeValues } from '../../../../catalog/values.ts'
import { isNotice, takeFromElsewhere, withPrompt } from '../../../answers.ts'
import { homeButton } from '../../../buttons.ts'
import { draftOf, nextPlace } from '../../../draft.ts'
import { promptOf, valueText } from '../../../field-text.ts'
import { currentPrice, priceText } from '../../../price-tags.ts'
import { cut, paragraphs } from '../../../rich.ts'
import type { Input, Reaction, Screen, Seen } from '../../../screen.ts'
import type { Draft } from '../../../session.ts'
import { staleButton } from '../../../stale.ts'
import type { View } from '../../../view.ts'
import { home } from '../../home.ts'

/** The panel: every field with its current value, to be changed in any order. */
export const params: Screen = {
  needs: ['free'],
  draw(seen, place) {
    const found = place.at === 'params' ? draftOf(seen, place.draft) : undefined
    return found === undefined ? home.draw(seen, { at: 'home' }) : { view: drawPanel(seen, found.draft, found.offer) }
  },
  react(seen, place, input) {
    const found = place.at === 'params' ? draftOf(seen, place.draft) : undefined
    if (found === undefined) return input.kind === 'opened' ? staleButton(seen) : undefined
    return reactToAddition(found.draft, found.offer, input)
  },
}

/** A text or picture that comes while a whole draft is shown: it changes the draft. */
export function reactToAddition(draft: Draft, offer: Offer, input: Input): Reaction | undefined {
  if (input.kind === 'file') return takeFromElsewhere(draft, offer, input)
  if (input.kind !== 'text') return undefined
  const replaced = promptOf(offer, draft.values) !== undefined
  const prompted = withPrompt(draft, offer, input.text)
  if (prompted === undefined) return undefined
  if (isNotice(prompted)) return { notice: prompted }
  const go = nextPlace(offer, prompted)
  return { draft: prompted, go, ...(replaced ? { notice: { type: 'prompt_replaced' as const } } : {}) }
}

function drawPanel(seen: Seen, draft: Draft, offer: Offer): View {
  const { texts } = seen
  const next = nextPlace(offer, draft)
  const price = next.at === 'confirm' ? currentPrice(offer, draft.values, seen) : undefined
  const done = price === undefined ? texts.buttons.done : `${texts.buttons.done} · ${priceText(price, texts)}`
  const prompt = promptOf(offer, draft.values)
  return {
    screen: 'params',
    text: paragraphs(
      [{ bold: [`${offer.title} · ${texts.wizard.panelTitle}`] }],
      prompt !== undefined && [{ quote: [cut(prompt, 300)] }],
      texts.wizard.panelHint,
    ),
    keyboard: [
      ...offer.fields.map((field) => [
        {
          label: `${field.label[texts.language]}: ${currentValue(seen, draft, offer, field)}`,
          to: { at: 'ask' as const, draft: draft.id, field: field.name },
        },
      ]),
      [{ label: next.at === 'confirm' ? done : texts.buttons.carryOn, to: next, tone: 'primary' }],
      [
        { label: texts.buttons.back, to: { at: 'offer', offer: offer.id } },
        { label: texts.buttons.reset, to: { at: 'reset', draft: draft.id } },
      ],
      [homeButton(texts)],
    ],
  }
}

function currentValue({ texts }: Seen, draft: Draft, offer: Offer, field: Field): string {
  if (draft.taking?.field === field.name) return '⏳'
  return valueText(field, completeValues(offer, draft.values)[field.name], texts, 24)
}
