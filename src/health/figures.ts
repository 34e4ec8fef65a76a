import type { Clock } from '../kit/clock.ts'
import type { Duty } from '../lifecycle/duties.ts'
import { every } from '../lifecycle/duties.ts'
import type { Figures } from './health.ts'

/** Reads the figures of health and metrics every five seconds, so that no probe has to. */
export type FiguresDeps = {
  readonly read: () => Promise<{
    readonly inbox: Figures['inbox']
    readonly errands: Figures['errands'] & { readonly pendingByKind: ReadonlyMap<string, number> }
    readonly losses: Figures['losses']
  }>
  readonly pool: () => Figures['pool']
  readonly clock: Clock
}
export type KeptFigures = Figures & { readonly errands: { readonly pendingByKind: ReadonlyMap<string, number> } }

const everyMs = 5_000

export function createFiguresDuty({ read, pool, clock }: FiguresDeps): {
  readonly duty: Duty<undefined>
  readonly latest: () => KeptFigures | undefined
  refresh(): Promise<void>
} {
  let kept: KeptFigures | undefined
  async function refresh(): Promise<void> {
    const { inbox, errands, losses } = await read()
    kept = { inbox, errands, losses, pool: pool(), poolWaited: pool().waiting > 0, at: clock.now() }
  }
  return {
    duty: { ...every<undefined>('figures', everyMs, clock, refresh), longestPauseMs: everyMs },
    latest: () => (kept === undefined ? undefined : { ...kept, pool: pool() }),
    refresh,
  }
}
