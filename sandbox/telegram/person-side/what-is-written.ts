import { z } from 'zod'
import { ControlError } from '../../control/request.ts'
import { captionUnitsMax, textUnitsMax } from '../bot-side/send-text.ts'
import { plainText } from '../formatting/formatting.ts'
import type { Bot, Content, FileKind, Formatted, StoredFile } from '../model.ts'
import { probeImage, sniffMime } from '../probe.ts'
import type { Telegram } from '../state.ts'

/** What a person sends: a text, or one file with a caption. */
const fileBody = z.strictObject({
  base64: z.base64(),
  file_name: z.string().max(255).exactOptional(),
  mime_type: z.string().max(127).exactOptional(),
})
type FileBody = z.infer<typeof fileBody>

export const messageBody = z.strictObject({
  text: z.string().optional(),
  photo: fileBody.optional(),
  document: fileBody.optional(),
  video: fileBody.optional(),
  audio: fileBody.optional(),
  voice: fileBody.optional(),
  caption: z.string().optional(),
  reply_to_message_id: z.number().int().optional(),
  /** A topic of the chat; `POST /people/{id}/topics` begins one. */
  topic: z.number().int().optional(),
  /** The same for every item of an album, which arrives as separate messages. */
  media_group_id: z.string().min(1).max(64).optional(),
})
type MessageBody = z.infer<typeof messageBody>

const personKinds = ['photo', 'document', 'video', 'audio', 'voice'] as const

/**
 * Reads first, writes later: each returned function keeps its file and gives the content of one message. A text that
 * is too long for one becomes several, as in a real client.
 */
export function readContents(wish: MessageBody): readonly ((telegram: Telegram, bot: Bot) => Content)[] {
  const given = personKinds.filter((kind) => wish[kind] !== undefined)
  const [kind] = given
  if (given.length + (wish.text === undefined ? 0 : 1) !== 1) {
    throw new ControlError(400, 'give exactly one of text, photo, document, video, audio, voice')
  }
  const file = kind === undefined ? undefined : wish[kind]
  if (kind === undefined || file === undefined) {
    const texts = split(wish.text ?? '')
    if (texts.length === 0) throw new ControlError(400, 'Telegram sends no empty messages')
    return texts.map((body) => () => ({ type: 'text', body }))
  }
  const caption = plainText(wish.caption ?? '')
  if (caption.text.length > captionUnitsMax) {
    throw new ControlError(400, `a caption has at most ${captionUnitsMax} characters`)
  }
  const bytes = Buffer.from(file.base64, 'base64')
  if (bytes.byteLength === 0) throw new ControlError(400, 'Telegram sends no empty files')
  const content = (telegram: Telegram, bot: Bot): Content => ({
    type: 'media',
    caption,
    spoiler: false,
    captionAbove: false,
    file: telegram.files.keep(bytes, describe(bot, kind, file, bytes)),
  })
  return [content]
}

/** Pieces of at most 4096 UTF-16 units, never through the middle of a character. */
function split(text: string): readonly Formatted[] {
  const pieces: Formatted[] = []
  let rest = text
  while (rest !== '') {
    const inPair = /[\ud800-\udbff]/.test(rest[textUnitsMax - 1] ?? '')
    const length = inPair ? textUnitsMax - 1 : textUnitsMax
    pieces.push(plainText(rest.slice(0, length)))
    rest = rest.slice(length)
  }
  return pieces.filter((piece) => piece.text !== '')
}

/** The file as it is given: also a photo that is none, to see what the bot makes of it. */
function describe(bot: Bot, kind: FileKind, file: FileBody, bytes: Buffer): Omit<StoredFile, 'id' | 'digest' | 'size'> {
  const frame = probeImage(bytes)
  const mime = file.mime_type ?? sniffMime(bytes) ?? defaultMimes[kind] ?? 'application/octet-stream'
  const size = { width: frame?.width ?? 640, height: frame?.height ?? 480 }
  return {
    bot: bot.id,
    kind,
    mime,
    name: file.file_name ?? `${kind}.${mime.split('/').at(-1)?.replace('jpeg', 'jpg') ?? 'bin'}`,
    ...(kind === 'photo' || kind === 'video' ? size : {}),
    ...(kind === 'photo' || kind === 'document' ? {} : { duration: 1 }),
  }
}

const defaultMimes: Partial<Record<FileKind, string>> = {
  photo: 'image/jpeg',
  video: 'video/mp4',
  audio: 'audio/mpeg',
  voice: 'audio/ogg',
}
