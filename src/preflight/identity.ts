import type { Clock } from '../kit/clock.ts'
import type { Outcome } from '../kit/outcome.ts'
import type { Duty } from '../lifecycle/duties.ts'

/** Asks Telegram who this bot is, until it says so; beside the service, which works without the answer. */
export type IdentityDeps<Me, Why extends string> = {
  readonly getMe: (signal: AbortSignal) => Promise<Outcome<Me, Why>>
  readonly known: (me: Me) => void
  /** Called once: the first answer was none. */
  readonly failed: (outcome: Exclude<Outcome<Me, Why>, { kind: 'done' }>) => void
  readonly clock: Clock
}

const againMs = [5_000, 10_000, 20_000, 60_000] as const
const longestMs = 300_000

export function createIdentity<Me, Why extends string>(deps: IdentityDeps<Me, Why>): Duty<undefined> {
  const { getMe, known, failed, clock } = deps
  return {
    name: 'identity',
    async run(_, signal) {
      for (let failures = 0; !signal.aborted; failures++) {
        const me = await getMe(signal)
        if (signal.aborted) return
        if (me.kind === 'done') return known(me.value)
        if (failures === 0) failed(me)
        await clock.sleep(againMs[failures] ?? longestMs, signal)
      }
    },
  }
}
