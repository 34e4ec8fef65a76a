import type { Update } from 'grammy/types'
import { type BotId, botId } from '../kit/ids.ts'
import { done, type Outcome, unknown } from '../kit/outcome.ts'
import type { Language } from '../people/person.ts'
import type { CommandScope } from '../webhook/commands-keeper.ts'
import type { WebhookSeen } from '../webhook/webhook.ts'
import type { TelegramNo } from './answer.ts'
import type { BotApi } from './bot-api.ts'
import { renderPlain } from './send.ts'

/**
 * What those who keep the bot itself in order need of Telegram: its identity, its webhook, its commands, its books.
 * A call whose `signal` aborts is given up; whether Telegram did it is then unknown.
 */
export interface TelegramAdmin {
  getMe(signal?: AbortSignal): Promise<Outcome<Me, TelegramNo>>
  /** Replaces the whole registration. `allowedUpdates` is always sent, because Telegram keeps an old list for ever. */
  setWebhook(
    webhook: {
      readonly url: string
      readonly secretToken: string
      readonly allowedUpdates: readonly UpdateKind[]
      readonly maxConnections?: number
      readonly dropPending?: boolean
    },
    signal?: AbortSignal,
  ): Promise<Outcome<true, TelegramNo>>
  getWebhookInfo(signal?: AbortSignal): Promise<Outcome<WebhookSeen, TelegramNo>>
  /** Keeps pending updates unless told otherwise. */
  deleteWebhook(options?: { readonly dropPending?: boolean }, signal?: AbortSignal): Promise<Outcome<true, TelegramNo>>
  /** Without a language: for everybody whose language has no list of its own. */
  setMyCommands(
    commands: readonly { readonly command: string; readonly description: string }[],
    language?: Language,
  ): Promise<Outcome<true, TelegramNo>>
  /** Deletes one list of commands, so that the next wider one is shown. Done as well when there is none. */
  deleteMyCommands(scope: CommandScope, language?: Language): Promise<Outcome<true, TelegramNo>>
  /**
   * Waits up to `timeoutS` (50 at most) for updates from `offset` on, and returns each as Telegram wrote it. What lies
   * before `offset` is forgotten by Telegram. An aborted wait is `unknown`.
   */
  getUpdates(wait: {
    readonly offset: number
    readonly timeoutS: number
    readonly limit?: number
    readonly allowedUpdates: readonly UpdateKind[]
    readonly signal?: AbortSignal
  }): Promise<Outcome<readonly { readonly body: unknown; readonly raw: string }[], TelegramNo>>
  /** Telegram cancels the payment when no answer came within 10 s. The message is shown to the person. */
  answerPreCheckout(
    query: string,
    answer: { readonly ok: true } | { readonly ok: false; readonly message: string },
  ): Promise<Outcome<true, TelegramNo>>
  /** Oldest first; at most 100 at a time. */
  getStarTransactions(page: {
    readonly offset: number
    readonly limit: number
  }): Promise<Outcome<readonly StarTransaction[], TelegramNo>>
}

export type Me = {
  readonly id: BotId
  readonly username: string
  readonly firstName: string
  /** Telegram's clock minus ours, to about a second; absent when its answer told no time. */
  readonly aheadMs?: number
}

export type UpdateKind = Exclude<keyof Update, 'update_id'>

/** One line of the bot's Stars account. A refund has the id of the payment it gives back. */
export type StarTransaction = {
  readonly id: string
  readonly stars: number
  /** Seconds since 1970, as Telegram counts. */
  readonly atS: number
  readonly direction: 'in' | 'out'
  readonly person?: number
  readonly payload?: string
}

