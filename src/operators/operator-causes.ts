import type { TelegramFigures } from '../delivery/breaker.ts'
import type { SellingFigures } from '../generation/credits-watch.ts'
import type { PoolFigures } from '../health/health.ts'
import type { PollingFigures } from '../intake/telegram-polling.ts'
import type { Instant } from '../kit/clock.ts'
import type { EventName } from '../telemetry/events.ts'
import type { WebhookFigures } from '../webhook/webhook.ts'

/**
 * What is so bad that an operator is told of it in Telegram: figures in, causes out. Pure. Each cause is one thing that
 * is wrong, whatever number of lines it makes in the log; `operator-watch.ts` tells it once and says when it has passed.
 */
export type Cause = {
  readonly key: CauseKey
  /** What is so, in a sentence or two. */
  readonly says: string
  /** The command that shows more, or helps. */
  readonly run: string
  /** When this grows, it is told again; not sooner than `againAfterMs`. */
  readonly size?: number
  readonly againAfterMs?: number
}

/** The event of each cause, for whoever looks it up in the log and in the documents. */
export const eventOf = {
  took_over: 'ACTIVE_ENTER',
  nobody_active: 'NOBODY_ACTIVE',
  pool_exhausted: 'DB_POOL_EXHAUSTED',
  connection_held: 'DB_CONNECTION_HELD',
  webhook_drift: 'WEBHOOK_DRIFT',
  webhook_contested: 'WEBHOOK_CONTESTED',
  webhook_failing: 'WEBHOOK_LAST_ERROR',
  webhook_unverified: 'WEBHOOK_SET_FAILED',
  polling_conflict: 'POLLING_CONFLICT',
  inbox_old: 'INBOX_OLD',
  errands_old: 'ERRANDS_OLD',
  updates_shelved: 'UPDATE_SHELVED',
  errands_shelved: 'ERRAND_SHELVED',
  credits_low: 'KIE_CREDITS_LOW',
  selling_paused: 'SELLING_PAUSED',
  telegram_away: 'TELEGRAM_AWAY',
  migrations_refused: 'MIGRATIONS_REFUSED',
} as const satisfies Record<string, EventName>
export type CauseKey = keyof typeof eventOf

export const isCauseKey = (text: string): text is CauseKey => Object.hasOwn(eventOf, text)

/** What the leader looks at. What is absent is not known, and makes no cause. */
export type Watched = {
  readonly now: Instant
  readonly instance: string
  readonly leads: {
    readonly epoch: number
    readonly since: Instant
    /** There was a leader before that did not go in order; its name, where it was seen. */
    readonly died?: { readonly instance?: string }
  }
  /** Absent while updates are polled for. */
  readonly webhook?: WebhookFigures | undefined
  readonly polling?: PollingFigures | undefined
  readonly inbox?: Waiting | undefined
  readonly errands?: Waiting | undefined
  readonly pool: PoolFigures
  readonly selling: SellingFigures
  readonly telegram: TelegramFigures
  /** KIE_CREDITS_LOW. */
  readonly creditsLow: number
}
export type Waiting = { readonly pending: number; readonly oldest: number | undefined; readonly shelved: number }

/** A takeover is news for so long. */
const newsMs = 10 * 60_000
const verifyWithinMs = 60_000
/** An error that is gone at the second look needs nobody. */
const failingMs = 2 * 60_000
export const oldMs = 60_000
const againMs = 10 * 60_000

export function causesOf(seen: Watched): readonly Cause[] {
  return [
    ...tookOver(seen),
    ...ofPool(seen),
    ...ofWebhook(seen),
    ...ofPolling(seen),
    ...ofWaiting(seen),
    ...ofSelling(seen),
    ...ofTelegram(seen),
  ]
}

function tookOver({ now, instance, leads: { epoch, since, died } }: Watched): readonly Cause[] {
  if (died === undefined || now - since > newsMs) return []
  const { instance: former } = died
  const before = former === undefined ? 'The instance before it' : `Instance ${former}`
  return [
    {
      key: 'took_over',
      says: `Instance ${instance} is ACTIVE (epoch ${epoch}). ${before} ended without giving the lead back.`,
      run: 'trt lock show',
      size: epoch,
      againAfterMs: 0,
    },
  ]
}

function ofPool({ pool, now }: Watched): readonly Cause[] {
  const causes: Cause[] = []
  if (pool.exhaustedSince !== undefined) {
    const owners = pool.held.length === 0 ? '' : ` In the hands of: ${pool.held.map(({ owner }) => owner).join(', ')}.`
    causes.push({
      key: 'pool_exhausted',
      says: `All ${pool.max} database connections for steps are in use and ${pool.waiting} wait.${owners}`,
      run: 'trt doctor',
    })
  }
  const [reclaimed] = pool.reclaimed
  if (reclaimed !== undefined && now - reclaimed.at < newsMs) {
    causes.push({
      key: 'connection_held',
      says: `${reclaimed.owner} held a database connection for ${Math.round(reclaimed.heldMs / 1000)} s; it was taken back.`,
      run: 'trt doctor',
    })
  }
  return causes
}

