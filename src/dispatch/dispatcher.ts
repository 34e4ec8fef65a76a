import { FenceLost, isFaultOfTheWorld } from '../faults.ts'
import { attemptsMax, type Claims, type Inbox, type InboxItem, type Received } from '../inbox/inbox.ts'
import { after, type Clock, type Instant } from '../kit/clock.ts'
import type { Lane } from '../kit/ids.ts'
import { Pause, untilAborted, withTimeout } from '../kit/wait.ts'
import type { WorkerPermit } from '../permit.ts'
import { messageWithCauses, type Telemetry } from '../telemetry/telemetry.ts'
import { createArrivalOrder } from './arrival-order.ts'
import type { Arrival } from './arrive.ts'
import { Lanes, stepsMax, stepsMaxUnderPressure } from './lanes.ts'

/**
 * Has updates handled: on their arrival where their lane is free and nothing is behind, else claimed from the inbox, the
 * lane that has waited longest first. Within a lane strictly one after the other, many lanes at once. Looks by itself every
 * few seconds, should a notification be lost.
 *
 * What a step throws decides what becomes of its item: after a fault of the world it is released and blames nobody;
 * anything else counts, and after five attempts the item is shelved, so that the lane goes on. A lane stays busy until
 * what became of its item is written down.
 */
export type DispatcherDeps = {
  readonly inbox: Pick<Inbox, 'store' | 'waiting'>
  readonly claims: Claims
  /**
   * Handles an update on its arrival where that is possible, and stores it in any case. `mayClaim` keeps room for a step in
   * a transaction, and says whether there was any; it is asked after `arrive` has returned, before anything is stored.
   */
  readonly arrive: (
    permit: WorkerPermit,
    received: Received,
    mayClaim: () => boolean,
    onStored: (how: 'stored' | 'duplicate') => void,
  ) => Arrival
  /** The step: handles one stored item in one transaction. */
  readonly handle: (permit: WorkerPermit, item: InboxItem) => Promise<void>
  /** Writes down that an item is tried again later, or shelved (and the person told). */
  readonly retryLater: (permit: WorkerPermit, item: InboxItem, wish: { ms: number; error: string }) => Promise<void>
  readonly shelve: (permit: WorkerPermit, item: InboxItem, error: string) => Promise<void>
  /** An instance has died a short while ago: every update is stored before it is handled. */
  readonly isCareful: () => boolean
  readonly clock: Clock
  readonly telemetry: Telemetry
}
export interface Dispatcher {
  /**
   * Commits an update, and has it handled by this instance when it works. `onStored` is called when it is committed; the
   * promise rejects when it could not be.
   */
  take(received: Received, onStored: (how: 'stored' | 'duplicate') => void): Promise<void>
  /** Something was stored elsewhere: look now. */
  wake(): void
  /** Works until `signal` aborts, and then ends the steps it has begun; what takes too long is released. */
  work(permit: WorkerPermit, signal: AbortSignal): Promise<void>
}

/** While more waits than there is room for, a claim waits until it can take so many at once … */
const claimMin = 8
/** … but no longer than this. */
const gatherMs = 50
/** So many updates that wait for their commit are pressure on the intake. */
const pressureFrom = 64
const lookEveryMs = 5_000
const worldFaultPauseMs = 500
/** At a stop, the steps that were begun have so long. */
const endWithinMs = 10_000
/** 0.5, 1, 3, 10 s: five attempts in about 15 s. */
const retryMs = [500, 1_000, 3_000, 10_000] as const

export function createDispatcher(deps: DispatcherDeps): Dispatcher {
  let worker: Worker | undefined
  const inOrder = createArrivalOrder()

  async function store(received: Received, onStored: (how: 'stored' | 'duplicate') => void): Promise<void> {
    const stored = await deps.inbox.store(received)
    onStored(stored === 'duplicate' ? 'duplicate' : 'stored')
    worker?.noteStored(received.lane)
  }

  return {
    take: (received, onStored) =>
      inOrder(
        received.lane,
        () => worker?.arrive(received, onStored),
        () => store(received, onStored),
      ),
    wake: () => worker?.wake(),
    async work(permit, signal) {
      const mine = new Worker(deps, permit, signal)
      worker = mine
      try {
        await mine.work()
      } finally {
        // One that was left behind may end while its successor works.
        if (worker === mine) worker = undefined
      }
    },
  }
}

/** Works on the lanes, from the beginning of a permit to its end. */
class Worker {
  readonly #deps: DispatcherDeps
  readonly #permit: WorkerPermit
  readonly #signal: AbortSignal
  readonly #lanes = new Lanes()
  #isWoken = true
  /** It has waited for more room as long as it may. */
  #hasGathered = false
  #isEnding = false
  /** When the first postponed item is due; unknown after something was put off, and from time to time. */
  #due: { readonly at: Instant | undefined } | undefined
  readonly #pause: Pause
  /** Released at a stop, before their steps had ended: what becomes of those says nothing any more. */
  readonly #released = new WeakSet<InboxItem>()

