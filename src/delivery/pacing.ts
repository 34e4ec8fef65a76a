import type { Settled } from '../errands/runner.ts'
import { after, type Clock, type Instant, instant } from '../kit/clock.ts'
import type { ChatId } from '../kit/ids.ts'
import type { Outcome } from '../kit/outcome.ts'
import type { Permit } from '../permit.ts'
import type { Store } from '../store.ts'
import type { ChatNo } from './chat-gateway.ts'

/**
 * Waits that Telegram asked for (429): a chat waits as long as it was told, and when three chats are told within a few
 * seconds, everybody waits [telegram-bot-api 4.1]. Kept in the database, so a takeover does not forget them.
 */
export interface Pacing {
  /** Reads the waits of before and of other instances; called when this one begins to work, and where work is shared. */
  load(permit: Permit): Promise<void>
  /** Until when this chat has to wait; undefined when it may be called now. */
  waitFor(chat: ChatId): Instant | undefined
  /** What follows from a "not now": the chat waits, and the errand comes again. */
  after(permit: Permit, chat: ChatId, no: Extract<Outcome<unknown, ChatNo>, { kind: 'not_done' }>): Promise<Settled>
  /** The errand comes again in `ms`. */
  again(ms: number): Settled
}

const everybody = 'everybody'
const chatsUntilEverybody = 3
const complaintsMs = 5_000
const unnamedWaitMs = 3_000

export function createPacing({ store, clock }: { readonly store: Store; readonly clock: Clock }): Pacing {
  /** When each is over by the monotonic clock: whoever sets the wall clock back makes nobody wait longer. */
  const waits = new Map<string, number>()
  const complaints = new Map<ChatId, Instant>()

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

  return {
    async load(permit) {
      const askedMs = clock.monotonicMs()
      const kept = await store.transact(permit, (tx) => tx.waits.all())
      // As of the asking: read again and again, a wait does not grow by the time that the answer takes.
      for (const { scope, leftMs } of kept) note(scope, askedMs + leftMs - clock.monotonicMs())
    },
    waitFor(chat) {
      const until = Math.max(waitOf(`chat:${chat}`) ?? 0, waitOf(everybody) ?? 0)
      return until === 0 ? undefined : instant(until)
    },
    async after(permit, chat, no) {
      const ms = no.retry.when === 'later' ? (no.retry.afterMs ?? unnamedWaitMs) : unnamedWaitMs
      const now = clock.now()
      if (no.why === 'too_many') {
        const scopes = isEverybody(chat, now) ? [`chat:${chat}`, everybody] : [`chat:${chat}`]
        for (const scope of scopes) note(scope, ms)
        await store.transact(permit, async (tx) => {
          for (const scope of scopes) await tx.waits.set(scope, ms)
        })
      }
      return { againAt: after(clock.now(), ms) }
    },
    again: (ms) => ({ againAt: after(clock.now(), ms) }),
  }
}
