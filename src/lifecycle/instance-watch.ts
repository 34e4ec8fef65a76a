import type { ErrandEngine } from '../errands/errand-engine.ts'
import { freeHands } from '../errands/free-hands.ts'
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
 * An errand may also be in hands that nobody knows, of an instance that died before it had told their name. Those are
 * freed when they have been there for a while.
 */
export type InstanceWatchDeps = {
  readonly instances: Instances
  readonly errands: Pick<ErrandEngine, 'holders' | 'unlock' | 'tidy'>
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly times: BeatTimes
}

/** So many looks for the dead, one for what nobody has in hand. */
const looksPerTidying = 10

export function createInstanceWatch(deps: InstanceWatchDeps): readonly LeaderDuty[] {
  const { instances, errands, clock, telemetry, times } = deps
  let suspects: ReadonlySet<InstanceId> = new Set()
  let strangers: ReadonlySet<string> = new Set()

  async function lookForDead(): Promise<void> {
    const silent = (await instances.silent(times.silentMs)).map(({ instance }) => instance)
    const certain = silent.filter((instance) => suspects.has(instance))
    suspects = new Set(silent)
    if (certain.length > 0) {
      const dead = await instances.declareDead(certain, times.silentMs)
      for (const { instance, silentMs } of dead) {
        telemetry.tell('INSTANCE_DECLARED_DEAD', { instance, silent_ms: Math.round(silentMs) })
      }
      await free(new Set(dead.flatMap(({ hands }) => hands)))
    }
    await instances.freeLanes()
  }

  async function lookForStrangers(): Promise<void> {
    const known = new Set(await instances.hands('all'))
    const unknown = (await errands.holders()).filter((holder) => !known.has(holder))
    const stayed = new Set(unknown.filter((holder) => strangers.has(holder)))
    strangers = new Set(unknown)
    await free(stayed)
    await errands.tidy()
  }

  async function free(gone: ReadonlySet<string>): Promise<void> {
    if (gone.size > 0) await freeHands(errands, (holder) => gone.has(holder), telemetry)
  }

  return [
    every('instances', times.lookEveryMs, clock, lookForDead),
    every('errands of nobody', times.lookEveryMs * looksPerTidying, clock, lookForStrangers),
  ]
}
