import type { Entity, Formatted } from '../model.ts'
import { cannotParse, linkEntity, TextDraft } from './draft.ts'

/** Reads `parse_mode: HTML`: the documented tags and nothing else, well nested, with the server's error texts. */
export function parseHtml(source: string): Formatted {
  const draft = new TextDraft(source)
  const open: OpenTag[] = []
  let at = 0
  while (at < source.length) {
    const next = source.indexOf('<', at)
    const end = next < 0 ? source.length : next
    draft.append(decodeCharacters(source.slice(at, end)))
    if (next < 0) break
    at = source[next + 1] === '/' ? readEndTag(source, next, draft, open) : readStartTag(source, next, draft, open)
  }
  const unclosed = open.at(-1)
  if (unclosed !== undefined) throw cannotParse(`Can't find end tag corresponding to start tag "${unclosed.name}"`)
  return { text: draft.text, entities: draft.entities }
}

type OpenTag = { readonly name: string; readonly offset: number; readonly attributes: ReadonlyMap<string, string> }

const simpleTags = new Map([
  ['b', 'bold'],
  ['strong', 'bold'],
  ['i', 'italic'],
  ['em', 'italic'],
  ['u', 'underline'],
  ['ins', 'underline'],
  ['s', 'strikethrough'],
  ['strike', 'strikethrough'],
  ['del', 'strikethrough'],
  ['tg-spoiler', 'spoiler'],
  ['span', 'spoiler'],
])
const otherTags = new Set(['a', 'code', 'pre', 'blockquote', 'tg-emoji'])

function readStartTag(source: string, begin: number, draft: TextDraft, open: OpenTag[]): number {
  const place = () => draft.bytes(begin)
  let at = begin + 1
  while (at < source.length && !/[\s>]/.test(source[at] ?? '')) at += 1
  if (at >= source.length) throw cannotParse(`Unclosed start tag at byte offset ${place()}`)
  const name = source.slice(begin + 1, at).toLowerCase()
  if (!simpleTags.has(name) && !otherTags.has(name)) {
    throw cannotParse(`Unsupported start tag "${name}" at byte offset ${place()}`)
  }
  const attributes = new Map<string, string>()
  for (;;) {
    while (/\s/.test(source[at] ?? '')) at += 1
    if (at >= source.length) throw cannotParse(`Unclosed start tag at byte offset ${place()}`)
    if (source[at] === '>') break
    at = readAttribute(source, at, name, place, attributes)
  }
  if (name === 'span' && attributes.get('class') !== 'tg-spoiler') {
    throw cannotParse(`Tag "span" must have class "tg-spoiler" at byte offset ${place()}`)
  }
  open.push({ name, offset: draft.length, attributes })
  return at + 1
}

function readAttribute(
  source: string,
  begin: number,
  tag: string,
  place: () => number,
  attributes: Map<string, string>,
): number {
  const name = /^[^\s=>/"']+/.exec(source.slice(begin))?.[0]
  if (name === undefined) throw cannotParse(`Empty attribute name in the tag "${tag}" at byte offset ${place()}`)
  const rest = source.slice(begin + name.length)
  const assignment = /^\s*=\s*(?:"([^"]*)"|'([^']*)'|([A-Za-z0-9.-]+))/.exec(rest)
  if (assignment === null) {
    if (/^\s*=/.test(rest)) throw cannotParse(`Unclosed start tag at byte offset ${place()}`)
    attributes.set(name.toLowerCase(), '')
    return begin + name.length
  }
  const [whole, double, single, bare] = assignment
  attributes.set(name.toLowerCase(), decodeCharacters(double ?? single ?? bare ?? ''))
  return begin + name.length + whole.length
}

function readEndTag(source: string, begin: number, draft: TextDraft, open: OpenTag[]): number {
  const place = () => draft.bytes(begin)
  const close = source.indexOf('>', begin)
  if (close < 0) throw cannotParse(`Unclosed end tag at byte offset ${place()}`)
  const name = source
    .slice(begin + 2, close)
    .trim()
    .toLowerCase()
  const tag = open.pop()
  if (tag === undefined) throw cannotParse(`Unexpected end tag at byte offset ${place()}`)
  if (name !== '' && name !== tag.name) {
    throw cannotParse(`Unmatched end tag at byte offset ${place()}, expected "</${tag.name}>", found "</${name}>"`)
  }
  const entity = entityOf(tag, draft, open.at(-1))
  if (entity !== undefined) draft.close(tag.offset, entity)
  return close + 1
}

function entityOf(
  tag: OpenTag,
  draft: TextDraft,
  outer: OpenTag | undefined,
): Omit<Entity, 'offset' | 'length'> | undefined {
  const simple = simpleTags.get(tag.name)
  if (simple !== undefined) return { type: simple }
  switch (tag.name) {
    case 'a':
      return linkEntity(tag.attributes.get('href') || draft.textFrom(tag.offset))
    case 'pre': {
      // <pre><code class="language-x"> is one block with a language, when the two enclose the same text.
      const last = draft.entities.at(-1)
      const isWhole = last?.type === 'code' && last.offset === tag.offset && last.length === draft.length - tag.offset
      const language = isWhole ? last.language : undefined
      if (isWhole) draft.entities.pop()
      return { type: 'pre', ...(language === undefined ? {} : { language }) }
    }
    case 'code': {
      const language = /^language-(.+)$/.exec(tag.attributes.get('class') ?? '')?.[1]
      return { type: 'code', ...(language !== undefined && outer?.name === 'pre' ? { language } : {}) }
    }
    case 'blockquote':
      return { type: tag.attributes.has('expandable') ? 'expandable_blockquote' : 'blockquote' }
    default: {
      const emoji = tag.attributes.get('emoji-id') ?? ''
      if (!/^\d{1,20}$/.test(emoji)) throw cannotParse('Invalid custom emoji identifier specified')
      return { type: 'custom_emoji', custom_emoji_id: emoji }
    }
  }
}

const named = new Map([
  ['lt', '<'],
  ['gt', '>'],
  ['amp', '&'],
  ['quot', '"'],
])

/** The four named characters and numeric ones; everything else with an ampersand stays as it is. */
function decodeCharacters(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(lt|gt|amp|quot));?/gi, (whole, decimal, hex, name) => {
    if (typeof name === 'string') return named.get(name.toLowerCase()) ?? whole
    const code = typeof decimal === 'string' ? Number(decimal) : Number.parseInt(String(hex), 16)
    return code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff) ? String.fromCodePoint(code) : whole
  })
}
