import type { Clock } from '../kit/clock.ts'
import type { LeaderDuty } from '../lifecycle/duties.ts'

/** Sets the commands of the menu button once each time this instance becomes ACTIVE; tried again until Telegram took them. */
export function createCommandsKeeper({
  set,
  clock,
}: {
  /** True when Telegram took all of them. */
  readonly set: () => Promise<boolean>
  readonly clock: Clock
}): LeaderDuty {
  return {
    name: 'commands',
    async run(_, signal) {
      while (!signal.aborted && !(await set())) await clock.sleep(againMs, signal)
    },
  }
}

const againMs = 60_000