  constructor(deps: DispatcherDeps, permit: WorkerPermit, signal: AbortSignal) {
    this.#deps = deps
    this.#permit = permit
    this.#signal = signal
    this.#pause = new Pause(deps.clock)
  }

  /** Something was stored, nobody knows in which lane. */
  wake(): void {
    this.#lanes.noteMoreWaitingAnywhere()
    this.#look()
  }

  noteStored(lane: Lane): void {
    if (!this.#lanes.noteMoreWaiting(lane)) this.#look()
  }

  /** Undefined when the update is only to be stored. */
  arrive(received: Received, onStored: (how: 'stored' | 'duplicate') => void): Promise<void> | undefined {
    const { arrive, isCareful } = this.#deps
    const { lane } = received
    const isOpen = this.#lanes.mode === 'open' && !this.#isEnding && !this.#signal.aborted && this.#permit.isFresh()
    if (!isOpen || isCareful() || this.#lanes.isBusy(lane) || !this.#lanes.hasRoomForArrival) return undefined
    const started = this.#deps.clock.monotonicMs()
    const mayClaim = () => this.#lanes.reserveStep(lane, this.#stepsMax())
    const { stored, end } = arrive(this.#permit, received, mayClaim, onStored)
    const step = end.then(async (ended) => {
      switch (ended.kind) {
        case 'claimed':
          this.#lanes.beginStep(lane, ended.item)
          return await this.#handle(ended.item)
        case 'waits':
          this.#lanes.noteMoreWaiting(lane)
          return
        case 'handled':
          return this.#emitHandled(received, started)
        case 'refused':
          return
      }
    })
    this.#occupy(lane, undefined, step)
    return stored
  }

  /** Until the signal aborts and every step that was begun has ended, or its item was released. */
  async work(): Promise<void> {
    try {
      while (!this.#signal.aborted) {
        if (this.#lanes.mode === 'draining') await this.#handleInterrupted()
        else if (this.#isReady()) await this.#claim()
        else await this.#rest()
      }
    } finally {
      // However the loop ended: no step is left without an owner, and no lane is taken twice after a restart.
      this.#isEnding = true
      await this.#endSteps()
    }
  }

  async #claim(): Promise<void> {
    const { claims, clock } = this.#deps
    const room = this.#lanes.room(this.#stepsMax())
    this.#isWoken = false
    this.#hasGathered = false
    const wish = { max: room, busy: this.#lanes.names(), now: clock.now() }
    const [before, none] = [this.#due, { at: undefined }]
    // What is put off meanwhile makes it unknown again.
    this.#due = none
    const { items, isAnyWaiting, isAnyInterrupted } = await claims.claim(this.#permit, wish)
    if (isAnyWaiting && this.#due === none) this.#due = before
    if (isAnyInterrupted) this.#lanes.become('draining')
    else this.#lanes.become(items.length === room ? 'behind' : 'open')
    for (const item of items) {
      // When something arrived in this lane while the claim was under way, it may be this item. It stays claimed for this
      // instance, and is claimed again when the lane is free, unless it is handled by then.
      if (!this.#lanes.isBusy(item.lane)) this.#occupy(item.lane, item, this.#handle(item))
      // Only the first item of a lane is claimed: more of it may wait.
      this.#lanes.noteMoreWaiting(item.lane)
    }
  }

  /** One item that was interrupted, with nothing beside it; then others have their turn before the next one. */
  async #handleInterrupted(): Promise<void> {
    const { claims, clock } = this.#deps
    if (this.#lanes.busy > 0) return await this.#rest()
    const item = await claims.claimInterrupted(this.#permit, clock.now())
    if (item !== undefined) {
      this.#lanes.become('alone')
      const step = this.#handle(item)
      this.#occupy(item.lane, item, step)
      await step
    }
    this.#lanes.become('behind')
    this.#isWoken = true
  }

  async #handle(item: InboxItem): Promise<void> {
    const { handle, clock } = this.#deps
    const started = clock.monotonicMs()
    try {
      if (item.interrupted >= attemptsMax) {
        return await this.#shelve(item, 'every attempt ended the process')
      }
      await handle(this.#permit, item)
      this.#emitHandled(item, started)
    } catch (error) {
      await this.#afterFailure(item, error)
      this.#due = undefined
      this.#pause.end()
    }
  }

  async #afterFailure(item: InboxItem, error: unknown): Promise<void> {
    const { retryLater, clock, telemetry } = this.#deps
    if (this.#released.has(item)) return
    const { cid, updateId } = item
    const attempt = item.failures + 1
    const text = messageWithCauses(error)
    const isWorld = isFaultOfTheWorld(error)
    const reason = isWorld ? 'STORAGE_ERROR' : 'INTERNAL_ERROR'
    telemetry.emit('DISPATCH_FAIL', { cid, update_id: updateId, attempt, reason_code: reason })
    // That another one works now is no fault: the update is theirs.
    if (!(error instanceof FenceLost)) telemetry.caught(error, 'step', cid)
    if (isWorld) return await this.#releaseSoon(item, text)
    try {
      if (attempt >= attemptsMax) await this.#shelve(item, text)
      else await retryLater(this.#permit, item, { ms: retryMs[item.failures] ?? 10_000, error: text })
    } catch (second) {
      telemetry.caught(second, 'noting a failure', cid)
      if (isFaultOfTheWorld(second)) await this.#releaseSoon(item, text)
      // Our own fault in saying so: a pause keeps the lane from running hot.
      else await clock.sleep(retryMs[3], this.#signal)
    }
  }

  /** Goes on until the database has taken it, so that no outage counts as an attempt; or until the work ends. */
  async #releaseSoon(item: InboxItem, error: string): Promise<void> {
    const { claims, clock, telemetry } = this.#deps
    for (let tries = 1; ; tries++) {
      try {
        return await claims.release(item, { until: after(clock.now(), worldFaultPauseMs), error })
      } catch (second) {
        if (tries === 1) telemetry.caught(second, 'releasing an item', item.cid)
      }
      await clock.sleep(worldFaultPauseMs, this.#signal)
      if (this.#signal.aborted) return
    }
  }

  async #release(item: InboxItem, error: string, until: Instant): Promise<void> {
    const { claims, telemetry } = this.#deps
    await claims.release(item, { until, error }).catch((second: unknown) => {
      telemetry.caught(second, 'releasing an item', item.cid)
    })
  }

  async #shelve(item: InboxItem, error: string): Promise<void> {
    const { shelve, telemetry } = this.#deps
    await shelve(this.#permit, item, error)
    const attempts = Math.max(item.failures + 1, item.interrupted)
    telemetry.emit('UPDATE_SHELVED', { cid: item.cid, update_id: item.updateId, attempts })
  }

  #emitHandled({ cid }: Pick<Received, 'cid'>, startedMs: number): void {
    const { clock, telemetry } = this.#deps
    telemetry.emit('DISPATCH_OK', { cid, took_ms: Math.round(clock.monotonicMs() - startedMs) })
  }

  async #endSteps(): Promise<void> {
    const { clock, telemetry } = this.#deps
    const free = this.#lanes.allFree().then(() => 'free' as const)
    if ((await untilAborted(this.#signal, free)) === 'free') return
    if ((await withTimeout(clock, endWithinMs, free)) === 'free') return
    await Promise.all(
      this.#lanes.items().map(async (item) => {
        this.#released.add(item)
        const detail = `its step had not ended ${endWithinMs / 1000} s after the stop`
        const reason = { attempt: item.failures + 1, reason_code: 'STOP_TIMEOUT', detail } as const
        telemetry.emit('DISPATCH_FAIL', { cid: item.cid, update_id: item.updateId, ...reason })
        // Due at once, also by the clock of another machine.
        await this.#release(item, detail, item.receivedAt)
      }),
    )
  }

  #isUnderPressure(): boolean {
    return this.#deps.inbox.waiting() >= pressureFrom
  }

  #stepsMax(): number {
    return this.#isUnderPressure() ? stepsMaxUnderPressure : stepsMax
  }

  #isReady(): boolean {
    const gathers = this.#lanes.mode === 'behind' && !this.#hasGathered && !this.#isUnderPressure()
    return this.#isWoken && this.#lanes.room(this.#stepsMax()) >= (gathers ? claimMin : 1)
  }

  #look(): void {
    this.#isWoken = true
    if (this.#isReady() || this.#lanes.mode !== 'open') this.#pause.end()
  }

  #occupy(lane: Lane, item: InboxItem | undefined, step: Promise<void>): void {
    this.#lanes.occupy(lane, item, step, (isMoreWaiting) => {
      // There was no room, or something interrupted waits for all steps to end.
      if (isMoreWaiting || this.#isWoken || this.#lanes.mode !== 'open') this.#look()
    })
  }

  async #pauseMs(): Promise<number> {
    const { claims, clock } = this.#deps
    // A few steps may begin, and something waits: steps that hang shall not keep it waiting.
    if (this.#lanes.mode !== 'open' && this.#lanes.room(this.#stepsMax()) > 0) return gatherMs
    if (this.#due === undefined) {
      // What is put off while this is read makes it unknown again.
      const due: { at: Instant | undefined } = { at: undefined }
      this.#due = due
      due.at = await claims.nextDueAt(clock.now())
    }
    const at = this.#due?.at
    return at === undefined ? lookEveryMs : Math.min(lookEveryMs, Math.max(1, at - clock.now()))
  }

  /** Until there is something to claim, a postponed item is due, or a few seconds have passed. */
  async #rest(): Promise<void> {
    if (!(await this.#pause.rest(this.#pauseMs(), this.#signal))) return
    this.#isWoken = true
    this.#hasGathered = true
    this.#due = undefined
  }
}
