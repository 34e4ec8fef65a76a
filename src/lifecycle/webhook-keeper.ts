import type { Clock } from '../kit/clock.ts'
import type { Outcome } from '../kit/outcome.ts'
import type { Permit } from '../store.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import type { LeaderDuty } from './duties.ts'
import type { Deed } from './webhook-verdicts.ts'

/**
 * Keeps Telegram's webhook as it should be: a duty of the leader, so it happens once each time an instance becomes
 * ACTIVE, however it became so. The secret cannot be read back, so the webhook is set, not compared; then it is read
 * every minute and corrected. Pending updates are never dropped, and shutdown leaves it in place.
 */
export type WebhookKeeperDeps = {
  readonly telegram: {
    setWebhook(webhook: {
      readonly url: string
      readonly secretToken: string
      readonly allowedUpdates: readonly WantedUpdate[]
    }): Promise<Outcome<true>>
    getWebhookInfo(): Promise<
      Outcome<{
        readonly url: string
        readonly pending: number
        readonly allowedUpdates: readonly string[]
        readonly lastError?: { readonly at: number; readonly message: string }
      }>
    >
    setMyCommands(): Promise<void>
  }
  readonly url: string
  readonly secretToken: string
  /** Writes down what the leader of this epoch has got done, for `doctor`; never rejects. */
  readonly note: (deed: Deed, epoch: number) => Promise<void>
  readonly clock: Clock
  readonly telemetry: Telemetry
}

/** A list without `pre_checkout_query` would make every payment time out, and Telegram keeps an old list for ever. */
export const wantedUpdates = [
  'message',
  'edited_message',
  'callback_query',
  'pre_checkout_query',
  'my_chat_member',
] as const
export type WantedUpdate = (typeof wantedUpdates)[number]

/** What the operators know: three attempts at 5, 10 and 20 s; after that, for ever, at most every five minutes. */
const retriesS = [5, 10, 20, 60, 120, 300] as const
const verifyEveryMs = 60_000

export type WebhookFigures = {
  readonly url: string
  readonly verifiedAt?: number
  readonly pending?: number
  readonly lastError?: string
}

export function createWebhookKeeper({ telegram, url, secretToken, note, clock, telemetry }: WebhookKeeperDeps): {
  readonly duty: LeaderDuty
  readonly figures: () => WebhookFigures
} {
  let figures: WebhookFigures = { url }

  async function set(signal: AbortSignal): Promise<void> {
    for (let attempt = 1; !signal.aborted; attempt++) {
      telemetry.tell('WEBHOOK_SETTING', { url })
      const outcome = await telegram.setWebhook({ url, secretToken, allowedUpdates: wantedUpdates })
      if (outcome.kind === 'done') return telemetry.tell('WEBHOOK_SET', { url })
      const named = outcome.kind === 'not_done' && outcome.retry.when === 'later' ? outcome.retry.afterMs : undefined
      const delayS = named === undefined ? (retriesS[attempt - 1] ?? 300) : Math.ceil(named / 1000)
      telemetry.tell('WEBHOOK_SET_RETRY', { attempt, delay_s: delayS, error: outcome.detail })
      if (attempt === 3) telemetry.tell('WEBHOOK_SET_FAILED', { attempts: attempt, error: outcome.detail })
      await clock.sleep(delayS * 1000, signal)
    }
  }

  /** Whether Telegram has what we want. Unknown, when it did not say, is not a drift. */
  async function verify(): Promise<'right' | 'wrong' | 'unknown'> {
    const outcome = await telegram.getWebhookInfo()
    if (outcome.kind !== 'done') return 'unknown'
    const state = outcome.value
    if (state.url === '') telemetry.tell('WEBHOOK_MISSING')
    const isRight = state.url === url && wantedUpdates.every((kind) => state.allowedUpdates.includes(kind))
    const lastError = state.lastError === undefined ? {} : { lastError: state.lastError.message }
    figures = { url, pending: state.pending, ...lastError, ...(isRight ? { verifiedAt: clock.now() } : {}) }
    return isRight ? 'right' : 'wrong'
  }

  async function run(permit: Permit, signal: AbortSignal): Promise<void> {
    await telegram.setMyCommands()
    await set(signal)
    if (!signal.aborted) await note('webhook_set', permit.epoch)
    let told = false
    while (!signal.aborted) {
      const found = await verify()
      if (found === 'right' && !told) {
        told = true
        const { pending, lastError } = figures
        telemetry.tell('WEBHOOK_VERIFIED', {
          url,
          pending,
          ...(lastError === undefined ? {} : { last_error: lastError }),
        })
        telemetry.tell('DUTIES_STARTED', { epoch: permit.epoch })
        await note('webhook_verified', permit.epoch)
        await note('duties_started', permit.epoch)
      }
      if (found === 'wrong') {
        telemetry.tell('WEBHOOK_DRIFT', { what: 'the webhook is not the one that was set' })
        await set(signal)
        continue
      }
      await clock.sleep(found === 'unknown' && !told ? 5_000 : verifyEveryMs, signal)
    }
  }

  return { duty: { name: 'webhook', run }, figures: () => figures }
}
