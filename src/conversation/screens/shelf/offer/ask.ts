import type { Field, ImagesField, Offer } from '../../../../catalog/offer.ts'
import { completeValues, initialOf, missingField } from '../../../../catalog/values.ts'
import { unreachable } from '../../../../kit/unreachable.ts'
import { isNotice, readTyped, takeCaptioned, takeFile, takeFromElsewhere, withPrompt } from '../../../answers.ts'
import { homeButton } from '../../../buttons.ts'
import { bytesMaxOf, filesOf, nextPlace, placeAfter, placeBefore, withValue } from '../../../draft.ts'
import { valueText } from '../../../field-text.ts'
import { lines, paragraphs } from '../../../rich.ts'
import type { Input, Reaction, Screen, Seen } from '../../../screen.ts'
import type { Draft } from '../../../session.ts'
import { staleButton } from '../../../stale.ts'
import type { Button, Keyboard, Rich, View } from '../../../view.ts'
import { home } from '../../home.ts'
import { type Asked, askedOf } from './asked.ts'
import { choices } from './choices.ts'

/** One question of the wizard. Typed text, a sent picture or a button of the question answers it. */
export const ask: Screen = {
  needs: ['free'],
  draw(seen, place) {
    const asked = place.at === 'ask' ? askedOf(seen, place.draft, place.field) : undefined
    return asked === undefined ? home.draw(seen, { at: 'home' }) : { view: drawAsk(seen, asked) }
  },
  react(seen, place, input) {
    const asked = place.at === 'ask' ? askedOf(seen, place.draft, place.field) : undefined
    if (asked === undefined) return input.kind === 'opened' ? staleButton(seen) : undefined
    return answer(asked, input)
  },
}

function answer({ draft, offer, field }: Asked, input: Input): Reaction | undefined {
  if (input.kind === 'file') {
    if (field.type === 'images') return answerWithFile(draft, offer, field, input)
    return takeFromElsewhere(draft, offer, input)
  }
  if (input.kind !== 'text') return undefined
  if (field.type === 'images') return promptInsteadOfPictures({ draft, offer, field }, input.text)
  const read = readTyped(field, input.text)
  if ('value' in read) return to(draft, withValue(draft, field, read.value), offer, field)
  return { notice: read.notice }
}

const to = (before: Draft, after: Draft, offer: Offer, field: Field): Reaction => ({
  draft: after,
  go: placeAfter(offer, before, after, field),
})

function answerWithFile(
  draft: Draft,
  offer: Offer,
  field: ImagesField,
  input: Extract<Input, { kind: 'file' }>,
): Reaction {
  const isFollower = input.group !== undefined && draft.album === input.group
  const taken =
    field === offer.fields.find(({ type }) => type === 'images')
      ? takeCaptioned(draft, offer, input)
      : takeFile(draft, field, input)
  // An album comes as several updates; one drawing speaks for all of them, unless there is something to be said.
  const isSilent = isFollower && taken.command !== undefined && taken.notice === undefined
  return isSilent ? { ...taken, still: true } : taken
}

/** People write the wish before the picture. It is kept, and the wizard goes on from what is still missing. */
function promptInsteadOfPictures({ draft, offer, field }: Asked, text: string): Reaction {
  const prompted = withPrompt(draft, offer, text)
  if (prompted === undefined) return { notice: { type: 'unexpected_text' } }
  if (isNotice(prompted)) return { notice: prompted }
  const next = nextPlace(offer, prompted)
  const stays = next.at === 'ask' && next.field === field.name
  return stays ? { draft: prompted, notice: { type: 'prompt_kept' } } : { draft: prompted, go: next }
}

function drawAsk(seen: Seen, asked: Asked): View {
  const { draft, offer, field } = asked
  const { texts } = seen
  return {
    screen: 'params',
    text: paragraphs(
      [{ bold: [offer.title] }],
      question(seen, asked),
      lines(currentText(seen, asked), !field.required && texts.wizard.optional),
    ),
    keyboard: [
      ...choices(seen, asked),
      ...(field.type === 'images' ? pictureButtons(seen, asked, field) : []),
      ...passButtons(seen, asked),
      [
        { label: texts.buttons.back, to: placeBefore(offer, draft, field) },
        { label: texts.buttons.reset, to: { at: 'reset', draft: draft.id } },
      ],
      [homeButton(texts)],
    ],
  }
}

function question({ texts }: Seen, { field }: Asked): Rich {
  const label = field.label[texts.language]
  switch (field.type) {
    case 'text':
      return [
        field.role === 'prompt'
          ? texts.wizard.askPrompt(field.maxLength)
          : texts.wizard.askText(label, field.maxLength),
      ]
    case 'choice':
    case 'switch':
      return [texts.wizard.askChoice(label)]
    case 'number':
      return [texts.wizard.askNumber(label, field.min, field.max, field.step)]
    case 'images':
      return [texts.wizard.askPictures(label, field.min, field.max, bytesMaxOf(field))]
    default:
      return unreachable(field, 'question')
  }
}

function currentText({ texts }: Seen, { draft, offer, field }: Asked): string | undefined {
  if (field.type === 'images') {
    const waiting = draft.taking?.field === field.name ? draft.taking.files.length : 0
    if (waiting > 0) return texts.wizard.checking(waiting)
    const count = filesOf(draft.values, field).length
    return count > 0 ? texts.wizard.picturesSoFar(count, field.max) : undefined
  }
  const value = completeValues(offer, draft.values)[field.name]
  return value === undefined ? undefined : texts.wizard.now(valueText(field, value, texts, 300))
}

function pictureButtons({ texts }: Seen, { draft }: Asked, field: ImagesField): Keyboard {
  const count = filesOf(draft.values, field).length
  const rows: Button[][] = []
  if (count > 0 && count >= field.min) {
    rows.push([
      { label: texts.buttons.enough, to: { at: 'enough', draft: draft.id, field: field.name }, tone: 'primary' },
    ])
  }
  if (count > 0 || draft.taking?.field === field.name) {
    rows.push([
      { label: texts.buttons.removePictures, to: { at: 'set', draft: draft.id, field: field.name, value: noPictures } },
    ])
  }
  return rows
}
/** The value of the button that removes all pictures. */
export const noPictures = 'none'

/** What need not be answered can be skipped; what is answered already can stay. */
function passButtons({ texts }: Seen, { draft, offer, field }: Asked): Keyboard {
  const isAnswered = draft.values[field.name] !== undefined
  if (field.type === 'text' && isAnswered) {
    const keep: Button = { label: texts.buttons.keep, to: placeKept(offer, draft) }
    const skip: Button = { label: texts.buttons.skip, to: { at: 'skip', draft: draft.id, field: field.name } }
    return [field.required ? [keep] : [keep, skip]]
  }
  const canSkip = !field.required || initialOf(field) !== undefined
  return canSkip ? [[{ label: texts.buttons.skip, to: { at: 'skip', draft: draft.id, field: field.name } }]] : []
}

const placeKept = (offer: Offer, draft: Draft) =>
  missingField(offer, draft.values) === undefined
    ? ({ at: 'params', draft: draft.id } as const)
    : nextPlace(offer, draft)
