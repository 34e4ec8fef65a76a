import type { ResultsFigures } from '../delivery/results-guard.ts'
import type { TelegramFigures } from '../delivery/telegram-breaker.ts'
import type { SellingFigures } from '../generation/credits-watch.ts'
import type { UploadsFigures } from '../generation/uploads-guard.ts'
import {
  creditsOver,
  type PoolFigures,
  type Problem,
  problemsOf,
  repeatedIn,
  type Waiting,
} from '../health/problems.ts'
import type { PollingFigures } from '../intake/telegram-polling.ts'
import type { Instant } from '../kit/clock.ts'
import { causes } from '../losses/loss.ts'
import type { LossFigures } from '../losses/loss-figures.ts'
import type { EventName } from '../telemetry/events.ts'
import type { WebhookFigures } from '../webhook/webhook.ts'

/**
 * What operators are alerted to in Telegram: the problems of the service (`health/problems.ts`) and a few pieces of news.
 * Pure: figures in, alerts out. Each alert is one thing that is wrong, however many log lines it makes;
 * `operator-watch.ts` sends it once and says when it has passed.
 */
export type Alert = {
  readonly key: AlertKey
  /** What is so, in a sentence or two. */
  readonly says: string
  /** The command that shows more, or helps. */
  readonly run: string
  /** When this grows, it is told again; not sooner than `againAfterMs`. */
  readonly size?: number
  readonly againAfterMs?: number
}

/** The event of each alert, as it stands in the log and in the documents. */
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
  kie_refuses: 'SELLING_PAUSED',
  telegram_away: 'TELEGRAM_AWAY',
  losses: 'LOSS_RECORDED',
  message_refused: 'MESSAGE_REFUSED',
  results_away: 'RESULTS_AWAY',
  uploads_away: 'UPLOADS_AWAY',
  migrations_refused: 'MIGRATIONS_REFUSED',
} as const satisfies Record<string, EventName>
export type AlertKey = keyof typeof eventOf

export const isAlertKey = (text: string): text is AlertKey => Object.hasOwn(eventOf, text)

/** What the leader looks at. What is absent is not known, and makes no alert. */
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
  readonly results: ResultsFigures
  readonly uploads: UploadsFigures
  /** KIE_CREDITS_LOW. */
  readonly creditsLow: number
  readonly losses?: LossFigures | undefined
  /** LOSS_CREDITS_PER_DAY. */
  readonly lossCreditsPerDay: number
}

/** A takeover is news for so long. */
const newsMs = 10 * 60_000
const againMs = 10 * 60_000

export function alertsOf(seen: Watched): readonly Alert[] {
  const problems = problemsOf({ ...seen, leadsSince: seen.leads.since })
  const alerts = problems.filter(isAlerted).map((key) => ({ key, ...wordingOf[key](seen) }))
  return [...newsOf(seen), ...alerts]
}

/** What has happened and is no state that can be mended; and credits that will soon be used up. */
function newsOf(seen: Watched): readonly Alert[] {
  return [...tookOver(seen), ...connectionHeld(seen), ...drifted(seen), ...creditsLow(seen)]
}

