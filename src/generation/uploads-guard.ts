import { type Away, createBreaker, type Failure } from '../kit/breaker.ts'
import type { Clock } from '../kit/clock.ts'
import { later, type Outcome } from '../kit/outcome.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import type { KieGateway, KieNo } from './kie-gateway.ts'

/**
 * KIE as the service uses it, with a breaker for the host that takes files: while it does not answer nobody hands a photo
 * over, and orders that need one wait. That burns no credits, so selling goes on.
 */
export type UploadsGuard = {
  readonly kie: KieGateway
  figures(): UploadsFigures
  /** Probes while the host is away, until the signal aborts. */
  watch(signal: AbortSignal): Promise<void>
}
export type UploadsFigures = { readonly away?: Away<'no_answer'> | undefined }

export function createUploadsGuard({
  kie,
  random,
  clock,
  telemetry,
}: {
  readonly kie: KieGateway
  readonly random: () => number
  readonly clock: Clock
  readonly telemetry: Telemetry
}): UploadsGuard {
  const breaker = createBreaker({
    probe: (signal) => kie.reachUploads(signal),
    failureOf,
    onAway: ({ detail }) => telemetry.emit('UPLOADS_AWAY', { detail }),
    onBack: (awayMs) => telemetry.emit('UPLOADS_BACK', { away_s: Math.round(awayMs / 1000) }),
    random,
    clock,
  })
  return {
    kie: {
      ...kie,
      async upload(file) {
        const waitMs = breaker.waitMs()
        if (waitMs !== undefined) return later('unreachable', "KIE's host of uploads is away; it was not asked", waitMs)
        const outcome = await kie.upload(file)
        breaker.note(outcome)
        return outcome
      },
    },
    figures: () => ({ away: breaker.away() }),
    watch: breaker.watch,
  }
}

/** Whatever KIE says is an answer, also a no. */
function failureOf(outcome: Outcome<unknown, string>): Failure<'no_answer'> | undefined {
  const isSilent = outcome.kind === 'unknown' || (outcome.kind === 'not_done' && outcome.why === unreachable)
  return isSilent ? { why: 'no_answer', detail: outcome.detail, isProof: false } : undefined
}

const unreachable: KieNo = 'unreachable'