function ofWebhook({ webhook, leads, now }: Watched): readonly Cause[] {
  if (webhook === undefined) return []
  const causes: Cause[] = []
  const { drift, contestedSince, failingSince, lastError = 'an error', verifiedAt } = webhook
  if (contestedSince !== undefined) {
    causes.push({
      key: 'webhook_contested',
      says: 'The webhook had to be corrected three times within ten minutes: another program has this bot token. It is left as it is now.',
      run: 'trt webhook info; end the other program; then trt webhook set',
    })
  } else if (drift !== undefined) {
    causes.push({
      key: 'webhook_drift',
      says: `Somebody changed the webhook (${drift.what}). It was corrected.`,
      run: 'trt webhook info',
    })
  }
  if (failingSince !== undefined && now - failingSince >= failingMs) {
    causes.push({
      key: 'webhook_failing',
      says: `Telegram cannot deliver updates: ${lastError}. Nothing was accepted since.`,
      run: 'trt doctor',
    })
  }
  if (verifiedAt === undefined && contestedSince === undefined && now - leads.since > verifyWithinMs) {
    causes.push({
      key: 'webhook_unverified',
      says: 'The webhook could not be set and read back. It goes on being tried; until then nobody is heard.',
      run: 'trt doctor; trt webhook set',
    })
  }
  return causes
}

function ofPolling({ polling }: Watched): readonly Cause[] {
  if (polling?.conflict === undefined) return []
  return [
    {
      key: 'polling_conflict',
      says: `Telegram gives us no updates: ${polling.conflict}`,
      run: 'trt doctor; end the other program, or trt webhook delete',
    },
  ]
}

function ofWaiting({ inbox, errands, now }: Watched): readonly Cause[] {
  const causes: Cause[] = []
  const ageS = (waiting: Waiting | undefined) =>
    waiting?.oldest !== undefined && now - waiting.oldest > oldMs
      ? Math.round((now - waiting.oldest) / 1000)
      : undefined
  const inboxS = ageS(inbox)
  if (inbox !== undefined && inboxS !== undefined) {
    causes.push({
      key: 'inbox_old',
      says: `${inbox.pending} updates wait, the oldest for ${inboxS} s.`,
      run: 'trt inbox list; trt doctor',
    })
  }
  const errandsS = ageS(errands)
  if (errands !== undefined && errandsS !== undefined) {
    causes.push({
      key: 'errands_old',
      says: `${errands.pending} errands wait, the oldest is due for ${errandsS} s.`,
      run: 'trt doctor',
    })
  }
  if (inbox !== undefined && inbox.shelved > 0) {
    causes.push({
      key: 'updates_shelved',
      says: `${inbox.shelved} ${inbox.shelved === 1 ? 'update' : 'updates'} could not be handled and need a look.`,
      run: 'trt inbox list; trt inbox retry',
      size: inbox.shelved,
      againAfterMs: againMs,
    })
  }
  if (errands !== undefined && errands.shelved > 0) {
    causes.push({
      key: 'errands_shelved',
      says: `${errands.shelved} ${errands.shelved === 1 ? 'errand' : 'errands'} could not be carried out and need a look.`,
      run: 'trt story CID, with the cid of ERRAND_SHELVED in the log',
      size: errands.shelved,
      againAfterMs: againMs,
    })
  }
  return causes
}

function ofSelling({ selling, creditsLow }: Watched): readonly Cause[] {
  const { paused, credits } = selling
  const causes: Cause[] = []
  if (paused !== undefined) {
    const why =
      paused.why === 'key_refused'
        ? 'KIE refuses the key'
        : `KIE has too few credits for us${credits === undefined ? '' : ` (${credits})`}`
    causes.push({
      key: 'selling_paused',
      says: `Nothing is sold: ${why}. Nobody is charged; it goes on by itself when that is put right.`,
      run: 'trt doctor; top up or check the key at kie.ai',
    })
  }
  if (credits !== undefined && Number(credits) < creditsLow) {
    causes.push({
      key: 'credits_low',
      says: `${credits} credits are left at KIE, fewer than ${creditsLow} (KIE_CREDITS_LOW).`,
      run: 'trt doctor; top up at kie.ai/billing',
    })
  }
  return causes
}

/** It waits like everything else, and arrives when Telegram is back. */
function ofTelegram({ telegram: { away } }: Watched): readonly Cause[] {
  if (away === undefined) return []
  const what = away.why === 'token_refused' ? 'Telegram refuses the bot token' : 'Telegram does not answer'
  return [
    {
      key: 'telegram_away',
      says: `${what}: ${away.detail}. Messages and results wait; nothing is lost.`,
      run: 'trt doctor',
    },
  ]
}
