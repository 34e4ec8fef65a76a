import type { Instant } from '../kit/clock.ts'

/** A list without `pre_checkout_query` would make every payment time out, and Telegram keeps an old list for ever. */
export const wantedUpdates = [
  'message',
  'edited_message',
  'callback_query',
  'pre_checkout_query',
  'my_chat_member',
] as const
export type WantedUpdate = (typeof wantedUpdates)[number]
/** Telegram's own default, sent all the same: what is not sent is what somebody else once set. */
export const wantedConnections = 40

/** What Telegram says of the webhook. */
export type WebhookSeen = {
  /** Empty when there is none. */
  readonly url: string
  readonly pending: number
  readonly allowedUpdates: readonly string[]
  readonly maxConnections?: number
  readonly lastError?: { readonly at: number; readonly message: string }
}

/** How the keeper of the webhook is doing. */
export type WebhookFigures = {
  readonly url: string
  readonly verifiedAt?: Instant
  readonly pending?: number
  readonly lastError?: string
  readonly lastErrorAt?: Instant
  /** Telegram cannot deliver since then: nothing was accepted after its last error. */
  readonly failingSince?: Instant
  /** The last correction of what somebody changed, while it is less than ten minutes ago. */
  readonly drift?: { readonly at: Instant; readonly what: string }
  /** Since when it is left as it is, because somebody else corrects it too. */
  readonly contestedSince?: Instant
}

/** What the leader records when it has done it. */
export type Milestone = 'webhook_set' | 'webhook_verified' | 'duties_started' | 'released'
