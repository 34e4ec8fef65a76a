/** What a person typed, pressed or sent, read as the answer to a field. Pure; a wrong answer becomes a notice. */
import type {
  ChoiceField,
  Field,
  ImagesField,
  NumberField,
  Offer,
  TakenFile,
  TextField,
  Value,
} from '../catalog/offer.ts'
import { checkField, type InputProblem, pixelsOf } from '../catalog/validate-input.ts'
import { unreachable } from '../kit/unreachable.ts'
import { bytesMaxOf, filesOf, imagesField, nextPlace, promptField, withValue } from './draft.ts'
import type { Input, Reaction } from './screen.ts'
import type { Draft, Notice } from './session.ts'

export type Answer = { readonly value: Value } | { readonly notice: Notice }

/**
 * Something that can be seen: neither white space, nor controls, nor marks without width, nor what is drawn empty (the
 * Braille cell without dots, the musical null note).
 */
const shows = /[^\s\p{Cc}\p{Default_Ignorable_Code_Point}\ufff9-\ufffb\u2800\u{1d159}]/u

/** Reads a typed text as the answer to a field. */
export function readTyped(field: Field, typed: string): Answer {
  const text = typed.trim()
  switch (field.type) {
    case 'text':
      return shows.test(text)
        ? readText(field, text)
        : { notice: { type: 'too_short', min: Math.max(1, field.minLength) } }
    case 'choice':
      return readChoice(field, text)
    case 'switch':
      return readSwitch(text)
    case 'number':
      return readNumber(field, text)
    case 'images':
      return { notice: { type: 'unexpected_text' } }
    default:
      return unreachable(field, 'readTyped')
  }
}

/** Reads the value of a button. Undefined when the field has no such value (any more). */
export function readPressed(field: Field, pressed: string): Value | undefined {
  const value = pressedValue(field, pressed)
  return value === undefined || checkField(field, value).length > 0 ? undefined : value
}

function pressedValue(field: Field, pressed: string): Value | undefined {
  switch (field.type) {
    case 'choice':
      return pressed
    case 'switch':
      return pressed === 'true' ? true : pressed === 'false' ? false : undefined
    case 'number':
      return parseNumber(pressed)
    case 'text':
    case 'images':
      return undefined
    default:
      return unreachable(field, 'pressedValue')
  }
}

function readText(field: TextField, text: string): Answer {
  const notice = checkField(field, text).map(noticeOf)[0]
  return notice === undefined ? { value: text } : { notice }
}

function readChoice(field: ChoiceField, text: string): Answer {
  const typed = text.toLowerCase()
  const option = field.options.find(({ value, label }) =>
    [value, label.ru, label.en].some((name) => name.toLowerCase() === typed),
  )
  return option === undefined ? { notice: { type: 'choose_a_button' } } : { value: option.value }
}

function readSwitch(text: string): Answer {
  const typed = text.toLowerCase()
  if (['да', 'yes', '+'].includes(typed)) return { value: true }
  if (['нет', 'no', '-'].includes(typed)) return { value: false }
  return { notice: { type: 'choose_a_button' } }
}

function readNumber(field: NumberField, text: string): Answer {
  const { min, max, step } = field
  const n = parseNumber(text.replace(',', '.'))
  return n === undefined || checkField(field, n).length > 0
    ? { notice: { type: 'not_a_number', min, max, step } }
    : { value: n }
}

const parseNumber = (text: string): number | undefined =>
  /^-?\d{1,12}(\.\d{1,6})?$/.test(text) ? Number(text) : undefined

/** The file joins the draft's pictures once its bytes were checked; until then it only counts as being taken. */
export function takeFile(draft: Draft, field: ImagesField, { file, group }: SentFile): Taken {
  const taken = filesOf(draft.values, field).map((each) => each.uniqueId)
  const taking = draft.taking?.field === field.name ? draft.taking.files : []
  // The same picture twice is one picture; Telegram gives a forwarded or repeated one the same id.
  if (taken.includes(file.uniqueId) || taking.includes(file.uniqueId)) return {}
  // A single picture is replaced by a new one; a list grows until it is full.
  const count = taking.length + (field.max === 1 ? 0 : taken.length)
  if (count >= field.max) return { notice: { type: 'too_many_pictures', max: field.max } }
  const problem = problemOfFile(field, file)
  if (problem !== undefined) return { notice: problem }
  const { album: _album, ...rest } = draft
  return {
    draft: {
      ...rest,
      taking: { field: field.name, files: [...taking, file.uniqueId] },
      ...(group === undefined ? {} : { album: group }),
    },
    command: { type: 'take_files', files: [file], ...(group === undefined ? {} : { isAlbum: true }) },
  }
}

