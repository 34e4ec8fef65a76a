import { isFaultOfTheWorld, StorageFault } from '../faults.ts'
import { oldMs } from '../health/problems.ts'
import type { Clock, Instant } from '../kit/clock.ts'
import { newCid } from '../kit/ids.ts'
import { every, type LeaderDuty } from '../lifecycle/duties.ts'
import type { LeaderPermit } from '../permit.ts'
import type { Store } from '../store.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { type Alert, type AlertKey, alertsOf, eventOf, isAlertKey, type Watched } from './alerts.ts'
import type { AlertStore, OpenAlert } from './operators.ts'
import { isRefusalKey, refusalKeptMs } from './refusals.ts'

/**
 * Tells the operators what needs them: a duty of the leader that compares what is wrong now with what they were told.
 * Each alert is told once, and again when it has grown; when it has been gone for a minute, that is told too. What was
 * told is kept, and written in one step with the message, so neither a restart nor a takeover repeats it.
 *
 * When no step can be made (the connections are used up), the message goes out directly, and is kept later.
 */
export type OperatorWatchDeps = {
  readonly look: (leads: Watched['leads']) => Watched
  /** The leader of the epoch before, if it did not go in order. */
  readonly formerThatDied: (epoch: number) => Promise<Watched['leads']['died']>
  readonly readOpen: () => Promise<readonly OpenAlert[]>
  readonly store: Store
  /** Tells them without an errand. Never rejects. */
  readonly tellNow: (text: string) => Promise<void>
  /** Names this bot to those who run several. */
  readonly shop: string
  readonly clock: Clock
  readonly telemetry: Telemetry
}

const lookEveryMs = 5_000
/** While nothing is to be told, what is kept is read again only so often. */
const readEveryMs = 60_000
/** What is gone for a shorter while has not passed. */
const quietMs = 60_000
/** A start that is refused is repeated by whoever restarts it; told again after an hour at most. */
export const refusedAgainMs = 60 * 60_000

export function createOperatorWatch(deps: OperatorWatchDeps): LeaderDuty {
  let begun: { readonly permit: LeaderPermit; readonly watch: Watch } | undefined

  /** One for each time this instance leads: what it told directly is remembered when a look has failed. */
  async function watchOf(permit: LeaderPermit): Promise<Watch> {
    if (begun?.permit === permit) return begun.watch
    const since = deps.clock.now()
    const died = await deps.formerThatDied(permit.epoch)
    const watch = new Watch(deps, permit, { epoch: permit.epoch, since, ...(died === undefined ? {} : { died }) })
    begun = { permit, watch }
    return watch
  }

  return {
    name: 'operators',
    async run(permit, signal) {
      const watch = await watchOf(permit)
      await every<LeaderPermit>('operators', lookEveryMs, deps.clock, () => watch.compare()).run(permit, signal)
    },
  }
}

class Watch {
  readonly #deps: OperatorWatchDeps
  readonly #permit: LeaderPermit
  readonly #leads: Watched['leads']
  /** What was kept when it was last read, with what was written here since. */
  #kept: { readonly open: Map<string, OpenAlert>; readonly readAtMs: number } | undefined
  /** When an alert that operators know was first seen gone. */
  readonly #goneSince = new Map<string, Instant>()
  /** Told directly; to be kept as soon as a step can be made. */
  readonly #unkept = new Map<string, OpenAlert>()
  /** Told directly that it has passed; to be forgotten as soon as a step can be made. */
  readonly #passed = new Set<string>()

  constructor(deps: OperatorWatchDeps, permit: LeaderPermit, leads: Watched['leads']) {
    this.#deps = deps
    this.#permit = permit
    this.#leads = leads
  }

