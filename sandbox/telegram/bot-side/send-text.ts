import { readFormatted } from '../formatting/formatting.ts'
import type { Formatted, StoredMessage } from '../model.ts'
import { answer, type Call, type Method, type OpenPeer, openPeer, readReply, render } from './call.ts'
import { badRequest } from './errors.ts'
import { readMarkup } from './keyboard.ts'
import type { Params } from './params.ts'

export const textUnitsMax = 4096
export const captionUnitsMax = 1024

export function readText(params: Params): Formatted {
  const text = readFormatted(params, { text: 'text', entities: 'entities' })
  if (text.text === '') throw badRequest('message text is empty')
  if (text.text.length > textUnitsMax) throw badRequest('message is too long')
  return text
}

export function readCaption(params: Params): Formatted {
  const caption = readFormatted(params, { text: 'caption', entities: 'caption_entities' })
  if (caption.text.length > captionUnitsMax) throw badRequest('message caption is too long')
  return caption
}

export function readPreview(params: Params): { preview?: Record<string, unknown> } {
  const given = params.json('link_preview_options')
  if (typeof given === 'object' && given !== null) return { preview: { ...given } }
  return params.bool('disable_web_page_preview') ? { preview: { is_disabled: true } } : {}
}

/** Puts a message of the bot into a chat, with everything that all send methods share. */
export function post(
  call: Call,
  { person, topic }: OpenPeer,
  content: StoredMessage['content'],
  extra: Partial<Pick<StoredMessage, 'albumId' | 'inlineKeyboard' | 'otherMarkup' | 'forwardOrigin'>> = {},
): StoredMessage {
  return call.telegram.messages.post({
    bot: call.bot.id,
    person: person.id,
    from: 'bot',
    content,
    protectedContent: call.params.bool('protect_content'),
    ...(topic === undefined ? {} : { topic }),
    ...readReply(call, person),
    ...extra,
  })
}

export const sendMessage: Method = (call) => {
  const peer = openPeer(call)
  const body = readText(call.params)
  const markup = readMarkup(call.params)
  return answer(
    render(call, peer.person, post(call, peer, { type: 'text', body, ...readPreview(call.params) }, markup)),
  )
}

const chatActions = new Set([
  'typing',
  'upload_photo',
  'record_video',
  'upload_video',
  'record_voice',
  'upload_voice',
  'upload_document',
  'choose_sticker',
  'find_location',
  'record_video_note',
  'upload_video_note',
])

export const sendChatAction: Method = (call) => {
  const { person, topic } = openPeer(call)
  const action = call.params.text('action')?.toLowerCase() ?? ''
  if (!chatActions.has(action)) throw badRequest('wrong parameter action in request')
  call.telegram.world.feed.publish({
    type: 'typing',
    person: person.id,
    bot: call.bot.id,
    action,
    ...(topic === undefined ? {} : { topic }),
  })
  return answer(true)
}
