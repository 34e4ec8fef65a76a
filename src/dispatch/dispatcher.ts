import { attemptsMax, type Claims, type HandOver, type InboxItem, type Offer, type Received } from '../inbox/inbox.ts'
import { after, type Clock, type Instant } from '../kit/clock.ts'
import type { Lane } from '../kit/ids.ts'
import { isFaultOfTheWorld, type Permit } from '../store.ts'
import { messageWithCauses, type Telemetry } from '../telemetry/telemetry.ts'

/**
 * Has waiting updates handled: within a lane strictly one after the other, many lanes at once. An update for a free lane
 * is handed over by intake and begun as soon as it is stored; what had to wait is claimed from the inbox. Looks by
 * itself every few seconds, should a wake-up be lost.
 *
 * What a step throws decides what becomes of its item: a fault of the world gives it back and blames nobody; anything
 * else counts, and after five attempts the item is shelved, so that the lane goes on. A lane stays taken until what
 * became of its item is written down.
 */
export type DispatcherDeps = {
  readonly claims: Claims
  /** The step: handles one item in one transaction. */
  readonly handle: (permit: Permit, item: InboxItem) => Promise<void>
  /** The same for an update that is still being stored: it looks up what it needs, and writes nothing before. */
  readonly handleAhead?: (permit: Permit, arriving: Received, stored: Promise<InboxItem | undefined>) => Promise<void>
  /** Writes down that an item is tried again later, or set aside (and the person told). */
  readonly postpone: (permit: Permit, item: InboxItem, wish: { ms: number; error: string }) => Promise<void>
  readonly shelve: (permit: Permit, item: InboxItem, error: string) => Promise<void>
  readonly clock: Clock
  readonly telemetry: Telemetry
}
export interface Dispatcher extends HandOver {
  /** Something was stored elsewhere: look now. */
  wake(): void
  /** Works until `signal` aborts, and then ends the steps it has begun; what takes too long is given back. */
  work(permit: Permit, signal: AbortSignal): Promise<void>
}

/** Lanes handled at the same time; a step holds one connection of the work pool for a few milliseconds. */
const lanesMax = 32
/** While more waits than there is room for, a claim waits until it can take so many at once … */
const claimMin = 8
/** … but no longer than this. */
const gatherMs = 50
const lookEveryMs = 2_000
const worldFaultPauseMs = 500
/** At a stop, the steps that were begun have so long. */
const endWithinMs = 10_000
/** 0.5, 1, 3, 10 s: five attempts in about 15 s. */
const retryMs = [500, 1_000, 3_000, 10_000] as const