  async compare(): Promise<void> {
    const seen = this.#deps.look(this.#leads)
    const alerts = alertsOf(seen)
    const kept = await this.#readKept(alerts, seen.now)
    const open = new Map([...this.#unkept, ...kept])
    for (const alert of alerts) {
      const { key } = alert
      this.#goneSince.delete(key)
      const known = open.get(key)
      if (known === undefined || hasGrown(alert, known, seen.now)) await this.#tell(alert, known, seen)
      else if (!kept.has(key)) await this.#save(known)
    }
    const present = new Set<string>(alerts.map(({ key }) => key))
    for (const each of open.values()) {
      if (!present.has(each.key) && this.#hasPassed(each, seen.now)) await this.#tellPassed(each, seen)
    }
  }

  async #tell(alert: Alert, known: OpenAlert | undefined, seen: Watched): Promise<void> {
    const { key, says, size = 1 } = alert
    const { now } = seen
    if (known === undefined) this.#tellLog(key, seen)
    const open: OpenAlert = { key, says, size, since: known?.since ?? now, toldAt: now }
    this.#passed.delete(key)
    if (!(await this.#save(open, textOf(this.#deps.shop, alert)))) this.#unkept.set(key, open)
  }

  async #tellPassed({ key, says, since }: OpenAlert, { now }: Watched): Promise<void> {
    // That another instance died does not pass; it only stops being news.
    const isTold = this.#passed.has(key) || key === 'took_over' || !isAlertKey(key)
    const text = isTold ? undefined : passedText(this.#deps.shop, key, says, now - since)
    this.#unkept.delete(key)
    if (!(await this.#write((found) => found.close(key), text))) {
      this.#passed.add(key)
      return
    }
    this.#kept?.open.delete(key)
    this.#goneSince.delete(key)
    this.#passed.delete(key)
  }

  /** As it was read a while ago when it agrees with these alerts; else another instance may know more by now. */
  async #readKept(alerts: readonly Alert[], now: Instant): Promise<ReadonlyMap<string, OpenAlert>> {
    const nowMs = this.#deps.clock.monotonicMs()
    const known = this.#kept?.open ?? new Map<string, OpenAlert>()
    const isNews =
      alerts.length !== known.size ||
      alerts.some((alert) => {
        const open = known.get(alert.key)
        return open === undefined || hasGrown(alert, open, now)
      })
    if (this.#kept === undefined || isNews || nowMs - this.#kept.readAtMs >= readEveryMs) {
      const open = new Map((await this.#deps.readOpen()).map((each) => [each.key, each]))
      this.#kept = { open, readAtMs: nowMs }
    }
    return this.#kept.open
  }

  async #save(open: OpenAlert, text?: string): Promise<boolean> {
    const isWritten = await this.#write((found) => found.save(open), text)
    if (isWritten) {
      this.#kept?.open.set(open.key, open)
      this.#unkept.delete(open.key)
    }
    return isWritten
  }

  /** What is kept and the message of it, in one step. When none can be made, the message goes out directly: false. */
  async #write(keep: (alerts: AlertStore) => Promise<void>, text?: string): Promise<boolean> {
    const { store, tellNow } = this.#deps
    try {
      await store.transact(this.#permit, async (tx) => {
        await keep(tx.alerts)
        if (text !== undefined) await tx.errands.add([{ errand: { kind: 'tell_operator', what: text }, cid: newCid() }])
      })
    } catch (error) {
      if (!isFaultOfTheWorld(error)) throw error
      // Without the leadership nothing is told: the next leader looks for itself.
      if (error instanceof StorageFault && text !== undefined) await tellNow(text)
      return false
    }
    return true
  }

  #hasPassed({ key, toldAt }: OpenAlert, now: Instant): boolean {
    if (isRefusalKey(key)) return now - toldAt > refusalKeptMs
    if (key === 'migrations_refused') return now - toldAt > refusedAgainMs + quietMs
    // Whoever looks leads.
    if (key === 'nobody_active' || key === 'took_over') return true
    const since = this.#goneSince.get(key) ?? now
    this.#goneSince.set(key, since)
    return now - since >= quietMs
  }

  /** What no other part of the service tells. */
  #tellLog(key: AlertKey, { inbox, errands, now }: Watched): void {
    const { telemetry } = this.#deps
    const waiting = key === 'inbox_old' ? inbox : key === 'errands_old' ? errands : undefined
    if (waiting?.oldest === undefined) return
    const told = { pending: waiting.pending, oldest_s: Math.round((now - waiting.oldest) / 1000) }
    telemetry.emit(key === 'inbox_old' ? 'INBOX_OLD' : 'ERRANDS_OLD', told)
  }
}

function hasGrown({ size = 1, againAfterMs = oldMs }: Alert, known: OpenAlert, now: Instant): boolean {
  return size > known.size && now - known.toldAt >= againAfterMs
}

/** As an operator reads it: the event to look up, what is so, what to run. */
export const textOf = (shop: string, { key, says, run }: Alert): string =>
  `⚠️ ${eventOf[key]} (${shop})\n${says}\nRun: ${run}`

const passedText = (shop: string, key: AlertKey, says: string, lastedMs: number): string =>
  `✅ Resolved: ${eventOf[key]} (${shop}), after ${durationOf(lastedMs)}\nIt was: ${says}`

export function durationOf(ms: number): string {
  const s = Math.max(1, Math.round(ms / 1000))
  if (s < 120) return `${s} s`
  return s < 7_200 ? `${Math.round(s / 60)} min` : `${Math.round(s / 3600)} h`
}
