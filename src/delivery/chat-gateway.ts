import type { View } from '../conversation/view.ts'
import type { ChatId, Destination, FileId, MessageId, PersonId } from '../kit/ids.ts'
import type { NotDone, Outcome } from '../kit/outcome.ts'

/**
 * What delivery and its neighbours need of Telegram. Implemented by `telegram/`, the only place that knows its JSON. What
 * is sent into a topic that is not there any more goes to the chat without one.
 */
export interface ChatGateway {
  /** A new message with this view. */
  send(to: Destination, view: View): Promise<Outcome<Sent, ChatNo>>
  /** Draws the view over a text message of ours. "Not modified" is done. */
  edit(chat: ChatId, message: MessageId, view: View): Promise<Outcome<Sent, ChatNo>>
  /** Uploads a file as a photo or a document, with the view as its caption. */
  sendFile(
    to: Destination,
    file: { readonly bytes: Uint8Array; readonly name: string; readonly mime: string },
    as: 'photo' | 'document',
    view: View,
  ): Promise<Outcome<SentFile, ChatNo>>
  /** Sends what Telegram already has. */
  sendAgain(to: Destination, file: FileId, as: 'photo' | 'document', view: View): Promise<Outcome<SentFile, ChatNo>>
  answerTap(tap: string, answer: { readonly text?: string; readonly alert?: boolean }): Promise<Outcome<true, ChatNo>>
  sendInvoice(
    to: Destination,
    invoice: {
      readonly title: string
      readonly description: string
      readonly payload: string
      readonly label: string
      readonly stars: number
    },
  ): Promise<Outcome<Sent, ChatNo>>
  refundStars(person: PersonId, charge: string): Promise<Outcome<'refunded' | 'already_refunded', ChatNo>>
  /** The bytes of a file a person sent; at most 20 MB [telegram-bot-api 4.2]. */
  fetchFile(file: FileId): Promise<Outcome<{ readonly bytes: Uint8Array }, ChatNo>>
  /**
   * Takes away a keyboard below the chat that is none of ours. Only a new message can do that; it is deleted at once, and
   * says `text` where it cannot be.
   */
  removeKeyboard(to: Destination, text: string): Promise<Outcome<true, ChatNo>>
  /** Shows "sending a photo…" for five seconds. */
  sayBusy(to: Destination, doing: 'typing' | 'upload_photo'): Promise<Outcome<true, ChatNo>>
}

export type Sent = { readonly message: MessageId }
export type SentFile = Sent & { readonly file: FileId; readonly as: 'photo' | 'document' }

/** Why Telegram definitely did not do it. */
export type ChatNo =
  /** The person blocked the bot or is gone; kept for later. */
  | 'blocked'
  /** There is no such chat. */
  | 'no_chat'
  /** The message cannot be edited any more: send a new one. */
  | 'message_gone'
  /** The tap is too old to be answered. */
  | 'tap_expired'
  | 'too_big'
  /** Not a photo in Telegram's eyes (size, ratio, format): send as a document. */
  | 'not_a_photo'
  /** Telegram does not have the file (any more). */
  | 'file_gone'
  /** Wait for `retry.afterMs`; applies to this chat. */
  | 'too_many'
  | 'unreachable'
  /** 401 or 404: a state of the bot, which ends nothing. */
  | 'token_refused'
  /** Anything else: a bug of ours. */
  | 'refused'

/**
 * Telegram refuses what we sent, and would refuse it again. That nobody can be reached in a chat, or that a message or a
 * tap is too old, says nothing against what we sent.
 */
export const isRefusedForGood = ({ why, retry }: NotDone<ChatNo>): boolean =>
  retry.when === 'never' && why !== 'blocked' && why !== 'no_chat' && why !== 'message_gone' && why !== 'tap_expired'