export function createDispatcher(deps: DispatcherDeps): Dispatcher {
  const { claims, handle, handleAhead, postpone, shelve, clock, telemetry } = deps
  let hands: Hands | undefined
  /** Given back at a stop, before their steps had ended: what becomes of those says nothing any more. */
  const handedBack = new WeakSet<InboxItem>()

  async function handleItem(permit: Permit, item: InboxItem, signal: AbortSignal): Promise<Handled> {
    const started = clock.monotonicMs()
    try {
      // Counted at every claim: more than the limit means that it took the process with it, again and again.
      if (item.attempts > attemptsMax) await setAside(permit, item, 'every attempt ended the process')
      else {
        await handle(permit, item)
        tellHandled(item, started)
      }
      return 'over'
    } catch (error) {
      await afterFailure(permit, item, error, signal)
      return 'put_back'
    }
  }

  async function handleArriving(
    permit: Permit,
    arriving: Received,
    stored: Promise<InboxItem | undefined>,
    signal: AbortSignal,
  ): Promise<Handled> {
    if (handleAhead === undefined) {
      const item = await stored
      return item === undefined ? 'over' : await handleItem(permit, item, signal)
    }
    // The time begins with the storing's end: what was done before it cost nobody anything.
    let started = clock.monotonicMs()
    const arrived = stored.then((item) => {
      started = clock.monotonicMs()
      return item
    })
    try {
      await handleAhead(permit, arriving, arrived)
      const item = await stored
      if (item !== undefined) tellHandled(item, started)
      return 'over'
    } catch (error) {
      const item = await stored
      if (item === undefined) return 'over'
      await afterFailure(permit, item, error, signal)
      return 'put_back'
    }
  }

  function tellHandled({ cid }: InboxItem, startedMs: number): void {
    telemetry.tell('DISPATCH_OK', { cid, took_ms: Math.round(clock.monotonicMs() - startedMs) })
  }

  async function afterFailure(permit: Permit, item: InboxItem, error: unknown, signal: AbortSignal): Promise<void> {
    if (handedBack.has(item)) return
    const { cid, updateId, attempts } = item
    const text = messageWithCauses(error)
    const world = isFaultOfTheWorld(error)
    const reason = world ? 'STORAGE_ERROR' : 'INTERNAL_ERROR'
    telemetry.tell('DISPATCH_FAIL', { cid, update_id: updateId, attempt: attempts, reason_code: reason })
    telemetry.caught(error, 'step', cid)
    if (world) return await giveBack(item, text, signal)
    try {
      if (attempts >= attemptsMax) await setAside(permit, item, text)
      else await postpone(permit, item, { ms: retryMs[attempts - 1] ?? 10_000, error: text })
    } catch (second) {
      telemetry.caught(second, 'postponing', cid)
      if (isFaultOfTheWorld(second)) await giveBack(item, text, signal)
      // Our own fault in saying so: the attempt stays counted, and a pause keeps the lane from running hot.
      else await clock.sleep(retryMs[3], signal)
    }
  }

  /** Goes on until the database has taken it, so that no outage counts as an attempt; or until the duty ends. */
  async function giveBack(item: InboxItem, error: string, signal: AbortSignal): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        return await claims.giveBack(item, { until: after(clock.now(), worldFaultPauseMs), error })
      } catch (second) {
        if (tries === 1) telemetry.caught(second, 'giving back', item.cid)
      }
      await clock.sleep(worldFaultPauseMs, signal)
      if (signal.aborted) return
    }
  }

  /** Its step did not end in time after a stop: whoever works next has it, and no attempt counts. */
  async function handBack(item: InboxItem): Promise<void> {
    const { cid, updateId, attempts } = item
    handedBack.add(item)
    const error = `its step had not ended ${endWithinMs / 1000} s after the stop`
    const told = { cid, update_id: updateId, attempt: attempts, reason_code: 'STOP_TIMEOUT', detail: error }
    telemetry.tell('DISPATCH_FAIL', told)
    try {
      // Due at once, also by the clock of another machine.
      await claims.giveBack(item, { until: item.receivedAt, error })
    } catch (second) {
      telemetry.caught(second, 'giving back', cid)
    }
  }

  async function setAside(permit: Permit, item: InboxItem, error: string): Promise<void> {
    await shelve(permit, item, error)
    telemetry.tell('UPDATE_SHELVED', { cid: item.cid, update_id: item.updateId, attempts: item.attempts })
  }

  return {
    wake: () => hands?.wake(),
    offer: (lane, arriving) => hands?.offer(lane, arriving) ?? nobodyWorks,
    async work(permit, signal) {
      const mine = new Hands({
        claims,
        clock,
        signal,
        handle: (item) => handleItem(permit, item, signal),
        handBack,
        handleArriving: (arriving, stored) => handleArriving(permit, arriving, stored, signal),
      })
      hands = mine
      try {
        await mine.work()
      } finally {
        // One that was left behind may end while its successor works.
        if (hands === mine) hands = undefined
      }
    },
  }
}

/** Another instance works, or this one does not yet: its first look finds what is stored meanwhile. */
const nobodyWorks: Offer = { claim: false, settle: () => {} }

type HandsDeps = {
  readonly claims: Claims
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly handle: (item: InboxItem) => Promise<Handled>
  /** Never rejects. */
  readonly handBack: (item: InboxItem) => Promise<void>
  readonly handleArriving: (arriving: Received, stored: Promise<InboxItem | undefined>) => Promise<Handled>
}
type Handled = 'over' | 'put_back'

/** The lanes that are worked on, from the beginning of a leadership to its end. */
class Hands {
  readonly #deps: HandsDeps
  readonly #busy = new Map<Lane, Promise<void>>()
  /** What is claimed, by its lane. */
  readonly #inHand = new Map<Lane, InboxItem>()
  /** Busy lanes in which more may wait: there may be something to claim as soon as one of them is free. */
  readonly #crowded = new Set<Lane>()
  #isWoken = true
  #isClaiming = false
  /** The last claim found as much as there was room for, so there is probably more. */
  #isBehind = false
  /** When the first postponed item is due; unknown after something was put back, and from time to time. */
  #due: { readonly at: Instant | undefined } | undefined
  #rouse = () => {}

  constructor(deps: HandsDeps) {
    this.#deps = deps
  }

