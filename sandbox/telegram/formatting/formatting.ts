import { z } from 'zod'
import { badRequest } from '../bot-side/errors.ts'
import type { Params } from '../bot-side/params.ts'
import type { Entity, Formatted } from '../model.ts'
import { detectEntities } from './detect.ts'
import { cannotParse, checkedUrl } from './draft.ts'
import { parseHtml } from './html.ts'
import { parseMarkdown } from './markdown.ts'
import { parseMarkdownV2 } from './markdown-v2.ts'

/** From what a bot or a person wrote to what everybody sees: parsed, trimmed, with the entities Telegram finds itself. */
export function readFormatted(params: Params, names: { text: string; entities: string }): Formatted {
  const given = params.text(names.text) ?? ''
  if (Buffer.byteLength(given) > sourceBytesMax) throw badRequest('text is too long')
  const raw = clean(given)
  const mode = params.text('parse_mode')?.toLowerCase() ?? ''
  return finish(mode === '' ? withGiven(raw, params.json(names.entities)) : parse(raw, mode))
}

/** A text with its markup, before anything of it is read. [telegram-bot-api Client::get_formatted_text] */
const sourceBytesMax = 32_768

/** A person's own text: no markup, only what Telegram finds. */
export function plainText(text: string): Formatted {
  return finish({ text: clean(text), entities: [] })
}

function parse(raw: string, mode: string): Formatted {
  switch (mode) {
    case 'html':
      return parseHtml(raw)
    case 'markdownv2':
      return parseMarkdownV2(raw)
    case 'markdown':
      return parseMarkdown(raw)
    case 'none':
      return { text: raw, entities: [] }
    default:
      throw badRequest('unsupported parse_mode')
  }
}

/** Line ends become one kind, other control characters blanks, as in every text the server takes in. */
function clean(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replace(/[\u0000-\u0008\u000b-\u001f]/g, ' ')
    .toWellFormed()
}

const entitiesMax = 100

function finish({ text, entities }: Formatted): Formatted {
  const start = text.length - text.trimStart().length
  const trimmed = text.trim()
  const moved = entities
    .map((entity) => {
      const from = Math.max(0, entity.offset - start)
      const to = Math.min(trimmed.length, entity.offset + entity.length - start)
      return { ...entity, offset: from, length: to - from }
    })
    .filter(({ length }) => length > 0)
  const all = [...moved, ...detectEntities(trimmed, moved)]
  all.sort((a, b) => a.offset - b.offset || b.length - a.length)
  return { text: trimmed, entities: all.slice(0, entitiesMax) }
}

const givenEntity = z.object({
  type: z.string(),
  offset: z.number().int().min(0),
  length: z.number().int().min(0),
  url: z.string().exactOptional(),
  language: z.string().exactOptional(),
  custom_emoji_id: z.string().exactOptional(),
  user: z.record(z.string(), z.unknown()).exactOptional(),
})

const plainTypes = new Set([
  'bold',
  'italic',
  'underline',
  'strikethrough',
  'spoiler',
  'blockquote',
  'expandable_blockquote',
  'code',
  'pre',
  'custom_emoji',
])

function withGiven(text: string, given: unknown): Formatted {
  if (given === undefined) return { text, entities: [] }
  if (!Array.isArray(given)) throw cannotParse('expected an Array of MessageEntity')
  const entities: Entity[] = []
  for (const value of given) {
    const parsed = givenEntity.safeParse(value)
    if (!parsed.success) throw cannotParse("can't parse MessageEntity JSON object")
    const entity = parsed.data
    if (entity.offset + entity.length > text.length) {
      throw badRequest(
        `entity beginning at UTF-16 offset ${entity.offset} ends after the end of the text at UTF-16 offset ${text.length}`,
      )
    }
    if (plainTypes.has(entity.type)) entities.push(entity)
    else if (entity.type === 'text_mention' && entity.user !== undefined) entities.push(entity)
    else if (entity.type === 'text_link') {
      const url = checkedUrl(entity.url ?? '')
      if (url !== undefined) entities.push({ ...entity, url })
    }
    // Everything else, such as hashtags, is found in the text itself.
  }
  return { text, entities }
}
