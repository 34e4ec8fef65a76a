import type { Formatted } from '../model.ts'
import { cannotParse, linkEntity, TextDraft } from './draft.ts'

/** Reads the legacy `parse_mode: Markdown`: no nesting, escapes only outside entities. */
export function parseMarkdown(source: string): Formatted {
  const draft = new TextDraft(source)
  // Beyond the last round bracket no link has an address: nobody looks for its end again and again.
  const lastBracket = source.lastIndexOf(')')
  let at = 0
  while (at < source.length) {
    const character = source[at] ?? ''
    if (character === '\\' && '_*`['.includes(source[at + 1] || ' ')) {
      draft.append(source[at + 1] ?? '')
      at += 2
    } else if ('_*`['.includes(character)) at = readEntity(source, at, draft, lastBracket)
    else {
      draft.append(character)
      at += 1
    }
  }
  return { text: draft.text, entities: draft.entities }
}

function readEntity(source: string, begin: number, draft: TextDraft, lastBracket: number): number {
  const fenced = source.startsWith('```', begin)
  const mark = fenced ? '```' : (source[begin] ?? '')
  const end = source.indexOf(mark === '[' ? ']' : mark, begin + mark.length)
  if (end < 0) throw cannotParse(`Can't find end of the entity starting at byte offset ${draft.bytes(begin)}`)
  const inner = source.slice(begin + mark.length, end)
  const offset = draft.length
  if (mark === '[') {
    draft.append(inner)
    const hasTarget = source[end + 1] === '(' && lastBracket > end
    const close = hasTarget ? source.indexOf(')', end + 2) : end
    const entity = linkEntity(source.slice(end + 2, close) || inner)
    if (entity !== undefined) draft.close(offset, entity)
    return close + 1
  }
  if (fenced) {
    const [, language, body] = /^(?:([^\s`]+)(?=\s))?\r?\n?([\s\S]*)$/.exec(inner) ?? []
    draft.append(body ?? inner)
    draft.close(offset, { type: 'pre', ...(language === undefined ? {} : { language }) })
    return end + 3
  }
  draft.append(inner)
  draft.close(offset, { type: mark === '*' ? 'bold' : mark === '_' ? 'italic' : 'code' })
  return end + 1
}
