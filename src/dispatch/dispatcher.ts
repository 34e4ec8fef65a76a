import { attemptsMax, type Claims, type InboxItem } from '../inbox/inbox.ts'
import { after, type Clock } from '../kit/clock.ts'
import type { Lane } from '../kit/ids.ts'
import { isFaultOfTheWorld, type Permit } from '../store.ts'
import { messageWithCauses, type Telemetry } from '../telemetry/telemetry.ts'

/**
 * Takes waiting updates from the inbox and has each handled: within a lane strictly one after the other, many lanes at
 * once. Woken by whoever stored something; looks by itself every few seconds, should a wake-up be lost.
 *
 * What a step throws decides what becomes of its item: a fault of the world gives it back and blames nobody; anything
 * else counts, and after five attempts the item is shelved, so that the lane goes on. A lane stays taken until what
 * became of its item is written down.
 */
export type DispatcherDeps = {
  readonly claims: Claims
  /** The step: handles one item in one transaction. */
  readonly handle: (permit: Permit, item: InboxItem) => Promise<void>
  /** Writes down that an item is tried again later, or set aside (and the person told). */
  readonly postpone: (permit: Permit, item: InboxItem, wish: { ms: number; error: string }) => Promise<void>
  readonly shelve: (permit: Permit, item: InboxItem, error: string) => Promise<void>
  readonly clock: Clock
  readonly telemetry: Telemetry
}
export interface Dispatcher {
  /** Something was stored: look now. */
  wake(): void
  /** Works until `signal` aborts, and then ends the steps it has begun. */
  work(permit: Permit, signal: AbortSignal): Promise<void>
}

/** Lanes handled at the same time; a step holds one connection of the work pool for a few milliseconds. */
const lanesMax = 32
/** A claim takes the heads of at most so many lanes. */
const claimMax = 64
const lookEveryMs = 2_000
const worldFaultPauseMs = 500
/** 0.5, 1, 3, 10 s: five attempts in about 15 s. */
const retryMs = [500, 1_000, 3_000, 10_000] as const

export function createDispatcher({ claims, handle, postpone, shelve, clock, telemetry }: DispatcherDeps): Dispatcher {
  let woken = true
  let rouse = () => {}
  const wake = () => {
    woken = true
    rouse()
  }

  async function handleItem(permit: Permit, item: InboxItem, signal: AbortSignal): Promise<void> {
    const started = clock.monotonicMs()
    try {
      // Counted at every claim: more than the limit means that it took the process with it, again and again.
      if (item.attempts > attemptsMax) return await setAside(permit, item, 'every attempt ended the process')
      await handle(permit, item)
      telemetry.tell('DISPATCH_OK', { cid: item.cid, took_ms: Math.round(clock.monotonicMs() - started) })
    } catch (error) {
      await afterFailure(permit, item, error, signal)
    }
  }

  async function afterFailure(permit: Permit, item: InboxItem, error: unknown, signal: AbortSignal): Promise<void> {
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

  async function setAside(permit: Permit, item: InboxItem, error: string): Promise<void> {
    await shelve(permit, item, error)
    telemetry.tell('UPDATE_SHELVED', { cid: item.cid, update_id: item.updateId, attempts: item.attempts })
  }

  return {
    wake,
    async work(permit, signal) {
      const busy = new Map<Lane, Promise<void>>()
      const begin = (item: InboxItem) => {
        const done = () => {
          busy.delete(item.lane)
          wake()
        }
        busy.set(item.lane, handleItem(permit, item, signal).finally(done))
      }
      try {
        await takeTurns(busy, begin, signal)
      } finally {
        // Whatever ended the loop: no step is left without an owner, and no lane is taken twice after a restart.
        await Promise.all(busy.values())
      }
    },
  }

  async function takeTurns(
    busy: ReadonlyMap<Lane, unknown>,
    begin: (item: InboxItem) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const room = () => Math.min(claimMax, lanesMax - busy.size)
    woken = true
    while (!signal.aborted) {
      if (!woken || room() === 0) {
        await idle(signal, () => room() > 0)
        continue
      }
      woken = false
      const items = await claims.claim({ max: room(), busy: [...busy.keys()], now: clock.now() })
      for (const item of items) begin(item)
    }
  }

  /** Until something is stored, a lane is free again, a postponed item is due, or a few seconds have passed. */
  async function idle(signal: AbortSignal, hasRoom: () => boolean): Promise<void> {
    const due = hasRoom() ? await claims.nextDueAt(clock.now()) : undefined
    if (signal.aborted || (woken && hasRoom())) return
    const pauseMs = due === undefined ? lookEveryMs : Math.min(lookEveryMs, Math.max(1, due - clock.now()))
    const roused = new AbortController()
    const stop = () => roused.abort()
    rouse = stop
    signal.addEventListener('abort', stop, { once: true })
    await clock.sleep(pauseMs, roused.signal)
    signal.removeEventListener('abort', stop)
    rouse = () => {}
    woken = true
  }
}
