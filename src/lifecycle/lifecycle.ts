import type { Clock } from '../kit/clock.ts'
import { untilAborted, withTimeout } from '../kit/wait.ts'
import type { LeaderPermit } from '../permit.ts'
import { messageWithCauses, type Telemetry } from '../telemetry/telemetry.ts'
import { type LeaderDuty, type Running, startDuties } from './duties.ts'
import type { Held, Leadership } from './leadership.ts'

/**
 * The role of this instance, and the one door between roles.
 *
 *   booting ─► passive ─► active ─► passive …      (leadership won, lost, won again)
 *      │          │          │
 *      └──────────┴──────────┴─────► stopping ─► stopped
 *
 * `#become` is the only way from one role to another, so whatever a role needs happens however it was reached: the
 * duties of the leader start at the first acquisition just as after a takeover.
 */
export type Role = 'booting' | 'passive' | 'active' | 'stopping' | 'stopped'

export type LifecycleDeps = {
  readonly leadership: Leadership
  readonly leadershipName: { readonly backend: string; readonly key: string }
  /** What only the leader does. */
  readonly duties: readonly LeaderDuty[]
  readonly onRole?: (role: Role) => void
  /** Called before the leadership is given back in order; is not waited for long. Never rejects. */
  readonly onGivingBack?: (epoch: number) => Promise<void>
  readonly clock: Clock
  readonly telemetry: Telemetry
}

const retryMs = 1_000
const sayWithinMs = 1_000

export class Lifecycle {
  readonly #deps: LifecycleDeps
  readonly #stopping = new AbortController()
  #role: Role = 'booting'
  #held: Held | undefined
  #duties: Running | undefined
  #loop: Promise<void> | undefined
  #led = false
  #lastEpoch: number | undefined
  #lastHolder: string | undefined

  constructor(deps: LifecycleDeps) {
    this.#deps = deps
  }

  get role(): Role {
    return this.#role
  }

  get epoch(): number | undefined {
    return this.#held?.epoch
  }

  /** The epoch in which this instance led before the present one. */
  get lastEpoch(): number | undefined {
    return this.#lastEpoch
  }

  /** Who else led, as far as this instance has seen. */
  get lastHolder(): string | undefined {
    return this.#lastHolder
  }

  /** Begins to ask for the leadership. Resolves at once; the role changes in the background. */
  start(): void {
    this.#loop = this.#seekLeadership()
  }

  /** Ends the duties, gives the leadership back. Resolves when nothing of it runs any more. */
  async stop(): Promise<void> {
    if (this.#role === 'stopped') return
    this.#stopping.abort()
    await this.#loop
    await this.#become('stopping')
    await this.#become('stopped')
  }

  async #seekLeadership(): Promise<void> {
    const { leadership, leadershipName, telemetry, clock } = this.#deps
    const { signal } = this.#stopping
    while (!signal.aborted) {
      telemetry.emit('LOCK_ATTEMPT', leadershipName)
      try {
        const held = await leadership.acquire(signal, (holder) => {
          this.#lastHolder = holder.instance
          telemetry.emit('LOCK_WAITING', {
            backend: leadershipName.backend,
            holder: holder.instance,
            since: holder.since,
          })
          void this.#become('passive', { reason: 'another instance leads', holder: holder.instance })
        })
        if (held === undefined) return
        await this.#become('active', { held })
        const reason = await untilAborted(signal, held.lost)
        if (reason === undefined) return
        telemetry.emit('LOCK_LOST', { backend: leadershipName.backend, reason })
        await this.#become('passive', { reason })
      } catch (error) {
        if (signal.aborted) return
        await this.#become('passive', { reason: messageWithCauses(error) })
        await clock.sleep(retryMs, signal)
      }
    }
  }

  async #become(
    role: 'passive' | 'active' | 'stopping' | 'stopped',
    why: { readonly reason?: string; readonly holder?: string; readonly held?: Held } = {},
  ): Promise<void> {
    if (this.#role === role) return
    const before = this.#role
    this.#role = role
    this.#deps.onRole?.(role)
    switch (role) {
      case 'passive':
        // Forgotten at once: by the time the duties have ended, this instance may lead again.
        this.#lastEpoch = this.#held?.epoch ?? this.#lastEpoch
        this.#held = undefined
        await this.#leaveDuties()
        this.#deps.telemetry.emit('PASSIVE_ENTER', { reason: why.reason ?? before, ...holderOf(why.holder) })
        return
      case 'active':
        if (why.held !== undefined) this.#enterActive(why.held)
        return
      case 'stopping':
        await this.#leaveDuties()
        return
      case 'stopped':
        await this.#giveBack()
        return
    }
  }

  #enterActive(held: Held): void {
    const { telemetry, leadershipName, duties } = this.#deps
    this.#held = held
    telemetry.emit('LOCK_ACQUIRED', { ...leadershipName, epoch: held.epoch, waited_ms: held.waitedMs })
    const how = this.#led ? 'regained' : held.how
    this.#led = true
    telemetry.emit('ACTIVE_ENTER', { epoch: held.epoch, how })
    const permit: LeaderPermit = { kind: 'leader', epoch: held.epoch, isFresh: () => held.isFresh() }
    this.#duties = startDuties(duties, permit, this.#deps)
  }

  async #leaveDuties(): Promise<void> {
    await this.#duties?.stop()
    this.#duties = undefined
  }

  async #giveBack(): Promise<void> {
    const { telemetry, leadershipName, onGivingBack, clock } = this.#deps
    const held = this.#held
    if (held === undefined) {
      telemetry.emit('LOCK_RELEASE_SKIPPED', { reason: 'this instance does not lead' })
      return
    }
    if (onGivingBack !== undefined) await withTimeout(clock, sayWithinMs, onGivingBack(held.epoch))
    try {
      const released = await held.release()
      if (released === 'released')
        telemetry.emit('LOCK_RELEASED', { backend: leadershipName.backend, epoch: held.epoch })
      else telemetry.emit('LOCK_RELEASE_SKIPPED', { reason: 'the connection is gone already' })
    } catch (error) {
      telemetry.emit('LOCK_RELEASE_FAILED', { reason: 'the database did not take it', error: messageWithCauses(error) })
    }
    this.#held = undefined
  }
}

const holderOf = (holder: string | undefined) => (holder === undefined ? {} : { holder })
