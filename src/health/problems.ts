import type { ResultsFigures } from '../delivery/results-guard.ts'
import type { TelegramFigures } from '../delivery/telegram-breaker.ts'
import type { SellingFigures } from '../generation/credits-watch.ts'
import type { UploadsFigures } from '../generation/uploads-guard.ts'
import type { PollingFigures } from '../intake/telegram-polling.ts'
import type { Instant } from '../kit/clock.ts'
import type { InRow, LossFigures } from '../losses/loss-figures.ts'
import type { WebhookFigures } from '../webhook/webhook.ts'

/**
 * What is wrong with the service, by its figures. Pure, and the only place with thresholds: `/health` names these
 * problems, and the operators are alerted to them.
 */
export const allProblems = [
  'nobody_active',
  'webhook_unverified',
  'webhook_contested',
  'webhook_failing',
  'polling_conflict',
  'inbox_old',
  'errands_old',
  'updates_shelved',
  'errands_shelved',
  'pool_waiting',
  'pool_exhausted',
  'kie_refuses',
  'telegram_away',
  'losses',
  'results_away',
  'uploads_away',
  'database_silent',
  'database_read_only',
  'updates_refused',
] as const
export type Problem = (typeof allProblems)[number]

/** What is absent is not known, and is no problem. */
export type ProblemFigures = {
  readonly now: Instant
  /** Since when this instance leads; undefined while it does not. */
  readonly leadsSince: Instant | undefined
  /** For how long no instance has led, as far as a standby can see. */
  readonly nobodyActiveMs?: number
  readonly webhook?: WebhookFigures | undefined
  readonly polling?: PollingFigures | undefined
  readonly inbox?: Waiting | undefined
  readonly errands?: Waiting | undefined
  readonly pool?: Pick<PoolFigures, 'waiting' | 'exhaustedSince'> | undefined
  /** Somebody waited for a connection at the last look too; a wait of a moment is no problem. */
  readonly poolWaited?: boolean | undefined
  readonly selling?: SellingFigures | undefined
  readonly telegram: TelegramFigures
  readonly losses?: LossFigures | undefined
  /** LOSS_CREDITS_PER_DAY. */
  readonly lossCreditsPerDay: number
  readonly results: ResultsFigures
  readonly uploads: UploadsFigures
  /** When the database last answered; absent while nobody has asked it. */
  readonly answeredAt?: Instant | undefined
  readonly isReadOnly?: boolean | undefined
  /** The last update could not be committed. */
  readonly isRefused?: boolean | undefined
}
export type Waiting = { readonly pending: number; readonly oldest: number | undefined; readonly shelved: number }

/** The connections for steps and errands. */
export type PoolFigures = {
  readonly max: number
  readonly inUse: number
  readonly idle: number
  readonly waiting: number
  /** Those that have been out for more than a moment, with their owners. */
  readonly held: readonly { readonly owner: string; readonly heldMs: number }[]
  /** Those that were not given back and had to be taken back, the newest first. */
  readonly reclaimed: readonly { readonly owner: string; readonly heldMs: number; readonly at: Instant }[]
  /** Since when others wait and nothing comes back. */
  readonly exhaustedSince?: Instant
}

const nobodyMs = 60_000
const verifyWithinMs = 60_000
/** An error that is gone at the second look needs nobody. */
const failingMs = 2 * 60_000
export const oldMs = 60_000
/** Figures older than this mean that the database does not answer. */
const answerMs = 10_000

/** One order that fails is bad luck, and two may be; three in a row have a cause that somebody can remove. */
const inRowMin = 3

/** The causes that several orders in a row ended with. */
export const repeatedIn = (losses: LossFigures | undefined): readonly InRow[] =>
  (losses?.inRow ?? []).filter(({ stories }) => stories >= inRowMin)

/** What the day's losses have cost in credits, where that is more than the setting; undefined where it is not. */
export function creditsOver({
  losses,
  lossCreditsPerDay,
}: Pick<ProblemFigures, 'losses' | 'lossCreditsPerDay'>): number | undefined {
  const credits = (losses?.today ?? []).reduce((sum, each) => sum + Number(each.credits ?? 0), 0)
  return credits > lossCreditsPerDay ? credits : undefined
}

export const isSilent = ({ now, answeredAt }: Pick<ProblemFigures, 'now' | 'answeredAt'>): boolean =>
  answeredAt !== undefined && now - answeredAt >= answerMs

export function problemsOf(seen: ProblemFigures): readonly Problem[] {
  const { now, leadsSince, nobodyActiveMs = 0, inbox, errands, pool, poolWaited, selling, telegram, results } = seen
  const isOld = (waiting: Waiting | undefined) => waiting?.oldest !== undefined && now - waiting.oldest > oldMs
  const isShelved = (waiting: Waiting | undefined) => waiting !== undefined && waiting.shelved > 0
  const are: Readonly<Record<Problem, boolean>> = {
    nobody_active: leadsSince === undefined && nobodyActiveMs > nobodyMs,
    ...arrivalsOf(seen),
    inbox_old: isOld(inbox),
    errands_old: isOld(errands),
    updates_shelved: isShelved(inbox),
    errands_shelved: isShelved(errands),
    pool_waiting: pool !== undefined && pool.waiting > 0 && poolWaited === true,
    pool_exhausted: pool?.exhaustedSince !== undefined,
    kie_refuses: selling?.paused !== undefined,
    telegram_away: telegram.away !== undefined,
    losses: repeatedIn(seen.losses).length > 0 || creditsOver(seen) !== undefined,
    results_away: results.away !== undefined,
    uploads_away: seen.uploads.away !== undefined,
    database_silent: isSilent(seen),
    database_read_only: seen.isReadOnly === true,
    updates_refused: seen.isRefused === true,
  }
  return allProblems.filter((problem) => are[problem])
}

/** How updates come in: a duty of the leader, so nobody else has problems with it. */
function arrivalsOf({ now, leadsSince, webhook, polling }: ProblemFigures) {
  const { verifiedAt, contestedSince, failingSince } = webhook ?? {}
  const leads = leadsSince !== undefined
  const isLate = leads && now - leadsSince > verifyWithinMs
  return {
    webhook_unverified: isLate && webhook !== undefined && verifiedAt === undefined && contestedSince === undefined,
    webhook_contested: leads && contestedSince !== undefined,
    webhook_failing: leads && failingSince !== undefined && now - failingSince >= failingMs,
    polling_conflict: leads && polling?.conflict !== undefined,
  }
}