function tookOver({ now, instance, leads: { epoch, since, died } }: Watched): readonly Alert[] {
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

function connectionHeld({ pool, now }: Watched): readonly Alert[] {
  const [reclaimed] = pool.reclaimed
  if (reclaimed === undefined || now - reclaimed.at >= newsMs) return []
  return [
    {
      key: 'connection_held',
      says: `${reclaimed.owner} held a database connection for ${Math.round(reclaimed.heldMs / 1000)} s; it was taken back.`,
      run: 'trt doctor',
    },
  ]
}

function drifted({ webhook }: Watched): readonly Alert[] {
  if (webhook?.drift === undefined || webhook.contestedSince !== undefined) return []
  return [
    {
      key: 'webhook_drift',
      says: `Somebody changed the webhook (${webhook.drift.what}). It was corrected.`,
      run: 'trt webhook info',
    },
  ]
}

function creditsLow({ selling: { credits }, creditsLow: low }: Watched): readonly Alert[] {
  if (credits === undefined || Number(credits) >= low) return []
  return [
    {
      key: 'credits_low',
      says: `${credits} credits are left at KIE, fewer than ${low} (KIE_CREDITS_LOW).`,
      run: 'trt doctor; top up at kie.ai/billing',
    },
  ]
}

/** The problems that the leader alerts to. The others end with the alert itself, or a standby says them. */
type Alerted = Exclude<
  Problem,
  'nobody_active' | 'pool_waiting' | 'database_silent' | 'database_read_only' | 'updates_refused'
>
type Wording = Omit<Alert, 'key'>

/** Each problem in a sentence for an operator. */
const wordingOf: Readonly<Record<Alerted, (seen: Watched) => Wording>> = {
  pool_exhausted({ pool }) {
    const owners = pool.held.length === 0 ? '' : ` Held by: ${pool.held.map(({ owner }) => owner).join(', ')}.`
    return {
      says: `All ${pool.max} database connections for steps are in use and ${pool.waiting} wait.${owners}`,
      run: 'trt doctor',
    }
  },
  webhook_contested: () => ({
    says: 'The webhook had to be corrected three times within ten minutes: another program has this bot token. It is left as it is now.',
    run: 'trt webhook info; end the other program; then trt webhook set',
  }),
  webhook_failing: ({ webhook }) => ({
    says: `Telegram cannot deliver updates: ${webhook?.lastError ?? 'an error'}. Nothing was accepted since.`,
    run: 'trt doctor',
  }),
  webhook_unverified: () => ({
    says: 'The webhook could not be set and read back. It goes on being tried; until then nobody is heard.',
    run: 'trt doctor; trt webhook set',
  }),
  polling_conflict: ({ polling }) => ({
    says: `Telegram gives us no updates: ${polling?.conflict}`,
    run: 'trt doctor; end the other program, or trt webhook delete',
  }),
  inbox_old: ({ inbox, now }) => ({
    says: `${inbox?.pending} updates wait, the oldest for ${ageS(inbox, now)} s.`,
    run: 'trt inbox list; trt doctor',
  }),
  errands_old: ({ errands, now }) => ({
    says: `${errands?.pending} errands wait, the oldest is due for ${ageS(errands, now)} s.`,
    run: 'trt doctor',
  }),
  updates_shelved: ({ inbox }) => shelved(inbox, 'update', 'handled', 'trt inbox list; trt inbox retry'),
  errands_shelved: ({ errands }) => shelved(errands, 'errand', 'carried out', 'trt jobs list'),
  kie_refuses({ selling: { paused, credits } }) {
    const why =
      paused?.why === 'key_refused'
        ? 'KIE refuses the key'
        : `KIE has too few credits for us${credits === undefined ? '' : ` (${credits})`}`
    return {
      says: `Nothing is sold: ${why}. Nobody is charged; it goes on by itself when that is put right.`,
      run: 'trt doctor; top up or check the key at kie.ai',
    }
  },
  // It waits like everything else, and arrives when Telegram is back.
  telegram_away({ telegram: { away } }) {
    const what = away?.why === 'token_refused' ? 'Telegram refuses the bot token' : 'Telegram does not answer'
    return { says: `${what}: ${away?.detail}. Messages and results wait; nothing is lost.`, run: 'trt doctor' }
  },
  losses: lossesOf,
  results_away({ results: { away } }) {
    const isLie = away?.why === 'no_public_address'
    const what = isLie
      ? `This machine gets no public address for ${away.host}, where KIE keeps results`
      : `${away?.host}, where KIE keeps results, gives none`
    const sold = away?.pausesSelling ? ' Nothing is sold until it does.' : ''
    return {
      says: `${what}: ${away?.detail}. Results wait, and people are told that theirs is looked for.${sold}`,
      run: isLie
        ? 'trt doctor; mend the resolver of this machine (a VPN or proxy with fake addresses)'
        : 'trt doctor; look at the network of this machine. It goes on by itself when the host is back',
    }
  },
  uploads_away({ uploads: { away } }) {
    return {
      says: `The host that takes photos for KIE does not answer: ${away?.detail}. Orders with a photo wait, for a day at most; then their money goes back.`,
      run: 'trt doctor; look at the network of this machine and at KIE_UPLOAD_URL',
    }
  },
}

const isAlerted = (problem: Problem): problem is Alerted => Object.hasOwn(wordingOf, problem)

const ageS = (waiting: Waiting | undefined, now: Instant): number => Math.round((now - (waiting?.oldest ?? now)) / 1000)

function shelved(waiting: Waiting | undefined, noun: string, done: string, run: string): Wording {
  const count = waiting?.shelved ?? 0
  const says = `${count} ${count === 1 ? noun : `${noun}s`} could not be ${done} and need a look.`
  return { says, run, size: count, againAfterMs: againMs }
}

/** So much of losses fits into one message; `trt losses` has the rest. */
const causesMax = 5
const answerUnitsMax = 200

/** One alert of all losses: the causes that repeat, and a day that has become dear. Each further loss lets it grow. */
function lossesOf(seen: Watched): Wording {
  const { losses, lossCreditsPerDay } = seen
  const repeated = repeatedIn(losses)
  const dear = creditsOver(seen)
  const [most] = losses?.today ?? []
  const sentences = repeated.slice(0, causesMax).map(({ cause, stories, firstCid, lastDetail }) => {
    const what = cause === 'message_refused' ? 'messages in a row were lost' : 'orders in a row had losses'
    return (
      `${stories} ${what}, with no order delivered whole in between: ${causes[cause].meaning}. ` +
      `It began with cid=${firstCid}; the last answer was: ${lastDetail.slice(0, answerUnitsMax)}`
    )
  })
  if (dear !== undefined && most !== undefined) {
    sentences.push(
      `Losses have cost ${dear} credits today, more than ${lossCreditsPerDay} (LOSS_CREDITS_PER_DAY). ` +
        `Most often: ${causes[most.cause].meaning}. It began with cid=${most.firstCid}.`,
    )
  }
  const first = repeated[0] ?? most
  const count = (losses?.today ?? []).reduce((sum, each) => sum + each.count, 0)
  return {
    says: sentences.join('\n'),
    run: first === undefined ? 'trt losses' : `trt losses --cause ${first.cause}; trt story ${first.firstCid}`,
    size: repeated.reduce((sum, { stories }) => sum + stories, 0) + (dear === undefined ? 0 : count),
    againAfterMs: againMs,
  }
}
