import type { ErrandEngine } from '../errands/runner.ts'
import type { Clock } from '../kit/clock.ts'
import type { InstanceId } from '../kit/ids.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { every, type LeaderDuty } from './duties.ts'
import type { Instances } from './instances.ts'
import type { BeatTimes } from './membership.ts'

/**
 * A duty of the leader: who missed its beats is declared dead, and what it had in hand is free within seconds. Silence
 * counts only when two looks in a row have seen it: after an outage of the database everybody is silent at first.
 *
 * Jobs of instances that are gone are unlocked then, and now and then for those that left while they held some.
 */
export type InstanceWatchDeps = {
  readonly instances: Instances
  readonly errands: Pick<ErrandEngine, 'unlockGone'>
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly times: BeatTimes
}

/** The jobs of instances that are gone are looked for once in so many looks. */
const looksPerUnlock = 10

export function createInstanceWatch(deps: InstanceWatchDeps): readonly LeaderDuty[] {
  const { instances, errands, clock, telemetry, times } = deps
  let suspects: ReadonlySet<InstanceId> = new Set()

  async function lookForDead(): Promise<void> {
    const silent = (await instances.silent(times.silentMs)).map(({ instance }) => instance)
    const certain = silent.filter((instance) => suspects.has(instance))
    suspects = new Set(silent)
    if (certain.length > 0) {
      const dead = await instances.declareDead(certain, times.silentMs)
      for (const { instance, silentMs } of dead) {
        telemetry.tell('INSTANCE_DECLARED_DEAD', { instance, silent_ms: Math.round(silentMs) })
      }
      await errands.unlockGone()
    }
    await instances.freeLanes()
  }

  return [
    every('instances', times.lookEveryMs, clock, lookForDead),
    every('jobs of the gone', times.lookEveryMs * looksPerUnlock, clock, async () => void (await errands.unlockGone())),
  ]
}