  /** Something was stored, nobody knows in which lane. */
  wake(): void {
    for (const lane of this.#busy.keys()) this.#crowded.add(lane)
    this.#look()
  }

  offer(lane: Lane, arriving?: Received): Offer {
    const { signal, handle, handleArriving } = this.#deps
    // A claim that is under way does not know of this lane being taken, and could take the same item.
    const isFree = !this.#busy.has(lane) && !this.#isClaiming && this.#room() > 0 && !signal.aborted
    if (!isFree) return { claim: false, settle: (stored) => stored === 'stored' && this.#noteWaiting(lane) }
    const item = Promise.withResolvers<InboxItem | undefined>()
    this.#occupy(
      lane,
      arriving === undefined
        ? item.promise.then((stored) => (stored === undefined ? 'over' : handle(stored)))
        : handleArriving(arriving, item.promise),
    )
    return {
      claim: true,
      settle: (stored) => {
        // Another item of the lane is before it.
        if (stored === 'stored') this.#crowded.add(lane)
        const claimed = typeof stored === 'object' ? stored : undefined
        if (claimed !== undefined) this.#inHand.set(lane, claimed)
        item.resolve(claimed)
      },
    }
  }

  /** Until the signal aborts and every step that was begun has ended, or its item was given back. */
  async work(): Promise<void> {
    const { claims, clock, signal, handle } = this.#deps
    try {
      while (!signal.aborted) {
        if (!this.#isReady()) {
          await this.#rest()
          continue
        }
        const room = this.#room()
        this.#isWoken = false
        this.#isClaiming = true
        const items = await claims.claim({ max: room, busy: [...this.#busy.keys()], now: clock.now() })
        this.#isClaiming = false
        this.#isBehind = items.length === room
        for (const item of items) {
          this.#inHand.set(item.lane, item)
          this.#occupy(item.lane, handle(item))
          // Only the head of a lane is taken: more of it may be waiting behind.
          this.#crowded.add(item.lane)
        }
      }
    } finally {
      // Whatever ended the loop: no step is left without an owner, and no lane is taken twice after a restart.
      this.#isClaiming = true
      await this.#endSteps()
    }
  }

  async #endSteps(): Promise<void> {
    const { clock, signal, handBack } = this.#deps
    const ended = new AbortController()
    const all = Promise.all(this.#busy.values()).then(() => ended.abort())
    const late = aborted(signal, ended.signal).then(() => clock.sleep(endWithinMs, ended.signal))
    await Promise.race([all, late])
    if (ended.signal.aborted) return
    await Promise.all([...this.#inHand.values()].map(handBack))
  }

  #room(): number {
    return lanesMax - this.#busy.size
  }

  #isReady(): boolean {
    return this.#isWoken && this.#room() >= (this.#isBehind ? claimMin : 1)
  }

  #look(): void {
    this.#isWoken = true
    if (this.#isReady() || this.#isBehind) this.#rouse()
  }

  #noteWaiting(lane: Lane): void {
    if (this.#busy.has(lane)) this.#crowded.add(lane)
    else this.#look()
  }

  #occupy(lane: Lane, work: Promise<Handled>): void {
    const done = (handled: Handled) => {
      this.#busy.delete(lane)
      this.#inHand.delete(lane)
      if (handled === 'put_back') {
        this.#due = undefined
        this.#rouse()
      }
      // Woken while every hand was busy: now there is one.
      if (this.#crowded.delete(lane) || this.#isBehind || this.#isWoken) this.#look()
    }
    this.#busy.set(lane, work.then(done))
  }

  async #pauseMs(): Promise<number> {
    const { claims, clock } = this.#deps
    // A few hands are free, and something waits: steps that hang shall not keep it from them.
    if (this.#isBehind && this.#room() > 0) return gatherMs
    this.#due ??= { at: await claims.nextDueAt(clock.now()) }
    const { at } = this.#due
    return at === undefined ? lookEveryMs : Math.min(lookEveryMs, Math.max(1, at - clock.now()))
  }

  /** Until there is something to claim, a postponed item is due, or a few seconds have passed. */
  async #rest(): Promise<void> {
    const { clock, signal } = this.#deps
    const roused = new AbortController()
    const rouse = () => roused.abort()
    this.#rouse = rouse
    signal.addEventListener('abort', rouse, { once: true })
    await clock.sleep(await this.#pauseMs(), roused.signal)
    signal.removeEventListener('abort', rouse)
    this.#rouse = () => {}
    if (roused.signal.aborted) return
    this.#isWoken = true
    this.#isBehind = false
    this.#due = undefined
  }
}

/** Until one of them aborts; leaves no listener behind on the one that lives longer. */
const aborted = (...signals: readonly AbortSignal[]): Promise<void> =>
  new Promise((resolve) => {
    const any = AbortSignal.any([...signals])
    if (any.aborted) resolve()
    else any.addEventListener('abort', () => resolve(), { once: true })
  })
