import { z } from 'zod'
import { hasCaption } from '../messages.ts'
import type { StoredMessage } from '../model.ts'
import { botUser, type Json, personUser } from '../render.ts'
import { answer, type Call, type Method, namedMessage, openPeer, peerOf, render, yes } from './call.ts'
import { badRequest } from './errors.ts'
import { readMarkup } from './keyboard.ts'
import { post, readCaption } from './send-text.ts'

/** Copying, forwarding, deleting, pinning and reacting. */
const idsMax = 100
const deletableMs = 48 * 3600 * 1000

function readIds({ params }: Call): readonly number[] {
  const ids = params.json('message_ids')
  if (!Array.isArray(ids) || ids.length === 0) throw badRequest('message identifiers are not specified')
  if (ids.length > idsMax) throw badRequest('too many message identifiers specified')
  return ids.map((id: unknown) => {
    const number = Number(id)
    if (!Number.isInteger(number) || number <= 0) throw badRequest('invalid message identifier specified')
    return number
  })
}

/** The message to copy or forward; both chats must exist. */
function sourceOf(call: Call, verb: 'copy' | 'forward', id: number | undefined): StoredMessage {
  const { person } = peerOf(call, 'from_chat_id')
  if (id === undefined) throw badRequest('message identifier is not specified')
  const message = call.telegram.messages.find(call.bot.id, person.id, id)
  if (message === undefined) throw badRequest(`message to ${verb} not found`)
  const movable = message.content.type === 'text' || message.content.type === 'media'
  if (message.protectedContent || !movable)
    throw badRequest(`message can't be ${verb === 'copy' ? 'copied' : 'forwarded'}`)
  return message
}

function originOf(call: Call, message: StoredMessage): Json {
  if (message.forwardOrigin !== undefined) return message.forwardOrigin
  const person = call.telegram.people.find(message.person)
  const sender = message.from === 'bot' || person === undefined ? botUser(call.bot) : personUser(person)
  return { type: 'user', sender_user: sender, date: message.date }
}

export const copyMessage: Method = (call) => {
  const peer = openPeer(call)
  const { content } = sourceOf(call, 'copy', call.params.int('message_id'))
  const markup = readMarkup(call.params)
  const recaptioned =
    content.type === 'media' && hasCaption(content) && call.params.has('caption')
      ? { ...content, caption: readCaption(call.params) }
      : content
  return answer({ message_id: post(call, peer, recaptioned, markup).id })
}

export const forwardMessage: Method = (call) => {
  const peer = openPeer(call)
  const message = sourceOf(call, 'forward', call.params.int('message_id'))
  const copy = post(call, peer, message.content, { forwardOrigin: originOf(call, message) })
  return answer(render(call, peer.person, copy))
}

/** Several at once: what is missing or protected is passed over. */
function moveAll(call: Call, verb: 'copy' | 'forward'): readonly Json[] {
  const peer = openPeer(call)
  const from = peerOf(call, 'from_chat_id')
  const found = readIds(call)
    .map((id) => call.telegram.messages.find(call.bot.id, from.person.id, id))
    .filter((message) => message !== undefined)
    .filter(
      ({ content, protectedContent }) => !protectedContent && (content.type === 'text' || content.type === 'media'),
    )
  if (found.length === 0) throw badRequest(`messages to ${verb} not found`)
  return found.map((message) => {
    const extra = verb === 'forward' ? { forwardOrigin: originOf(call, message) } : {}
    return { message_id: post(call, peer, message.content, extra).id }
  })
}

export const copyMessages: Method = (call) => answer(moveAll(call, 'copy'))
export const forwardMessages: Method = (call) => answer(moveAll(call, 'forward'))

export const deleteMessage: Method = (call) => {
  const { message } = namedMessage(call, 'delete')
  if (isTooOld(call, message)) throw badRequest("message can't be deleted")
  call.telegram.messages.delete(message)
  return yes
}

export const deleteMessages: Method = (call) => {
  const { person } = peerOf(call)
  for (const id of readIds(call)) {
    const message = call.telegram.messages.find(call.bot.id, person.id, id)
    if (message !== undefined && !isTooOld(call, message)) call.telegram.messages.delete(message)
  }
  return yes
}

const isTooOld = ({ telegram }: Call, { date }: StoredMessage) => telegram.world.clock.now() - date * 1000 > deletableMs

export const pinChatMessage: Method = (call) => {
  const { peer, message } = namedMessage(call, 'pin')
  const pinned = [...peer.chat.pinned.filter((id) => id !== message.id), message.id]
  call.telegram.people.changeChat({ ...peer.chat, pinned })
  post(call, peer, { type: 'pinned', message: message.id })
  return yes
}

export const unpinChatMessage: Method = (call) => {
  const { chat } = peerOf(call)
  const id = call.params.int('message_id') ?? chat.pinned.at(-1)
  if (id === undefined || !chat.pinned.includes(id)) throw badRequest('message to unpin not found')
  call.telegram.people.changeChat({ ...chat, pinned: chat.pinned.filter((pinned) => pinned !== id) })
  return yes
}

export const unpinAllChatMessages: Method = (call) => {
  call.telegram.people.changeChat({ ...peerOf(call).chat, pinned: [] })
  return yes
}

const reactionList = z.array(
  z.discriminatedUnion('type', [
    z.object({ type: z.literal('emoji'), emoji: z.string().min(1).max(16) }),
    z.object({ type: z.literal('custom_emoji'), custom_emoji_id: z.string() }),
  ]),
)

export const setMessageReaction: Method = (call) => {
  const { message } = namedMessage(call, 'react')
  const parsed = reactionList.safeParse(call.params.json('reaction') ?? [])
  if (!parsed.success) throw badRequest('REACTION_INVALID')
  if (parsed.data.length > 1) throw badRequest('REACTIONS_TOO_MANY')
  call.telegram.messages.change(message, { reactions: parsed.data }, { edited: false })
  return yes
}
