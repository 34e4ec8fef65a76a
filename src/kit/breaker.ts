import type { Clock, Instant } from './clock.ts'
import type { Outcome } from './outcome.ts'
import { pauseAfter } from './pauses.ts'
import { Pause } from './wait.ts'

/**
 * Notices that something outside does not work at all, which is no failure of any single call. While a breaker is open
 * nobody calls; one probe asks, with growing pauses, whether it works again.
 *
 *   closed ── five failures in a row, or one that proves it ──► open
 *   open ── the probe succeeds ──► trial
 *   trial ── a call succeeds, or none fails for a minute ──► closed
 *   trial ── a call fails ──► open, and the next probe waits longer
 */
export type Breaker<Why extends string> = {
  isOpen(): boolean
  /** How long a call should wait; undefined when it may be made. Different for each asker, so that they come one by one. */
  waitMs(): number | undefined
  /** How a call ended. */
  note(outcome: Outcome<unknown>): void
  /** Since when it has not worked, until a call has succeeded again. */
  away(): Away<Why> | undefined
  /** Probes while it is open, until the signal aborts. */
  watch(signal: AbortSignal): Promise<void>
}

export type Away<Why extends string = string> = { readonly since: Instant; readonly why: Why; readonly detail: string }

/** What an outcome says against the other side as a whole. */
export type Failure<Why extends string> = {
  readonly why: Why
  readonly detail: string
  /** One of these is enough. */
  readonly isProof: boolean
}

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

export function createBreaker<Why extends string>({
  probe,
  failureOf,
  onAway,
  onBack,
  random,
  clock,
}: {
  /** A call that costs nothing. */
  readonly probe: (signal: AbortSignal) => Promise<Outcome<unknown>>
  /** Undefined for an outcome that shows that the other side works, also for a no. */
  readonly failureOf: (outcome: Outcome<unknown>) => Failure<Why> | undefined
  readonly onAway: (away: Away<Why>) => void
  readonly onBack: (awayMs: number) => void
  readonly random: () => number
  readonly clock: Clock
}): Breaker<Why> {
  let state: State = { kind: 'closed' }
  let away: Away<Why> | undefined
  /** In a row. */
  let failures = 0
  /** Openings and probes in vain since it went away. */
  let repeats = 0
  const pause = new Pause(clock)

  function become(next: State): void {
    state = next
    pause.end()
  }

  function open({ why, detail }: Failure<Why>): void {
    if (away === undefined) {
      away = { since: clock.now(), why, detail }
      onAway(away)
    }
    const pauseMs = Math.min(longestProbePauseMs, pauseAfter(repeats, random))
    repeats += 1
    become({ kind: 'open', probeAtMs: clock.monotonicMs() + pauseMs })
  }

  function close(): void {
    failures = 0
    repeats = 0
    if (away !== undefined) onBack(Math.max(0, clock.now() - away.since))
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
    if (state.kind === 'trial' || failure.isProof || failures >= failuresMax) open(failure)
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
    away: () => away,
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
