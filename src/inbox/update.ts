import type { ChargeId, ChatId, Lane, MessageId, PersonId, TopicId } from '../kit/ids.ts'

/**
 * An update as the service understands it; intake and dispatch read nothing else. Made by `telegram/parse-update.ts`,
 * the only place that knows Telegram's JSON of it.
 */
export type ParsedUpdate = {
  readonly updateId: number
  readonly kind: string
  readonly lane: Lane
  readonly person?: Sender
  /** `topic`: of the message, or of the message under the tapped button. */
  readonly chat?: { readonly id: ChatId; readonly type: string; readonly topic?: TopicId }
  readonly what: What
}

export type Sender = {
  readonly id: PersonId
  /** Bots may write to bots; nobody is answered then, or two would go on for ever. */
  readonly isBot?: true
  readonly firstName: string
  readonly username?: string
  readonly languageCode?: string
}

export type What =
  | { readonly type: 'text'; readonly message?: MessageId; readonly text: string }
  /** `/name payload`, or `/name@bot payload`. */
  | {
      readonly type: 'command'
      readonly message?: MessageId
      readonly name: string
      readonly payload: string
      readonly bot?: string
    }
  /** The largest size of a photo, or a document. Pictures of one album share a `group`. */
  | (SentMedia & { readonly type: 'photo' })
  | (SentMedia & { readonly type: 'document'; readonly name?: string; readonly mime?: string })
  /** A sticker, a voice message, a place …: sent by a person, and nothing we can use. */
  | { readonly type: 'unsupported'; readonly message?: MessageId; readonly holds: string }
  /** Telegram's own notes in a chat (a message was pinned, a title changed): nobody waits for an answer. */
  | { readonly type: 'service'; readonly holds: string }
  | {
      readonly type: 'successful_payment'
      readonly charge: ChargeId
      readonly payload: string
      readonly totalAmount: number
      readonly currency: string
    }
  | {
      readonly type: 'refunded_payment'
      readonly charge: ChargeId
      readonly payload: string
      readonly totalAmount: number
      readonly currency: string
    }
  /** A payment or refund that did not read. */
  | { readonly type: 'unreadable_money'; readonly problem: string }
  | {
      readonly type: 'tap'
      /** Telegram's id of the callback query. */
      readonly id: string
      readonly data?: string
      readonly message?: { readonly id: MessageId; readonly hasText: boolean; readonly inaccessible: boolean }
    }
  | (PreCheckout & { readonly type: 'pre_checkout' })
  /** A person blocked the bot in their private chat, or came back. */
  | { readonly type: 'blocked' }
  | { readonly type: 'unblocked' }
  | { readonly type: 'edited' }
  /** A kind this program does not handle, or (with `problem`) one that did not read. */
  | { readonly type: 'unknown'; readonly problem?: string }

export type SentMedia = {
  readonly message?: MessageId
  readonly fileId: string
  readonly uniqueId: string
  /** 0 when Telegram did not say. */
  readonly bytes: number
  readonly group?: string
  readonly caption?: string
}

export type PreCheckout = {
  readonly id: string
  readonly currency: string
  readonly totalAmount: number
  readonly payload: string
}

/** What intake files an update under. */
export type PeekedUpdate = {
  readonly updateId: number
  readonly kind: string
  readonly lane: Lane
  readonly person?: PersonId
  /** Only of a `pre_checkout_query`, which the fast lane answers. */
  readonly preCheckout?: PreCheckout
}