export function createAdmin(api: BotApi, limitMs: number): TelegramAdmin {
  const call = { limitMs }
  const until = (signal: AbortSignal | undefined) => (signal === undefined ? call : { limitMs, signal })
  return {
    async getMe(signal) {
      let aheadMs: number | undefined
      const heardClock = (ms: number) => {
        aheadMs = ms
      }
      const me = await api.call((telegram) => telegram.raw.getMe(), { ...until(signal), heardClock })
      if (me.kind !== 'done') return me
      const { id, username, first_name: firstName } = me.value
      return done({ id: botId(id), username, firstName, ...(aheadMs === undefined ? {} : { aheadMs }) })
    },

    setWebhook: ({ url, secretToken, allowedUpdates, maxConnections, dropPending = false }, signal) =>
      api.call(
        (telegram) =>
          telegram.raw.setWebhook({
            url,
            secret_token: secretToken,
            allowed_updates: [...allowedUpdates],
            drop_pending_updates: dropPending,
            ...(maxConnections === undefined ? {} : { max_connections: maxConnections }),
          }),
        until(signal),
      ),

    async getWebhookInfo(signal) {
      const info = await api.call((telegram) => telegram.raw.getWebhookInfo(), until(signal))
      if (info.kind !== 'done') return info
      const {
        url = '',
        pending_update_count: pending,
        allowed_updates: allowedUpdates = [],
        max_connections: maxConnections,
        last_error_date: at,
        last_error_message: message = '',
      } = info.value
      const lastError = at === undefined ? {} : { lastError: { at: at * 1000, message: api.hide(message) } }
      const limit = maxConnections === undefined ? {} : { maxConnections }
      return done({ url, pending, allowedUpdates, ...limit, ...lastError })
    },

    deleteWebhook: ({ dropPending = false } = {}, signal) =>
      api.call((telegram) => telegram.raw.deleteWebhook({ drop_pending_updates: dropPending }), until(signal)),

    setMyCommands: (commands, language) =>
      api.call(
        (telegram) =>
          telegram.raw.setMyCommands({
            commands: [...commands],
            ...(language === undefined ? {} : { language_code: language }),
          }),
        call,
      ),

    deleteMyCommands: (scope, language) =>
      api.call(
        (telegram) =>
          telegram.raw.deleteMyCommands({
            scope: typeof scope === 'number' ? { type: 'chat', chat_id: scope } : { type: scope },
            ...(language === undefined ? {} : { language_code: language }),
          }),
        call,
      ),

    async getUpdates({ offset, timeoutS, limit = 100, allowedUpdates, signal }) {
      const updates = await api.call<readonly unknown[]>(
        (telegram) =>
          telegram.raw.getUpdates({ offset, limit, timeout: timeoutS, allowed_updates: [...allowedUpdates] }),
        { limitMs: timeoutS * 1000 + limitMs, ...(signal === undefined ? {} : { signal }) },
      )
      if (updates.kind !== 'done') return updates
      if (!Array.isArray(updates.value)) return unknown('Telegram answered getUpdates with something else than a list')
      return done(updates.value.map((body) => ({ body, raw: JSON.stringify(body) })))
    },

    answerPreCheckout: (query, answer) =>
      api.call(
        (telegram) =>
          telegram.raw.answerPreCheckoutQuery({
            pre_checkout_query_id: query,
            ok: answer.ok,
            ...(answer.ok ? {} : { error_message: renderPlain(answer.message, refusalUnitsMax) }),
          }),
        call,
      ),

    async getStarTransactions({ offset, limit }) {
      const page = await api.call((telegram) => telegram.raw.getStarTransactions({ offset, limit }), call)
      if (page.kind !== 'done') return page
      return done(
        page.value.transactions.map(({ id, amount, date, source, receiver }) => {
          const partner = source ?? receiver
          const ofPerson = partner?.type === 'user' ? partner : undefined
          return {
            id,
            stars: amount,
            atS: date,
            direction: source === undefined ? ('out' as const) : ('in' as const),
            ...(ofPerson === undefined ? {} : { person: ofPerson.user.id }),
            ...(ofPerson?.invoice_payload === undefined ? {} : { payload: ofPerson.invoice_payload }),
          }
        }),
      )
    },
  }
}

/** Telegram names no limit for it; this fits every client's dialog. */
const refusalUnitsMax = 200
