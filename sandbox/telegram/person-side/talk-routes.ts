import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { ControlError, parseBody, queryNumber } from '../../control/request.ts'
import { captionUnitsMax, textUnitsMax } from '../bot-side/send-text.ts'
import { plainText } from '../formatting/formatting.ts'
import type { Bot, Content, FileKind, StoredFile } from '../model.ts'
import { probeImage, sniffMime } from '../probe.ts'
import type { Telegram } from '../state.ts'
import { emitMessage } from '../state.ts'
import { botOf, personOf, speakerOf, waitFor } from './asking.ts'
import { viewOf } from './chat-view.ts'

/** The person's side of a conversation: writing, and seeing the chat. */
export function talkRoutes(
  app: FastifyInstance,
  telegram: Telegram,
  heard: (bot: number, person: number) => void,
): void {
  app.post<{ Params: { id: string } }>(
    '/sandbox/v1/people/:id/messages',
    { bodyLimit: 100 * 1024 * 1024 },
    async (request) => {
      const { person, bot } = speakerOf(telegram, request)
      const wish = parseBody(messageBody, request.body)
      const content = readContent(wish)
      heard(bot.id, person.id)
      return telegram.world.shelf.atomically(() => {
        const message = telegram.messages.post({
          bot: bot.id,
          person: person.id,
          from: 'person',
          content: content(telegram, bot),
          ...(wish.reply_to_message_id === undefined ? {} : { replyTo: wish.reply_to_message_id }),
        })
        const update = emitMessage(telegram, bot, person, message)
        return { update_id: update?.id ?? null, message_id: message.id }
      })
    },
  )

  app.get<{ Params: { id: string } }>('/sandbox/v1/people/:id/chat', async (request) => {
    const person = personOf(telegram, request)
    const bot = botOf(telegram, request)
    const after = queryNumber(request.query, 'after') ?? 0
    const origin = `http://${request.headers.host}`
    const look = () => {
      const messages = telegram.messages.since(bot.id, person.id, after)
      return messages.length === 0 ? undefined : messages
    }
    const messages = await waitFor(request, look, (wake) => telegram.messages.onChange(bot.id, person.id, wake))
    return {
      // Without news the reader's own cursor stays good, whatever happens in other chats.
      cursor: messages === undefined ? after : Math.max(...messages.map(({ cursor }) => cursor)),
      messages: (messages ?? []).map((message) => viewOf(message, origin)),
      ...(telegram.people.chat(bot.id, person.id).blocked ? { blocked: true } : {}),
    }
  })
}

const fileBody = z.strictObject({
  base64: z.base64(),
  file_name: z.string().max(255).exactOptional(),
  mime_type: z.string().max(127).exactOptional(),
})
type FileBody = z.infer<typeof fileBody>

const messageBody = z.strictObject({
  text: z.string().optional(),
  photo: fileBody.optional(),
  document: fileBody.optional(),
  video: fileBody.optional(),
  audio: fileBody.optional(),
  voice: fileBody.optional(),
  caption: z.string().optional(),
  reply_to_message_id: z.number().int().optional(),
})
type MessageBody = z.infer<typeof messageBody>

const personKinds = ['photo', 'document', 'video', 'audio', 'voice'] as const

/** Reads first, writes later: the returned function keeps the file and gives the content. */
function readContent(wish: MessageBody): (telegram: Telegram, bot: Bot) => Content {
  const given = personKinds.filter((kind) => wish[kind] !== undefined)
  const [kind] = given
  if (given.length + (wish.text === undefined ? 0 : 1) !== 1) {
    throw new ControlError(400, 'give exactly one of text, photo, document, video, audio, voice')
  }
  const file = kind === undefined ? undefined : wish[kind]
  if (kind === undefined || file === undefined)
    return () => ({ type: 'text', body: limited(wish.text ?? '', 'a message', textUnitsMax, 1) })
  const caption = limited(wish.caption ?? '', 'a caption', captionUnitsMax, 0)
  const bytes = Buffer.from(file.base64, 'base64')
  if (bytes.byteLength === 0) throw new ControlError(400, 'Telegram sends no empty files')
  return (telegram, bot) => ({
    type: 'media',
    caption,
    spoiler: false,
    captionAbove: false,
    file: telegram.files.keep(bytes, describe(bot, kind, file, bytes)),
  })
}

/** A real client splits longer texts; whoever wants that sends the parts. */
function limited(text: string, what: string, unitsMax: number, unitsMin: number) {
  const body = plainText(text)
  if (body.text.length < unitsMin) throw new ControlError(400, 'Telegram sends no empty messages')
  if (body.text.length > unitsMax) throw new ControlError(400, `${what} has at most ${unitsMax} characters`)
  return body
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
