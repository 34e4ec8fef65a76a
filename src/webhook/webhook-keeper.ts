import type { Clock, Instant } from '../kit/clock.ts'
import type { Outcome } from '../kit/outcome.ts'
import type { LeaderDuty } from '../lifecycle/duties.ts'
import type { LeaderPermit } from '../permit.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import {
  type Milestone,
  type WantedUpdate,
  type WebhookFigures,
  type WebhookSeen,
  wantedConnections,
  wantedUpdates,
} from './webhook.ts'

/**
 * Keeps Telegram's webhook as it should be: a duty of the leader, so it happens once each time an instance becomes
 * ACTIVE, however it became so.
 *
 *   set (the secret cannot be read back, so it is set and not compared) ─► read back ─► each minute: read, compare
 *        ▲                                                                                    │
 *        └──────── another URL, list or limit; or Telegram was refused by our own door ◄──────┘
 *
 * - Whatever Telegram answers, the duty stays and the service works on; it is asked again with growing pauses.
 * - Three corrections within ten minutes mean that somebody else corrects too: then it only looks, until the webhook
 *   has stayed right for ten minutes.
 * - Updates that wait are never dropped, and a shutdown leaves the webhook where it is.
 */
export type WebhookKeeperDeps = {
  readonly telegram: {
    setWebhook(
      webhook: {
        readonly url: string
        readonly secretToken: string
        readonly allowedUpdates: readonly WantedUpdate[]
        readonly maxConnections: number
      },
      signal?: AbortSignal,
    ): Promise<Outcome<true>>
    getWebhookInfo(signal?: AbortSignal): Promise<Outcome<WebhookSeen>>
  }
  readonly url: string
  readonly secretToken: string
  /** Writes down which secrets Telegram has; said before it is given them, and while they hold. Never rejects. */
  readonly noteKeys: () => Promise<void>
  /** When the newest update was stored, by whichever instance. */
  readonly lastAcceptedAt: () => number | undefined
  /** Writes down what the leader of this epoch has got done, for `doctor`; never rejects. */
  readonly note: (milestone: Milestone, epoch: number) => Promise<void>
  /** Another time between two looks than an operator gets, for drills. */
  readonly lookEveryMs?: number
  readonly clock: Clock
  readonly telemetry: Telemetry
}

/** What the operators know: three attempts at 5, 10 and 20 s; after that, for ever, at most every five minutes. */
const retriesS = [5, 10, 20, 60, 120, 300] as const
const retryLongestS = 300
const lookEveryMs = 60_000
/** A webhook that was just set is looked at again so soon when Telegram did not say what it has. */
const lookAgainMs = 5_000
const correctionsMax = 3
const contestMs = 10 * 60_000

export type WebhookKeeper = { readonly duty: LeaderDuty; readonly figures: () => WebhookFigures }

export function createWebhookKeeper(deps: WebhookKeeperDeps): WebhookKeeper {
  let keeping = new Keeping(deps)
  return {
    duty: {
      name: 'webhook',
      async run(permit, signal) {
        try {
          await keeping.keep(permit, signal)
        } finally {
          // What one epoch learned says nothing about the next.
          keeping = new Keeping(deps)
        }
      },
    },
    figures: () => keeping.figures(),
  }
}

/** The webhook during one epoch. */
class Keeping {
  readonly #deps: WebhookKeeperDeps
  /** When it was corrected, oldest first; those of the last ten minutes. */
  #corrections: Instant[] = []
  /** The error that Telegram had to tell when it was last set; a newer one came after our call. */
  #errorBefore: number | undefined
  /** Whether it was read back right since it was last set. */
  #isVerified = false
  #isStarted = false
  /** Since when it has been right without a break. */
  #rightSince: Instant | undefined
  #figures: WebhookFigures

  constructor(deps: WebhookKeeperDeps) {
    this.#deps = deps
    this.#figures = { url: deps.url }
  }

  figures(): WebhookFigures {
    const { drift, ...rest } = this.#figures
    return drift !== undefined && this.#deps.clock.now() - drift.at < contestMs ? { ...rest, drift } : rest
  }

