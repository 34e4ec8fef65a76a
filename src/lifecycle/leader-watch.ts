import type { Clock } from '../kit/clock.ts'
import type { InstanceId } from '../kit/ids.ts'
import { type AlertKey, eventOf } from '../operators/alerts.ts'
import { durationOf, textOf } from '../operators/operator-watch.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { type Duty, every } from './duties.ts'
import type { Role } from './lifecycle.ts'

/**
 * A standby looks whether anybody leads. When nobody has for a minute, the operators are told by one of the standbys,
 * and again after five minutes; that it has passed is told by whoever leads then. Needs no leader and, to send, no
 * database.
 */
export type LeaderWatchDeps = {
  readonly role: () => Role
  /** Who leads, and how long ago they said that they live. Rejects when it cannot be read. */
  readonly readLeader: () => Promise<{ readonly instance?: string; readonly silentMs?: number } | undefined>
  /** True for one of all instances that ask at the same time: this one tells. Rejects when it cannot be asked. */
  readonly claim: (alert: { readonly key: AlertKey; readonly says: string; readonly size: number }) => Promise<boolean>
  /** Never rejects. */
  readonly tellNow: (text: string) => Promise<void>
  readonly shop: string
  readonly instance: InstanceId
  readonly clock: Clock
  readonly telemetry: Telemetry
}
export type LeaderWatch = {
  readonly duty: Duty<undefined>
  /** How long nobody has led, as far as this standby can see. */
  readonly nobodyForMs: () => number
}

const lookEveryMs = 10_000
/** A leader renews its lease every few seconds, with either authority. */
const silentMaxMs = 15_000
const tellAfterMs = [60_000, 300_000] as const

export function createLeaderWatch(deps: LeaderWatchDeps): LeaderWatch {
  const { role, readLeader, claim, tellNow, shop, instance, clock, telemetry } = deps
  let nobodySinceMs: number | undefined
  let holder: string | undefined
  let timesTold = 0
  /** This standby told it and could not write it down, so nobody else can tell that it has passed. */
  let mustResolve = false

  const nobodyForMs = () => (nobodySinceMs === undefined ? 0 : clock.monotonicMs() - nobodySinceMs)

  async function isLed(): Promise<boolean> {
    try {
      const leader = await readLeader()
      holder = leader?.instance ?? holder
      return leader?.silentMs !== undefined && leader.silentMs < silentMaxMs
    } catch {
      // Whoever leads needs the database as we do.
      return false
    }
  }

  async function look(): Promise<void> {
    if (role() === 'active' || (role() === 'passive' && (await isLed()))) return await pass()
    if (role() !== 'passive') return
    nobodySinceMs ??= clock.monotonicMs()
    const due = tellAfterMs[timesTold]
    if (due === undefined || nobodyForMs() < due) return
    timesTold += 1
    await tell()
  }

  async function tell(): Promise<void> {
    const forMs = nobodyForMs()
    telemetry.emit('NOBODY_ACTIVE', {
      for_s: Math.round(forMs / 1000),
      ...(holder === undefined ? {} : { holder }),
    })
    const last = holder === undefined ? 'Nobody is known to have led.' : `The last to lead was instance ${holder}.`
    const says = `No instance has led for ${durationOf(forMs)}; updates are stored and wait. ${last} (Seen by ${instance}.)`
    const mine = await claim({ key: 'nobody_active', says, size: timesTold }).catch(() => 'unasked' as const)
    if (mine === false) return
    // Once it is written down, whoever leads next tells that it has passed.
    mustResolve = mine === 'unasked'
    await tellNow(textOf(shop, { key: 'nobody_active', says, run: 'trt lock show; trt lock free; trt doctor' }))
  }

  async function pass(): Promise<void> {
    const forMs = nobodyForMs()
    nobodySinceMs = undefined
    timesTold = 0
    if (!mustResolve) return
    mustResolve = false
    await tellNow(`✅ Resolved: ${eventOf.nobody_active} (${shop}), after ${durationOf(forMs)}`)
  }

  return { duty: every<undefined>('leader watch', lookEveryMs, clock, look), nobodyForMs }
}
