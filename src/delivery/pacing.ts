import type { Settled } from '../errands/runner.ts'
import { after, type Clock, type Instant, instant } from '../kit/clock.ts'
import type { ChatId } from '../kit/ids.ts'
import type { Outcome } from '../kit/outcome.ts'
import { pauseAfter } from '../kit/pauses.ts'
import type { Permit } from '../permit.ts'
import type { Store } from '../store.ts'
import type { ChatNo } from './chat-gateway.ts'
import type { TelegramBreaker } from './telegram-breaker.ts'

/**
 * When a chat may be called. Telegram asks for waits (429): a chat waits as long as Telegram says, and when three chats
 * are asked to within a few seconds, everybody waits [telegram-bot-api 4.1]. These are kept in the database, so a
 * takeover does not forget them. Everybody waits too while the breaker is open.
 *
 * Errands also keep a pace, so that what has waited during an outage does not go out at once. Calls that answer a person
 * right away do not.
 */
export interface Pacing {
  /** Reads the waits of before and of other instances; called when this one begins to work, and where work is shared. */
  load(permit: Permit): Promise<void>
  /** Until when this chat has to wait; undefined when it may be called now. */
  waitFor(chat: ChatId): Instant | undefined
  /** For an errand: undefined when it may call this chat now; else it waits, and keeps its count of repeats. */
  hold(chat: ChatId, repeats: number): Settled | undefined
  /**
   * What follows from a "not now": the chat waits as long as Telegram says and the errand comes again, with the same
   * count of repeats. Without a time from Telegram the pause grows with the repeats.
   */
  after(
    permit: Permit,
    chat: ChatId,
    no: Extract<Outcome<unknown, ChatNo>, { kind: 'not_done' }>,
    repeats: number,
  ): Promise<Settled>
  /** The errand comes again after a pause that grows with the repeats, and counts one more. */
  again(repeats: number): Settled
}

const everybody = 'everybody'
const chatsUntilEverybody = 3
const complaintsMs = 5_000
/** One errand calls every so often: 25 a second, of the 30 that Telegram takes. */
const placeMs = 40
/** So many may call at the same moment when it was quiet before. */
const placesAtOnce = 10
/** A place that nobody came for. */
const placeKeptMs = 60_000
/** Who comes when the row is longer than this asks for a place again at its end. */
const placesMax = 10_000

export function createPacing({
  store,
  breaker,
  random,
  clock,
}: {
  readonly store: Store
  readonly breaker: Pick<TelegramBreaker, 'waitMs'>
  readonly random: () => number
  readonly clock: Clock
}): Pacing {
  /** When each is over by the monotonic clock: whoever sets the wall clock back makes nobody wait longer. */
  const waits = new Map<string, number>()
  const complaints = new Map<ChatId, Instant>()
  const takePlace = createPlaces(clock)

  function note(scope: string, ms: number): void {
    const nowMs = clock.monotonicMs()
    for (const [other, overMs] of waits) if (overMs <= nowMs) waits.delete(other)
    waits.set(scope, Math.max(nowMs + ms, waits.get(scope) ?? 0))
  }

  function waitOf(scope: string): Instant | undefined {
    const leftMs = (waits.get(scope) ?? 0) - clock.monotonicMs()
    return leftMs > 0 ? after(clock.now(), leftMs) : undefined
  }

  function isEverybody(chat: ChatId, now: Instant): boolean {
    complaints.set(chat, now)
    for (const [other, at] of complaints) if (now - at > complaintsMs) complaints.delete(other)
    return complaints.size >= chatsUntilEverybody
  }

  function waitFor(chat: ChatId): Instant | undefined {
    const awayMs = breaker.waitMs()
    const away = awayMs === undefined ? 0 : after(clock.now(), awayMs)
    const until = Math.max(waitOf(`chat:${chat}`) ?? 0, waitOf(everybody) ?? 0, away)
    return until === 0 ? undefined : instant(until)
  }

  return {
    async load(permit) {
      const askedMs = clock.monotonicMs()
      const kept = await store.transact(permit, (tx) => tx.waits.all())
      // As of the asking: read again and again, a wait does not grow by the time that the answer takes.
      for (const { scope, leftMs } of kept) note(scope, askedMs + leftMs - clock.monotonicMs())
    },
    waitFor,
    hold(chat, repeats) {
      const wait = waitFor(chat)
      if (wait !== undefined) return { againAt: wait, repeats }
      const placeInMs = takePlace(chat)
      return placeInMs === 0 ? undefined : { againAt: after(clock.now(), placeInMs), repeats }
    },
    async after(permit, chat, no, repeats) {
      const named = no.retry.when === 'later' ? no.retry.afterMs : undefined
      const ms = named ?? pauseAfter(repeats, random)
      if (no.why === 'too_many') {
        const scopes = isEverybody(chat, clock.now()) ? [`chat:${chat}`, everybody] : [`chat:${chat}`]
        for (const scope of scopes) note(scope, ms)
        await store.transact(permit, async (tx) => {
          for (const scope of scopes) await tx.waits.set(scope, ms)
        })
      }
      const againAt = after(clock.now(), ms)
      // Of Telegram not being there the breaker keeps count, for all errands together.
      return named === undefined && no.why === 'too_many' ? { againAt } : { againAt, repeats }
    },
    again: (repeats) => ({ againAt: after(clock.now(), pauseAfter(repeats, random)) }),
  }
}

/** Gives each chat a place in the row of calls; says how long until it is due, 0 when the chat is called now. */
function createPlaces(clock: Clock) {
  /** Oldest first. */
  const places = new Map<ChatId, number>()
  let nextMs = Number.NEGATIVE_INFINITY

  function forgetOld(nowMs: number): void {
    for (const [chat, atMs] of places) {
      if (atMs > nowMs - placeKeptMs) return
      places.delete(chat)
    }
  }

  return (chat: ChatId): number => {
    const nowMs = clock.monotonicMs()
    forgetOld(nowMs)
    const kept = places.get(chat)
    if (kept !== undefined) {
      if (kept <= nowMs) places.delete(chat)
      return Math.max(0, kept - nowMs)
    }
    const atMs = Math.max(nextMs, nowMs - (placesAtOnce - 1) * placeMs)
    if (places.size >= placesMax) return Math.max(placeMs, atMs - nowMs)
    nextMs = atMs + placeMs
    if (atMs <= nowMs) return 0
    places.set(chat, atMs)
    return atMs - nowMs
  }
}
