import type { Bot, Chat, Person, StoredMessage } from '../model.ts'
import { botMessage, type Json } from '../render.ts'
import { partiesOf, type Telegram } from '../state.ts'
import { badRequest, forbidden } from './errors.ts'
import type { Params } from './params.ts'

/** One call of a method, and what nearly every method does with it. */
export type Call = { readonly telegram: Telegram; readonly bot: Bot; readonly params: Params }

/** What a method answers: its result, and sometimes a sentence beside it. */
export type Answer = { readonly result: unknown; readonly description?: string }
export type Method = (call: Call) => Answer | Promise<Answer>

export const answer = (result: unknown): Answer => ({ result })
export const yes: Answer = { result: true }

export type Peer = { readonly person: Person; readonly chat: Chat }
/** A chat to send to, and the topic of it that the call names. */
export type OpenPeer = Peer & { readonly topic?: number }

/** The private chat of `chat_id`. The sandbox has people only, so a name or a group's id is not found. */
export function peerOf({ telegram, bot, params }: Call, field = 'chat_id'): Peer {
  const text = params.text(field) ?? ''
  if (text === '') throw badRequest(`${field} is empty`)
  const person = /^\d{1,16}$/.test(text) ? telegram.people.find(Number(text)) : undefined
  if (person === undefined) throw badRequest('chat not found')
  return { person, chat: telegram.people.chat(bot.id, person.id) }
}

/** A chat something may be sent to. `message_thread_id` must name one of its topics [tdlib/telegram-bot-api#847]. */
export function openPeer(call: Call): OpenPeer {
  const peer = peerOf(call)
  if (peer.chat.blocked) throw forbidden('bot was blocked by the user')
  if (peer.person.isStranger === true && !call.telegram.messages.hasChat(call.bot.id, peer.person.id)) {
    throw forbidden("bot can't initiate conversation with a user")
  }
  const topic = call.params.int('message_thread_id') ?? 0
  if (topic === 0) return peer
  if (!peer.chat.topics?.includes(topic)) throw badRequest('message thread not found')
  return { ...peer, topic }
}

export function render({ telegram, bot }: Call, person: Person, message: StoredMessage): Json {
  return botMessage(message, partiesOf(telegram, bot, person))
}

/** The message a call names, for editing and the like; `what` stands in the error. */
export function namedMessage(call: Call, what: string, field = 'message_id'): { peer: Peer; message: StoredMessage } {
  const { telegram, bot, params } = call
  if (params.has('inline_message_id')) throw badRequest('MESSAGE_ID_INVALID')
  const peer = peerOf(call)
  const id = params.int(field)
  if (id === undefined || id <= 0) throw badRequest('message identifier is not specified')
  const message = telegram.messages.find(bot.id, peer.person.id, id)
  if (message === undefined) throw badRequest(`message to ${what} not found`)
  return { peer, message }
}

/** The message to reply to: `reply_parameters`, or `reply_to_message_id` of older clients. */
export function readReply(call: Call, person: Person): Pick<StoredMessage, 'replyTo'> {
  const { telegram, bot, params } = call
  const given = params.json('reply_parameters')
  const fromObject = typeof given === 'object' && given !== null ? Reflect.get(given, 'message_id') : undefined
  const id = fromObject === undefined ? params.int('reply_to_message_id') : Number(fromObject)
  if (id === undefined || id === 0) return {}
  if (telegram.messages.find(bot.id, person.id, id) !== undefined) return { replyTo: id }
  const lenient =
    params.bool('allow_sending_without_reply') ||
    (typeof given === 'object' && given !== null && Reflect.get(given, 'allow_sending_without_reply') === true)
  if (!lenient) throw badRequest('message to be replied not found')
  return {}
}
