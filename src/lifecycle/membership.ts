import type { Clock } from '../kit/clock.ts'
import type { InstanceId } from '../kit/ids.ts'
import type { WorkerPermit } from '../permit.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { type Running, startDuties, type WorkDuty } from './duties.ts'
import type { About, Instances } from './instances.ts'
import type { Role } from './lifecycle.ts'

/**
 * This instance among the others: it announces itself and says every second that it lives, from before it works until
 * after. Where work is shared, its right to work is that it is alive: when it was frozen or cut off from the database
 * for so long that it may have been declared dead, its duties end, and begin anew with a new incarnation.
 */
export type MembershipDeps = {
  readonly instances: Instances
  readonly instance: InstanceId
  readonly work: About['work']
  readonly role: () => Role
  /** What every instance does where work is shared; empty where only the leader works. */
  readonly duties: readonly WorkDuty[]
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly times: BeatTimes
}

export type BeatTimes = {
  readonly beatEveryMs: number
  /** We stop believing that we are alive before anybody can declare us dead. */
  readonly freshMs: number
  /** Who was not heard for so long, in two looks of the leader, is declared dead. */
  readonly silentMs: number
  readonly lookEveryMs: number
}
export const beatTimes: BeatTimes = { beatEveryMs: 1_000, freshMs: 4_000, silentMs: 5_000, lookEveryMs: 1_000 }

const signOffMs = 2_000
/** So many beats wait for their answers at the same time; by the times above, later ones would be of no use. */
const unansweredMax = 4

export class Membership {
  readonly #deps: MembershipDeps
  readonly #times: BeatTimes
  readonly #over = new AbortController()
  #incarnation = 0
  #life: Promise<void> | undefined
  #working: Running | undefined
  #isLeaving = false

  constructor(deps: MembershipDeps) {
    this.#deps = deps
    this.#times = deps.times
  }

  /** Whether this instance works although it may not lead. */
  get works(): boolean {
    return this.#working !== undefined
  }

  /** Resolves when it is written down as alive; the first time must succeed. */
  async join(): Promise<void> {
    const living = await this.#announce()
    this.#life = this.#live(living)
  }

  /** Takes no work any more, and ends what is under way with a right that is alive. */
  async endWork(): Promise<void> {
    this.#isLeaving = true
    await this.#stopWork()
  }

  /** Ends the work, then the life. A database that is silent is not waited for long: whoever leads sees who is gone. */
  async leave(): Promise<void> {
    await this.endWork()
    this.#over.abort()
    const waited = new AbortController()
    await Promise.race([this.#signOff(), this.#deps.clock.sleep(signOffMs, waited.signal)])
    waited.abort()
  }

  async #signOff(): Promise<void> {
    await this.#life
    if (this.#life !== undefined) await this.#deps.instances.leave().catch(() => undefined)
  }

  async #live(first: Living): Promise<void> {
    const { signal } = this.#over
    for (let living: Living | undefined = first; living !== undefined; ) {
      this.#startWork(living.permit)
      await this.#beatUntilOver(living)
      living.end()
      if (signal.aborted) return
      await this.#stopWork()
      living = await this.#comeBack()
    }
  }

  /**
   * Until it was declared dead, may have been where work is shared, or is told to leave. It is said by the clock: answers
   * that come late, but come, take nobody's right.
   */
  async #beatUntilOver({ permit, heard }: Living): Promise<void> {
    const { instances, role, duties, clock } = this.#deps
    const ended = new AbortController()
    const signal = AbortSignal.any([this.#over.signal, ended.signal])
    let unanswered = 0
    const beat = async () => {
      const askedMs = clock.monotonicMs()
      unanswered += 1
      const isAlive = await instances.beat(permit.incarnation, role()).catch(() => undefined)
      unanswered -= 1
      if (isAlive === true) heard(askedMs)
      else if (isAlive === false || (duties.length > 0 && !permit.isFresh())) ended.abort()
    }
    while (!signal.aborted) {
      await clock.sleep(this.#times.beatEveryMs, signal)
      if (!signal.aborted && unanswered < unansweredMax) void beat()
    }
  }

  async #comeBack(): Promise<Living | undefined> {
    const { instance, duties, clock, telemetry } = this.#deps
    const { signal } = this.#over
    while (!signal.aborted) {
      const living = await this.#announce().catch(() => undefined)
      if (living !== undefined) {
        const { incarnation } = living.permit
        if (duties.length > 0) telemetry.tell('INSTANCE_REVIVED', { instance, incarnation })
        return living
      }
      await clock.sleep(this.#times.beatEveryMs, signal)
    }
    return undefined
  }

  async #announce(): Promise<Living> {
    const { instances, instance, work, role, clock } = this.#deps
    const incarnation = this.#incarnation + 1
    let heardMs = clock.monotonicMs()
    await instances.announce(incarnation, { work, role: role() })
    this.#incarnation = incarnation
    let isOver = false
    return {
      permit: {
        kind: 'worker',
        instance,
        incarnation,
        isFresh: () => !isOver && clock.monotonicMs() - heardMs < this.#times.freshMs,
      },
      heard(askedMs) {
        // Answers may overtake one another.
        heardMs = Math.max(heardMs, askedMs)
      },
      end() {
        isOver = true
      },
    }
  }

  #startWork(permit: WorkerPermit): void {
    const { duties } = this.#deps
    if (duties.length > 0 && !this.#isLeaving) this.#working = startDuties(duties, permit, this.#deps)
  }

  async #stopWork(): Promise<void> {
    const working = this.#working
    await working?.stop()
    this.#working = undefined
  }
}

type Living = {
  readonly permit: WorkerPermit
  heard(askedMs: number): void
  end(): void
}
