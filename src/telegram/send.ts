import type { InlineKeyboardButton, InlineKeyboardMarkup, MessageEntity } from 'grammy/types'
import { encodeAddress } from '../conversation/address-codec.ts'
import type { Button, Keyboard, Piece, Rich } from '../conversation/view.ts'

/**
 * Turns what the conversation drew into what Telegram takes. Formatting goes out as entities beside plain text, never
 * as markup in it, so nothing that a person or a provider wrote can become a tag, a link or an error.
 *
 * What is too long is cut with «…», quoted text first: the result always is within Telegram's limits.
 */
export const textUnitsMax = 4096
export const captionUnitsMax = 1024

export type Rendered = { readonly text: string; readonly entities: MessageEntity[] }

type Mark = 'bold' | 'italic' | 'code' | 'blockquote'
/** A stretch of text without inner structure; `quoted` is what gives way first. */
type Leaf = { text: string; readonly quoted: boolean }
/** The leaves `from` up to, not including, `to` carry the mark. */
type Span = { readonly mark: Mark; readonly from: number; readonly to: number }

/** Text and entities of at most `unitsMax` UTF-16 units; offsets count UTF-16 units, as Telegram's do. */
export function renderRich(rich: Rich, unitsMax: number): Rendered {
  const leaves: Leaf[] = []
  const spans: Span[] = []
  flatten(rich, [], leaves, spans)
  fit(leaves, unitsMax)

  const starts: number[] = [0]
  for (const leaf of leaves) starts.push((starts.at(-1) ?? 0) + leaf.text.length)
  const entities = spans.flatMap(({ mark, from, to }) => {
    const offset = starts[from] ?? 0
    const length = (starts[to] ?? 0) - offset
    return length > 0 ? [entity(mark, offset, length)] : []
  })
  return { text: leaves.map((leaf) => leaf.text).join(''), entities }
}

/** The text of a message; Telegram refuses one in which nothing can be seen. */
export function renderText(rich: Rich): Rendered {
  const rendered = renderRich(rich, textUnitsMax)
  return visible.test(rendered.text) ? rendered : { text: '…', entities: [] }
}

/** The text under a picture or a file; it may be empty. */
export function renderCaption(rich: Rich): { readonly caption: string; readonly caption_entities: MessageEntity[] } {
  const { text, entities } = renderRich(rich, captionUnitsMax)
  return { caption: text, caption_entities: entities }
}

export function renderKeyboard(keyboard: Keyboard): InlineKeyboardMarkup {
  return { inline_keyboard: keyboard.filter((row) => row.length > 0).map((row) => row.map(renderButton)) }
}

/** Plain text of at most `unitsMax` units, for the places that know no formatting. */
export function renderPlain(text: string, unitsMax: number): string {
  const whole = text.toWellFormed()
  return whole.length <= unitsMax ? whole : `${cut(whole, unitsMax - 1)}…`
}

function renderButton(button: Button): InlineKeyboardButton {
  const text = visible.test(button.label) ? button.label.toWellFormed() : '…'
  if ('url' in button) return { text, url: button.url }
  const data = { text, callback_data: encodeAddress(button.to) }
  return button.tone === undefined ? data : { ...data, style: button.tone }
}

function flatten(rich: Rich, outer: readonly Mark[], leaves: Leaf[], spans: Span[]): void {
  for (const piece of rich) {
    const { mark, inner } = open(piece)
    // A quote cannot stand in a quote, and bold within bold says nothing.
    const marks = mark === undefined || outer.includes(mark) ? outer : [...outer, mark]
    const from = leaves.length
    if (typeof inner === 'string') leaves.push({ text: inner.toWellFormed(), quoted: marks.includes('blockquote') })
    else flatten(inner, marks, leaves, spans)
    if (mark !== undefined && marks !== outer) spans.push({ mark, from, to: leaves.length })
  }
}

function open(piece: Piece): { readonly mark?: Mark; readonly inner: string | Rich } {
  if (typeof piece === 'string') return { inner: piece }
  if ('bold' in piece) return { mark: 'bold', inner: piece.bold }
  if ('italic' in piece) return { mark: 'italic', inner: piece.italic }
  if ('code' in piece) return { mark: 'code', inner: piece.code }
  return { mark: 'blockquote', inner: piece.quote }
}

/** Shortens leaves until all fit: the longest quote first (a prompt), then whatever is longest. */
function fit(leaves: Leaf[], unitsMax: number): void {
  let excess = leaves.reduce((sum, leaf) => sum + leaf.text.length, 0) - unitsMax
  while (excess > 0) {
    const victim =
      longest(leaves.filter((leaf) => leaf.quoted && leaf.text.length >= quoteWorthCutting)) ?? longest(leaves)
    if (victim === undefined) return
    const before = victim.text.length
    victim.text = before > 1 ? `${cut(victim.text, before - excess - 1)}…` : ''
    excess -= before - victim.text.length
  }
}

function longest(leaves: readonly Leaf[]): Leaf | undefined {
  return leaves.reduce<Leaf | undefined>(
    (best, leaf) => (leaf.text.length > (best?.text.length ?? 0) ? leaf : best),
    undefined,
  )
}

/** The first `units` units, without half a surrogate pair or a joiner left over at the end. */
function cut(text: string, units: number): string {
  return text.slice(0, Math.max(units, 0)).replace(/[\ud800-\udbff\u200d]$/, '')
}

function entity(mark: Mark, offset: number, length: number): MessageEntity {
  // A long quote (a prompt of a screenful) is shown folded, with a tap to open it.
  const type = mark === 'blockquote' && length > foldedQuoteUnits ? 'expandable_blockquote' : mark
  return { type, offset, length }
}

const quoteWorthCutting = 100
const foldedQuoteUnits = 500
/** Something that leaves a mark on the screen: no space, no control or format character, no lone accent. */
const visible = /[^\s\p{C}\p{M}]/u
