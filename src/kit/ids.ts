import { randomBytes, randomInt, randomUUID } from 'node:crypto'
import type { Brand } from './brand.ts'

/** Every identifier of the service, in one place. Mint here, parse here, nowhere else. */

/** Telegram's id of a bot: the number before the colon of its token. */
export type BotId = Brand<number, 'BotId'>
/** Telegram's id of a person; also the id of their private chat. */
export type PersonId = Brand<number, 'PersonId'>
export type ChatId = Brand<number, 'ChatId'>
export type MessageId = Brand<number, 'MessageId'>
/** A topic of a chat: Telegram's `message_thread_id` of it. */
export type TopicId = Brand<number, 'TopicId'>
/** A Telegram `file_id`: valid for the bot that got it, for ever, and free to send again. */
export type FileId = Brand<string, 'FileId'>

/** The ordered updates of one person: `p:<person>`, else `c:<chat>`, else `k:<kind of update>`. */
export type Lane = Brand<string, 'Lane'>
/** Our number of an inbox item, rising in order of arrival. */
export type InboxId = Brand<number, 'InboxId'>
/** Eight hex digits that follow one interaction through everything. Short, so never a unique key. */
export type Cid = Brand<string, 'Cid'>

export type OrderId = Brand<string, 'OrderId'>
/** The last digits of an order id, for people. */
export type KieTaskId = Brand<string, 'KieTaskId'>
export type OfferId = Brand<string, 'OfferId'>
export type QuoteId = Brand<string, 'QuoteId'>
export type TopUpId = Brand<string, 'TopUpId'>
/** Telegram's `telegram_payment_charge_id` of one Stars payment. */
export type ChargeId = Brand<string, 'ChargeId'>
export type TransferId = Brand<string, 'TransferId'>
/** One running process; new at every start. */
export type InstanceId = Brand<string, 'InstanceId'>

/** 32 symbols that cannot be mistaken for one another when read aloud. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'

function mint(length: number): string {
  let text = ''
  for (const byte of randomBytes(length)) text += alphabet[byte & 31]
  return text
}

/** From a UUID, whose random bits are drawn in stock: one is needed for every update. */
export const newCid = (): Cid => randomUUID().slice(0, 8) as Cid
/** 12 symbols, 60 random bits: short enough for a button's 64 bytes, and checked by the primary key. */
export const newOrderId = (): OrderId => mint(12) as OrderId
export const newQuoteId = (): QuoteId => mint(12) as QuoteId
export const newTopUpId = (): TopUpId => mint(12) as TopUpId
/** Names a draft in buttons; eight symbols, because 64 bytes are all a button has. */
export const newDraftId = (): string => mint(8)
export const newTransferId = (): TransferId => mint(16) as TransferId
export const newInstanceId = (): InstanceId => mint(8) as InstanceId
/** 256 random bits as URL-safe text, for secrets that are made once and kept. */
export const newSecret = (): string => randomBytes(32).toString('base64url')
/** From 0 up to 1: for pauses that must not end everywhere at the same moment. */
export const randomFraction = (): number => randomInt(2 ** 32) / 2 ** 32

export const laneOfPerson = (person: PersonId): Lane => `p:${person}` as Lane
export const laneOfChat = (chat: ChatId): Lane => `c:${chat}` as Lane
export const laneOfKind = (kind: string): Lane => `k:${kind}` as Lane

const mintedShape = /^[0-9a-hjkmnp-tv-z]{12}$/
export const parseOrderId = (text: string): OrderId | undefined =>
  mintedShape.test(text) ? (text as OrderId) : undefined
export const parseQuoteId = (text: string): QuoteId | undefined =>
  mintedShape.test(text) ? (text as QuoteId) : undefined
export const parseTopUpId = (text: string): TopUpId | undefined =>
  mintedShape.test(text) ? (text as TopUpId) : undefined

/** Factories for values that came in already checked (a row of ours, a parsed update). */
export const botId = (n: number): BotId => n as BotId
export const personId = (n: number): PersonId => n as PersonId
export const chatId = (n: number): ChatId => n as ChatId
export const topicId = (n: number): TopicId => n as TopicId
export const messageId = (n: number): MessageId => n as MessageId
export const fileId = (s: string): FileId => s as FileId
export const inboxId = (n: number): InboxId => n as InboxId
export const lane = (s: string): Lane => s as Lane
export const cid = (s: string): Cid => s as Cid
export const orderId = (s: string): OrderId => s as OrderId
export const kieTaskId = (s: string): KieTaskId => s as KieTaskId
export const offerId = (s: string): OfferId => s as OfferId
export const quoteId = (s: string): QuoteId => s as QuoteId
export const topUpId = (s: string): TopUpId => s as TopUpId
export const chargeId = (s: string): ChargeId => s as ChargeId
export const instanceId = (s: string): InstanceId => s as InstanceId

/** A private chat has the id of its person [telegram-bot-api 5]. */
export const chatOfPerson = (person: PersonId): ChatId => chatId(person)
export const personOfChat = (chat: ChatId): PersonId => personId(chat)

/** Where a message goes: a chat, and one of its topics where somebody wrote in one. */
export type Destination = { readonly chat: ChatId; readonly topic?: TopicId | undefined }
/** The destination of something that knows more than that: a session, an order, an errand. */
export const destinationOf = ({ chat, topic }: Destination): { readonly chat: ChatId; readonly topic?: TopicId } =>
  topic === undefined ? { chat } : { chat, topic }
