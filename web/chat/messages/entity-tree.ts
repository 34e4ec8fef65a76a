import type { Entity } from '../api/schema.ts'

/** A stretch of text: plain, or with an entity around its parts. */
export type Span = { readonly text: string } | { readonly entity: Entity; readonly parts: readonly Span[] }

/**
 * Cuts a text by its entities (offsets in UTF-16 units, as Telegram counts and JavaScript does). Entities nest; one that
 * reaches over the end of the one around it, or of the text, is cut there. The text of all spans together is the text.
 */
export function spansOf(text: string, entities: readonly Entity[] = []): readonly Span[] {
  const ordered = entities
    .filter(({ offset, length }) => length > 0 && offset >= 0 && offset < text.length)
    .toSorted((one, other) => one.offset - other.offset || other.length - one.length)
  return cut(text, 0, text.length, ordered)
}

function cut(text: string, start: number, end: number, entities: readonly Entity[]): readonly Span[] {
  const spans: Span[] = []
  let at = start
  for (const [index, entity] of entities.entries()) {
    const from = entity.offset
    if (from < at || from >= end) continue
    const to = Math.min(from + entity.length, end)
    if (from > at) spans.push({ text: text.slice(at, from) })
    const inner = entities.slice(index + 1).filter(({ offset }) => offset >= from && offset < to)
    spans.push({ entity, parts: cut(text, from, to, inner) })
    at = to
  }
  if (at < end) spans.push({ text: text.slice(at, end) })
  return spans
}

/** The address behind a link, or undefined when it is none that a chat may open. */
export function linkTarget(entity: Entity, shown: string): string | undefined {
  switch (entity.type) {
    case 'text_link':
      return safe(entity.url ?? '')
    case 'url':
      return safe(/^[a-z][a-z0-9+.-]*:/i.test(shown) ? shown : `https://${shown}`)
    case 'email':
      return `mailto:${shown}`
    case 'phone_number':
      return `tel:${shown}`
    default:
      return undefined
  }
}

const openable = new Set(['http:', 'https:', 'tg:', 'mailto:', 'tel:'])

export function safe(url: string): string | undefined {
  return URL.canParse(url) && openable.has(new URL(url).protocol) ? url : undefined
}