/** Why a checked picture is not for this field; undefined when it is. */
export function problemOfFile(field: ImagesField, file: TakenFile): Notice | undefined {
  const maxBytes = bytesMaxOf(field)
  if (file.bytes > maxBytes) return { type: 'file_too_big', maxBytes }
  const { maxPixels } = field
  return maxPixels !== undefined && pixelsOf(file) > maxPixels ? { type: 'too_many_pixels', maxPixels } : undefined
}

/** The draft after a file of it was checked; `undefined` when it was not waiting for this file. */
export function fileChecked(draft: Draft, offer: Offer, file: TakenFile, isTaken: boolean): Draft | undefined {
  const { taking, ...rest } = draft
  const field = offer.fields.find((each): each is ImagesField => each.type === 'images' && each.name === taking?.field)
  if (field === undefined || !taking?.files.includes(file.uniqueId)) return undefined
  const waiting = taking.files.filter((id) => id !== file.uniqueId)
  const before = field.max === 1 ? [] : filesOf(draft.values, field)
  const next = isTaken ? withValue(rest, field, inOrderOfMessages([...before, file])) : rest
  return waiting.length === 0 ? next : { ...next, taking: { field: field.name, files: waiting } }
}

/** Whichever check ended first: a picture that had to be fetched again is not the last one for that. */
export const inOrderOfMessages = (files: readonly TakenFile[]): readonly TakenFile[] =>
  files.toSorted((a, b) => (a.message ?? 0) - (b.message ?? 0))

/** The draft with this text as its prompt, or why it cannot be; undefined when the model takes no prompt. */
export function withPrompt(draft: Draft, offer: Offer, typed: string): Draft | Notice | undefined {
  const field = promptField(offer)
  if (field === undefined) return undefined
  const answer = readTyped(field, typed)
  return 'notice' in answer ? answer.notice : withValue(draft, field, answer.value)
}
export const isNotice = (it: Draft | Notice): it is Notice => 'type' in it

type Taken = Reaction & { readonly draft?: Draft }

/** A picture that comes with words: the words are the prompt, where there is room for one. */
export function takeCaptioned(draft: Draft, offer: Offer, sent: SentFile): Taken {
  const field = imagesField(offer)
  if (field === undefined) return { notice: { type: 'unexpected_file' } }
  const taken = takeFile(draft, field, sent)
  const { caption = '' } = sent
  const prompted = shows.test(caption) ? withPrompt(taken.draft ?? draft, offer, caption) : undefined
  if (prompted === undefined) return taken
  return isNotice(prompted) ? { ...taken, notice: taken.notice ?? prompted } : { ...taken, draft: prompted }
}
type SentFile = Extract<Input, { kind: 'file' }>

/** A picture that comes while something else is shown: it is taken, and the question about pictures tells so. */
export function takeFromElsewhere(draft: Draft, offer: Offer, sent: SentFile): Reaction {
  const taken = takeCaptioned(draft, offer, sent)
  return taken.draft === undefined ? taken : { ...taken, go: nextPlace(offer, taken.draft) }
}

function noticeOf(problem: InputProblem): Notice {
  switch (problem.type) {
    case 'too_short':
      return { type: 'too_short', min: problem.min }
    case 'too_long':
      return { type: 'too_long', length: problem.length, max: problem.max }
    case 'out_of_range':
      return { type: 'not_a_number', min: problem.min, max: problem.max, step: problem.step }
    case 'too_few_images':
      return { type: 'few_pictures', min: problem.min }
    case 'too_many_images':
      return { type: 'too_many_pictures', max: problem.max }
    case 'file_too_big':
      return { type: 'file_too_big', maxBytes: problem.maxBytes }
    case 'too_many_pixels':
      return { type: 'too_many_pixels', maxPixels: problem.maxPixels }
    case 'missing':
    case 'unknown_field':
    case 'wrong_kind':
    case 'not_an_option':
    case 'not_together':
      return { type: 'choose_a_button' }
    default:
      return unreachable(problem, 'noticeOf')
  }
}