  async keep(permit: LeaderPermit, signal: AbortSignal): Promise<void> {
    const { clock, note, url } = this.#deps
    const everyMs = this.#deps.lookEveryMs ?? lookEveryMs
    if (!(await this.#set(signal))) return
    await note('webhook_set', permit.epoch)
    while (!signal.aborted) {
      let seen = await this.#look(permit, signal)
      // What was corrected is read back at once, and judged at the next look: whoever changes it back at the same
      // moment shall not be met in a loop.
      if (seen !== undefined && (await this.#judge(seen, differenceOf(seen, url), signal)) === 'corrected') {
        seen = await this.#look(permit, signal)
      }
      await clock.sleep(seen === undefined && !this.#isVerified ? lookAgainMs : everyMs, signal)
    }
  }

  /** Until Telegram takes it. False: the duty is over. */
  async #set(signal: AbortSignal): Promise<boolean> {
    const { telegram, url, secretToken, noteKeys, clock, telemetry } = this.#deps
    const shown = shownUrl(url)
    for (let attempt = 1; !signal.aborted; attempt++) {
      await noteKeys()
      telemetry.emit('WEBHOOK_SETTING', { url: shown })
      const wish = { url, secretToken, allowedUpdates: wantedUpdates, maxConnections: wantedConnections }
      const outcome = await telegram.setWebhook(wish, signal)
      if (outcome.kind === 'done') {
        telemetry.emit('WEBHOOK_SET', { url: shown })
        this.#errorBefore = undefined
        this.#isVerified = false
        return true
      }
      if (signal.aborted) return false
      const delayS = delayOf(outcome, attempt)
      telemetry.emit('WEBHOOK_SET_RETRY', { attempt, delay_s: delayS, error: outcome.detail })
      if (attempt === 3) telemetry.emit('WEBHOOK_SET_FAILED', { attempts: attempt, error: outcome.detail })
      await clock.sleep(delayS * 1000, signal)
    }
    return false
  }

  /** What Telegram has; undefined when it did not say, which is no drift. */
  async #look(permit: LeaderPermit, signal: AbortSignal): Promise<WebhookSeen | undefined> {
    const { telegram, clock, telemetry, url } = this.#deps
    const outcome = await telegram.getWebhookInfo(signal)
    if (outcome.kind !== 'done' || signal.aborted) return undefined
    const seen = outcome.value
    const isRight = differenceOf(seen, url) === undefined
    const now = clock.now()
    if (seen.url === '') telemetry.emit('WEBHOOK_MISSING')
    this.#errorBefore ??= seen.lastError?.at ?? 0
    this.#rightSince = isRight ? (this.#rightSince ?? now) : undefined
    const { drift, contestedSince, failingSince } = this.#figures
    this.#figures = {
      url,
      pending: seen.pending,
      ...(isRight ? { verifiedAt: now } : {}),
      ...(seen.lastError === undefined ? {} : errorOf(seen.lastError)),
      ...(this.#isFailing(seen) ? { failingSince: failingSince ?? now } : {}),
      ...(drift === undefined ? {} : { drift }),
      ...(contestedSince === undefined ? {} : { contestedSince }),
    }
    if (isRight) await this.#noteRight(permit, seen)
    return seen
  }

  /** An error of Telegram counts only when nothing was accepted after it. */
  #isFailing({ lastError }: WebhookSeen): boolean {
    if (lastError === undefined) return false
    const acceptedAt = this.#deps.lastAcceptedAt()
    return acceptedAt === undefined || lastError.at > acceptedAt
  }

  async #noteRight({ epoch }: LeaderPermit, { pending, lastError }: WebhookSeen): Promise<void> {
    const { url, note, noteKeys, telemetry } = this.#deps
    await noteKeys()
    if (this.#isVerified) return
    this.#isVerified = true
    const more = lastError === undefined ? {} : { last_error: lastError.message }
    telemetry.emit('WEBHOOK_VERIFIED', { url: shownUrl(url), pending, ...more })
    await note('webhook_verified', epoch)
    if (this.#isStarted) return
    this.#isStarted = true
    telemetry.emit('DUTIES_STARTED', { epoch })
    await note('duties_started', epoch)
  }

  async #judge(seen: WebhookSeen, wrong: string | undefined, signal: AbortSignal): Promise<'left' | 'corrected'> {
    if (wrong !== undefined) return await this.#correctDrift(wrong, signal)
    this.#endContest()
    return await this.#correctRefusal(seen, signal)
  }

  async #correctDrift(what: string, signal: AbortSignal): Promise<'left' | 'corrected'> {
    const { clock, telemetry } = this.#deps
    if (this.#figures.contestedSince !== undefined) return 'left'
    telemetry.emit('WEBHOOK_DRIFT', { what })
    this.#figures = { ...this.#figures, drift: { at: clock.now(), what } }
    return await this.#correct(signal)
  }

  /** Telegram tells an error that it had not told when the webhook was last set: our own door may refuse it. */
  async #correctRefusal(seen: WebhookSeen, signal: AbortSignal): Promise<'left' | 'corrected'> {
    const { lastError } = seen
    const isNew = lastError !== undefined && lastError.at > (this.#errorBefore ?? lastError.at)
    if (!isNew || this.#figures.failingSince === undefined) return 'left'
    this.#errorBefore = lastError.at
    const at = new Date(lastError.at).toISOString()
    this.#deps.telemetry.emit('WEBHOOK_LAST_ERROR', { error: lastError.message, at })
    if (!isRefusal(lastError.message) || this.#figures.contestedSince !== undefined) return 'left'
    return await this.#correct(signal)
  }

  async #correct(signal: AbortSignal): Promise<'left' | 'corrected'> {
    const { clock, telemetry } = this.#deps
    const now = clock.now()
    if (!(await this.#set(signal))) return 'left'
    this.#rightSince = undefined
    this.#corrections = [...this.#corrections.filter((at) => now - at < contestMs), now]
    if (this.#corrections.length >= correctionsMax) {
      this.#figures = { ...this.#figures, contestedSince: now }
      telemetry.emit('WEBHOOK_CONTESTED', { corrections: this.#corrections.length, within_s: contestMs / 1000 })
    }
    return 'corrected'
  }

  /** It has stayed right by itself for as long as a contest lasts: whoever else corrected has stopped. */
  #endContest(): void {
    const { contestedSince, ...rest } = this.#figures
    const since = this.#rightSince
    if (contestedSince === undefined || since === undefined || this.#deps.clock.now() - since < contestMs) return
    this.#corrections = []
    this.#figures = rest
  }
}

/** What is not as it should be, in a few words; undefined when all is. The address of somebody else holds their secret. */
function differenceOf(seen: WebhookSeen, url: string): string | undefined {
  if (seen.url === '') return 'the webhook was removed'
  if (seen.url !== url) return `the address is ${shownUrl(seen.url)}`
  const missing = wantedUpdates.filter((kind) => !seen.allowedUpdates.includes(kind))
  if (missing.length > 0) return `allowed_updates lacks ${missing.join(', ')}`
  const { maxConnections = wantedConnections } = seen
  return maxConnections === wantedConnections ? undefined : `max_connections is ${maxConnections}`
}

function delayOf(outcome: Exclude<Outcome<true>, { kind: 'done' }>, attempt: number): number {
  const named = outcome.kind === 'not_done' && outcome.retry.when === 'later' ? outcome.retry.afterMs : undefined
  return named === undefined ? (retriesS[attempt - 1] ?? retryLongestS) : Math.ceil(named / 1000)
}

/** Our own door refused Telegram: the wrong path, or the wrong secret token. */
const isRefusal = (message: string): boolean => /\b(401|403|404)\b/.test(message)
const errorOf = ({ at, message }: { readonly at: number; readonly message: string }) => ({
  lastError: message,
  lastErrorAt: at as Instant,
})
/** The last segment is a secret. */
const shownUrl = (url: string): string => url.replace(/[^/]+$/, '***')
