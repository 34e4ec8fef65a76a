import { type Away, type Breaker, createBreaker, type Failure } from '../kit/breaker.ts'
import type { Clock } from '../kit/clock.ts'
import type { Outcome } from '../kit/outcome.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'

/** The breaker for Telegram: it, or our token, does not work at all. */
export type TelegramBreaker = Breaker<AwayReason>
export type AwayReason = 'no_answer' | 'token_refused'
export type TelegramFigures = { readonly away?: Away<AwayReason> | undefined }

export function createTelegramBreaker({
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
}): TelegramBreaker {
  return createBreaker({
    probe,
    failureOf,
    onAway: ({ why, detail }) => telemetry.emit('TELEGRAM_AWAY', { why, detail }),
    onBack: (awayMs) => telemetry.emit('TELEGRAM_BACK', { away_s: Math.round(awayMs / 1000) }),
    random,
    clock,
  })
}

/** Whatever else Telegram says is an answer, also a no. */
function failureOf(outcome: Outcome<unknown>): Failure<AwayReason> | undefined {
  if (outcome.kind === 'done') return undefined
  const { detail } = outcome
  if (outcome.kind === 'unknown' || outcome.why === 'unreachable') return { why: 'no_answer', detail, isProof: false }
  return outcome.why === 'token_refused' ? { why: 'token_refused', detail, isProof: true } : undefined
}
