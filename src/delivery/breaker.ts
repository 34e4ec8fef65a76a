import type { Clock, Instant } from '../kit/clock.ts'
import type { Outcome } from '../kit/outcome.ts'
import { pauseAfter } from '../kit/pauses.ts'
import { Pause } from '../kit/wait.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'

/**
 * The breaker for Telegram: notices that Telegram, or our token, does not work at all, which is no failure of any single
 * message. While it is open nobody calls; one probe asks, with growing pauses, whether Telegram answers again.
 *
 *   closed ── five calls in a row without an answer, or a refused token ──► open
 *   open ── the probe is answered ──► trial
 *   trial ── a call is answered, or none fails for a minute ──► closed
 *   trial ── a call fails ──► open, and the next probe waits longer
 */
export type Breaker = {
  isOpen(): boolean
  /** How long a call should wait; undefined when it may be made. Different for each asker, so that they come one by one. */
  waitMs(): number | undefined
  /** How a call to Telegram ended. */
  note(outcome: Outcome<unknown>): void
  figures(): TelegramFigures
  /** Probes while it is open, until the signal aborts. */
  watch(signal: AbortSignal): Promise<void>
}

export type TelegramFigures = { readonly away?: Away }
export type Away = { readonly since: Instant; readonly why: AwayReason; readonly detail: string }
export type AwayReason = 'no_answer' | 'token_refused'

type State =
  | { readonly kind: 'closed' }
  /** By the monotonic clock, as all times here. */
  | { readonly kind: 'open'; readonly probeAtMs: number }
  | { readonly kind: 'trial'; readonly overAtMs: number }

const failuresMax = 5
const longestProbePauseMs = 60_000
const trialMs = 60_000
/** Those who wait come within so long after the probe. */
const spreadMs = 10_000

export function createBreaker({
  probe,
  random,
  clock,
  telemetry,
}: {
  /** A call that costs nothing: `getMe`. */
  readonly probe: (signal: AbortSignal) => Promise<Outcome<unknown>>
  readonly random: () => number
  readonly clock: Clock
  readonly telemetry: Telemetry
}): Breaker {
  let state: State = { kind: 'closed' }
  let away: Away | undefined
  /** Calls in a row that Telegram did not answer. */
  let failures = 0
  /** Openings and probes in vain since Telegram went away. */
  let repeats = 0
  const pause = new Pause(clock)

  function become(next: State): void {
    state = next
    pause.end()
  }

  function open({ why, detail }: Failure): void {
    if (away === undefined) {
      away = { since: clock.now(), why, detail }
      telemetry.emit('TELEGRAM_AWAY', { why, detail })
    }
    const pauseMs = Math.min(longestProbePauseMs, pauseAfter(repeats, random))
    repeats += 1
    become({ kind: 'open', probeAtMs: clock.monotonicMs() + pauseMs })
  }

  function close(): void {
    failures = 0
    repeats = 0
    if (away !== undefined) {
      telemetry.emit('TELEGRAM_BACK', { away_s: Math.max(0, Math.round((clock.now() - away.since) / 1000)) })
    }
    away = undefined
    become({ kind: 'closed' })
  }

  function note(outcome: Outcome<unknown>): void {
    // Calls that were under way when it opened say nothing new.
    if (state.kind === 'open') return
    const failure = failureOf(outcome)
    if (failure === undefined) {
      failures = 0
      if (state.kind === 'trial') close()
      return
    }
    failures += 1
    if (state.kind === 'trial' || failure.why === 'token_refused' || failures >= failuresMax) open(failure)
  }

  /** Waits for the next change, at most until this time. */
  async function rest(untilMs: number | undefined, signal: AbortSignal): Promise<void> {
    await pause.rest(untilMs === undefined ? undefined : untilMs - clock.monotonicMs(), signal)
  }

  async function ask(signal: AbortSignal): Promise<void> {
    const outcome = await probe(signal)
    if (signal.aborted) return
    const failure = failureOf(outcome)
    if (failure === undefined) become({ kind: 'trial', overAtMs: clock.monotonicMs() + trialMs })
    else open(failure)
  }

  return {
    isOpen: () => state.kind === 'open',
    waitMs() {
      if (state.kind !== 'open') return undefined
      // Its answer takes a moment too.
      const leftMs = Math.max(0, state.probeAtMs - clock.monotonicMs()) + 500
      return Math.round(leftMs + random() * spreadMs)
    },
    note,
    figures: () => (away === undefined ? {} : { away }),
    async watch(signal) {
      while (!signal.aborted) {
        const now = state
        const dueMs = now.kind === 'closed' ? undefined : now.kind === 'open' ? now.probeAtMs : now.overAtMs
        if (dueMs === undefined || dueMs > clock.monotonicMs()) await rest(dueMs, signal)
        else if (now.kind === 'open') await ask(signal)
        else close()
      }
    },
  }
}

type Failure = { readonly why: AwayReason; readonly detail: string }

/** Whatever else Telegram says is an answer, also a no. */
function failureOf(outcome: Outcome<unknown>): Failure | undefined {
  if (outcome.kind === 'unknown') return { why: 'no_answer', detail: outcome.detail }
  if (outcome.kind === 'done') return undefined
  if (outcome.why === 'unreachable') return { why: 'no_answer', detail: outcome.detail }
  return outcome.why === 'token_refused' ? { why: 'token_refused', detail: outcome.detail } : undefined
}
