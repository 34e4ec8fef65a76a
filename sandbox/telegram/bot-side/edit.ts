import { isDeepStrictEqual } from 'node:util'
import { hasCaption } from '../messages.ts'
import type { StoredMessage } from '../model.ts'
import { answer, type Call, type Method, namedMessage, render } from './call.ts'
import { badRequest } from './errors.ts'
import { readMarkup } from './keyboard.ts'
import { readCaption, readPreview, readText } from './send-text.ts'

/** Editing. The keyboard is part of every edit: one that does not come again is gone. */
export function edit(call: Call, change: (message: StoredMessage) => StoredMessage['content']): ReturnType<Method> {
  const { peer, message } = namedMessage(call, 'edit')
  if (message.from !== 'bot') throw badRequest("message can't be edited")
  const content = change(message)
  const markup = readMarkup(call.params, { inlineOnly: true, invoice: content.type === 'invoice' })
  const before = { content: message.content, keyboard: message.inlineKeyboard }
  if (isDeepStrictEqual(before, { content, keyboard: markup.inlineKeyboard })) {
    throw badRequest(
      'message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message',
    )
  }
  // A changed keyboard alone does not make a message "edited" for people.
  const edited = !isDeepStrictEqual(message.content, content)
  const { messages } = call.telegram
  const changed = messages.change(messages.withoutKeyboard(message), { content, ...markup }, { edited })
  return answer(render(call, peer.person, changed))
}

export const editMessageText: Method = (call) =>
  edit(call, (message) => {
    const body = readText(call.params)
    if (message.content.type !== 'text') throw badRequest('there is no text in the message to edit')
    return { type: 'text', body, ...readPreview(call.params) }
  })

export const editMessageCaption: Method = (call) =>
  edit(call, ({ content }) => {
    const caption = readCaption(call.params)
    if (content.type !== 'media' || !hasCaption(content)) throw badRequest('there is no caption in the message to edit')
    return { ...content, caption, captionAbove: call.params.bool('show_caption_above_media') }
  })

export const editMessageReplyMarkup: Method = (call) => edit(call, ({ content }) => content)
