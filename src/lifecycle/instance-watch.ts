import type { ErrandEngine } from '../errands/errand-engine.ts'
import type { Clock } from '../kit/clock.ts'
import type { InstanceId } from '../kit/ids.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { every, type LeaderDuty } from './duties.ts'
import type { Instances } from './instances.ts'
import type { BeatTimes } from './membership.ts'

/**
 * A duty of the leader: an instance that missed its beats is declared dead, and what it had in hand is free within seconds.
 * Silence counts only when two looks in a row have seen it: after an outage of the database everybody is silent at first.
 *
 * Lanes and jobs of instances that are gone are freed then, and now and then for those that left while they held some.
 */
export type InstanceWatchDeps = {
  readonly instances: Instances
  /** Known from the beats, so that an instance without others asks for none. */
  readonly isAlone: () => boolean
  readonly errands: Pick<ErrandEngine, 'unlockGone'>
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly times: BeatTimes
}

/** What instances that are gone still hold is looked for once in so many looks. */
const looksPerFreeing = 10

export function createInstanceWatch(deps: InstanceWatchDeps): readonly LeaderDuty[] {
  const { instances, isAlone, errands, clock, telemetry, times } = deps
  let suspects: ReadonlySet<InstanceId> = new Set()

  async function lookForDead(): Promise<void> {
    const silent = isAlone() ? [] : (await instances.silent(times.silentMs)).map(({ instance }) => instance)
    const certain = silent.filter((instance) => suspects.has(instance))
    suspects = new Set(silent)
    if (certain.length > 0) {
      const dead = await instances.declareDead(certain, times.silentMs)
      for (const { instance, silentMs } of dead) {
        telemetry.emit('INSTANCE_DECLARED_DEAD', { instance, silent_ms: Math.round(silentMs) })
      }
      await freeGone()
    }
  }

  async function freeGone(): Promise<void> {
    await instances.freeLanes()
    await errands.unlockGone()
  }

  return [
    every('instances', times.lookEveryMs, clock, lookForDead),
    every('what the gone hold', times.lookEveryMs * looksPerFreeing, clock, freeGone),
  ]
}
