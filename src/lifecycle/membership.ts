import type { Clock } from '../kit/clock.ts'
import type { InstanceId } from '../kit/ids.ts'
import { untilAborted, withTimeout } from '../kit/wait.ts'
import type { WorkerPermit } from '../permit.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { startDuties, type WorkDuty } from './duties.ts'
import type { About, Instances } from './instances.ts'
import type { Role } from './lifecycle.ts'

/**
 * This instance among the others: it announces itself and says every one and a half seconds that it lives, from before it works until
 * after. `work` does the duties of work for as long as it is told to: of an instance that shares the work that is always,
 * of any other while it leads.
 *
 * Each stretch of work has an incarnation of its own, so nothing that was left behind by a former one can write. When the
 * instance was frozen or cut off from the database for so long that it may have been declared dead, its duties end, and
 * begin anew with another incarnation.
 */
export type MembershipDeps = {
  readonly instances: Instances
  readonly instance: InstanceId
  readonly work: About['work']
  readonly role: () => Role
  readonly duties: readonly WorkDuty[]
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly times: BeatTimes
}

export type BeatTimes = {
  readonly beatEveryMs: number
  /** We stop believing that we are alive before anybody can declare us dead. */
  readonly freshMs: number
  /** An instance that was not heard for so long, in two looks of the leader, is declared dead. */
  readonly silentMs: number
  readonly lookEveryMs: number
}
export const beatTimes: BeatTimes = { beatEveryMs: 1_500, freshMs: 4_000, silentMs: 5_000, lookEveryMs: 2_500 }

const leaveMs = 2_000
/** So many beats wait for their answers at the same time; by the times above, later ones would be of no use. */
const unansweredMax = 4
/** Telegram sends an update again within two minutes; so long after a death every update is stored before it is handled. */
const carefulMs = 300_000

export class Membership {
  readonly #deps: MembershipDeps
  readonly #over = new AbortController()
  #incarnation = 0
  #heardMs = Number.NEGATIVE_INFINITY
  /** Aborted when this incarnation is over. */
  #alive = new AbortController()
  #unanswered = 0
  #life: Promise<void> | undefined
  #announcing: Promise<void> | undefined
  #isWorking = false
  #deathMs: number | undefined
  #isAlone = false

  constructor(deps: MembershipDeps) {
    this.#deps = deps
  }

  get isWorking(): boolean {
    return this.#isWorking
  }

  /** Whether an instance has died a short while ago: an update may have ended it. */
  get isCareful(): boolean {
    return this.#deathMs !== undefined && this.#deps.clock.monotonicMs() - this.#deathMs < carefulMs
  }

  /** Whether no other instance was there at the last beat that was answered. */
  get isAlone(): boolean {
    return this.#isAlone
  }

  /** Resolves when it is written down as alive; the first time must succeed. */
  async join(): Promise<void> {
    await this.#announce()
    this.#life = this.#beatUntilOver()
  }

  /** Does the work until `signal` aborts, while `mayWork` says that it may. */
  async work(mayWork: () => boolean, signal: AbortSignal): Promise<void> {
    const { duties, clock, telemetry, instance } = this.#deps
    while (!signal.aborted) {
      const wasDead = this.#alive.signal.aborted
      const permit = await this.#beginStretch(mayWork)
      if (wasDead) telemetry.emit('INSTANCE_REVIVED', { instance, incarnation: permit.incarnation })
      const over = AbortSignal.any([signal, this.#alive.signal])
      const running = startDuties(duties, permit, { clock, telemetry })
      this.#isWorking = true
      await untilAborted(over)
      await running.stop()
      this.#isWorking = false
    }
  }

  /** Says that it is gone. A database that is silent is not waited for long: the leader sees which instances are gone. */
  async leave(): Promise<void> {
    this.#over.abort()
    await this.#life
    const { instances, clock } = this.#deps
    await withTimeout(
      clock,
      leaveMs,
      instances.leave().catch(() => undefined),
    )
  }

  async #beginStretch(mayWork: () => boolean): Promise<WorkerPermit> {
    await this.#announcing?.catch(() => undefined)
    await this.#announce()
    const { instance, clock, times } = this.#deps
    const incarnation = this.#incarnation
    return {
      kind: 'worker',
      instance,
      incarnation,
      isFresh: () =>
        incarnation === this.#incarnation && mayWork() && clock.monotonicMs() - this.#heardMs < times.freshMs,
    }
  }

  async #announce(): Promise<void> {
    const { instances, work, role, clock } = this.#deps
    const askedMs = clock.monotonicMs()
    const incarnation = this.#incarnation + 1
    this.#announcing = instances.announce(incarnation, { work, role: role() })
    await this.#announcing
    this.#incarnation = incarnation
    this.#heardMs = askedMs
    this.#alive = new AbortController()
    await this.#beat()
  }

  /** By the clock: answers that come late, but come, end nothing. */
  async #beatUntilOver(): Promise<void> {
    const { clock, times } = this.#deps
    const { signal } = this.#over
    while (!signal.aborted) {
      await clock.sleep(times.beatEveryMs, signal)
      if (signal.aborted) return
      if (this.#alive.signal.aborted && !this.#isWorking) await this.#announce().catch(() => undefined)
      else if (this.#unanswered < unansweredMax) void this.#beat()
    }
  }

  async #beat(): Promise<void> {
    const { instances, role, clock, times } = this.#deps
    const incarnation = this.#incarnation
    const askedMs = clock.monotonicMs()
    this.#unanswered += 1
    const beat = await instances.beat(incarnation, role()).catch(() => undefined)
    this.#unanswered -= 1
    if (incarnation !== this.#incarnation) return
    if (beat !== undefined) this.#isAlone = beat.isAlone
    if (beat?.deathMsAgo !== undefined) this.#deathMs = askedMs - beat.deathMsAgo
    // Answers may overtake one another.
    if (beat?.isAlive === true) this.#heardMs = Math.max(this.#heardMs, askedMs)
    else if (beat?.isAlive === false || clock.monotonicMs() - this.#heardMs >= times.freshMs) this.#alive.abort()
  }
}
