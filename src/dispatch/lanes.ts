import type { InboxItem } from '../inbox/inbox.ts'
import type { Lane } from '../kit/ids.ts'

/**
 * Which lanes are busy, and whether another step may begin. One step of a lane at a time.
 *
 *                    ┌──────── a claim found less than there was room for ────────┐
 *                    ▼                                                            │
 *   open ── a claim found as much as there was room for ──► behind ───────────────┘
 *    │                                                        │
 *    └──────────── an interrupted item is due ────────────────┤
 *                                                             ▼
 *   behind ◄── its step has ended ── alone ◄── no step ── draining
 *
 * `open`: updates are handled on arrival. `behind`: they are only stored, so that what waits comes first. `draining`:
 * nothing begins any more. `alone`: an item whose process ended while it was in hand is handled with nothing beside it, so
 * that an update that ends the process takes no other along.
 */
export type Mode = 'open' | 'behind' | 'draining' | 'alone'

const follows: Readonly<Record<Mode, readonly Mode[]>> = {
  open: ['behind', 'draining'],
  behind: ['open', 'draining'],
  draining: ['alone', 'behind'],
  alone: ['behind'],
}

/** Steps in a transaction at the same time; each holds one connection of the work pool for a few milliseconds. */
export const stepsMax = 32
/** Updates that are handled on their arrival at the same time; they share their reads and commits. */
export const arrivalsMax = 256
/** While updates wait for their commit, steps leave the database to it. */
export const stepsMaxUnderPressure = 4

type Busy = {
  /** Unknown while it is an update that arrives. */
  item: InboxItem | undefined
  /** A step in a transaction, or room for one is kept. */
  isStep: boolean
  isMoreWaiting: boolean
  readonly over: Promise<void>
}

export class Lanes {
  #mode: Mode = 'open'
  #steps = 0
  readonly #busy = new Map<Lane, Busy>()

  get mode(): Mode {
    return this.#mode
  }

  become(mode: Mode): void {
    if (mode === this.#mode) return
    if (!follows[this.#mode].includes(mode)) throw new Error(`the lanes cannot go from ${this.#mode} to ${mode}`)
    this.#mode = mode
  }

  /** How many steps may begin now, of `max` in all. */
  room(max: number): number {
    return Math.max(0, max - this.#steps)
  }

  /** Whether one more update may be handled on its arrival. */
  get hasRoomForArrival(): boolean {
    return this.#busy.size - this.#steps < arrivalsMax
  }

  isBusy(lane: Lane): boolean {
    return this.#busy.has(lane)
  }

  get busy(): number {
    return this.#busy.size
  }

  names(): readonly Lane[] {
    return [...this.#busy.keys()]
  }

  /** Something was stored in this lane: when it is free, there is something to claim. */
  noteMoreWaiting(lane: Lane): boolean {
    const busy = this.#busy.get(lane)
    if (busy === undefined) return false
    busy.isMoreWaiting = true
    return true
  }

  /** Something was stored, nobody knows in which lane. */
  noteMoreWaitingAnywhere(): void {
    for (const busy of this.#busy.values()) busy.isMoreWaiting = true
  }

  /** Occupies a free lane until `step` has ended. `onFree` hears whether more of the lane waits. `step` must not reject. */
  occupy(lane: Lane, item: InboxItem | undefined, step: Promise<void>, onFree: (isMoreWaiting: boolean) => void): void {
    if (this.#busy.has(lane)) throw new Error(`the lane ${lane} is busy`)
    if (item !== undefined) this.#steps += 1
    const over = step.then(() => {
      this.#busy.delete(lane)
      if (busy.isStep) this.#steps -= 1
      onFree(busy.isMoreWaiting)
    })
    const busy: Busy = { item, isStep: item !== undefined, isMoreWaiting: false, over }
    this.#busy.set(lane, busy)
  }

  /** Keeps room for the step of the update that arrives in this lane; false when there is none, of `max` in all. */
  reserveStep(lane: Lane, max: number): boolean {
    const busy = this.#busy.get(lane)
    if (busy === undefined || busy.isStep || this.room(max) === 0) return false
    busy.isStep = true
    this.#steps += 1
    return true
  }

  /** The update that arrived in this lane is stored now, and its step begins. */
  beginStep(lane: Lane, item: InboxItem): void {
    const busy = this.#busy.get(lane)
    if (busy === undefined || !busy.isStep || busy.item !== undefined) {
      throw new Error(`no room is kept in the lane ${lane}`)
    }
    busy.item = item
  }

  /** Items whose steps have not ended. */
  items(): readonly InboxItem[] {
    return [...this.#busy.values()].flatMap(({ item }) => item ?? [])
  }

  /** Resolves when every lane that is busy now is free. */
  async allFree(): Promise<void> {
    await Promise.all([...this.#busy.values()].map(({ over }) => over))
  }
}
