import type { PreCheckout } from '../inbox/update.ts'
import type { Clock } from '../kit/clock.ts'
import { type PersonId, parseTopUpId, type TopUpId } from '../kit/ids.ts'
import { late, withTimeout } from '../kit/wait.ts'
import { judgePreCheckout, type PreCheckoutVerdict, type TopUp } from '../money/top-up.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'

/**
 * A `pre_checkout_query` cannot wait in a lane: Telegram cancels the payment after ten seconds. It is judged by one
 * indexed read of the top-up, within a second (the words of a no included), and answered in the webhook's own response. What cannot be decided
 * throws, and Telegram asks again at once. Allowing a payment moves no money.
 */
export type FastLane = {
  answer(asked: PreCheckout, from: PersonId | undefined): Promise<Readonly<Record<string, unknown>>>
}
export type FastLaneDeps = {
  readonly readTopUp: (id: TopUpId) => Promise<TopUp | undefined>
  /** What the person is told when the payment may not go through. */
  readonly sayWhy: (
    from: PersonId | undefined,
    why: Extract<PreCheckoutVerdict, { ok: false }>['why'],
  ) => Promise<string>
  readonly clock: Clock
  readonly telemetry: Telemetry
}

const decideWithinMs = 1_000

export function createFastLane({ readTopUp, sayWhy, clock, telemetry }: FastLaneDeps): FastLane {
  async function judge(asked: PreCheckout, from: PersonId | undefined): Promise<PreCheckoutVerdict> {
    const id = parseTopUpId(asked.payload)
    if (id === undefined || from === undefined) return { ok: false, why: 'unknown' }
    const topUp = await readTopUp(id)
    return judgePreCheckout(topUp, { from, currency: asked.currency, totalAmount: asked.totalAmount }, clock.now())
  }

  async function decide(asked: PreCheckout, from: PersonId | undefined) {
    const verdict = await judge(asked, from)
    return verdict.ok ? { verdict } : { verdict, why: await sayWhy(from, verdict.why) }
  }

  return {
    async answer(asked, from) {
      const started = clock.monotonicMs()
      const decided = await withTimeout(clock, decideWithinMs, decide(asked, from))
      if (decided === late) throw new Error(`a pre-checkout could not be judged within ${decideWithinMs} ms`)
      const { verdict, why } = decided
      const tookMs = Math.round(clock.monotonicMs() - started)
      const reason = verdict.ok ? {} : { reason: verdict.why }
      telemetry.emit('PRE_CHECKOUT_ANSWERED', { ok: verdict.ok, took_ms: tookMs, ...reason })
      const answer = { method: 'answerPreCheckoutQuery', pre_checkout_query_id: asked.id, ok: verdict.ok }
      return why === undefined ? answer : { ...answer, error_message: why }
    },
  }
}
