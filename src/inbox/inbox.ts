import type { Instant } from '../kit/clock.ts'
import type { BotId, Cid, InboxId, Lane } from '../kit/ids.ts'

/**
 * What Telegram sent, kept until it is handled. A port in three parts, because three places need it.
 *
 * Promises, held by `test/contracts/inbox-contract.ts`:
 * - `store` has committed when it resolves; the same update twice is one item;
 * - one bad row never refuses the others of its batch;
 * - items of a lane come out in the order in which they were stored, one at a time;
 * - a claim is committed before the work begins, so an item that kills the process is counted.
 */
export interface Inbox {
  /** Throws `CannotStore` when it could not be committed; the limit is two seconds for each commit. */
  store(received: Received): Promise<'stored' | 'duplicate'>
}

/** An update as it arrived; `body` is the raw text, parsed only when it is handled. */
export type Received = {
  readonly bot: BotId
  readonly updateId: number
  readonly lane: Lane
  readonly kind: string
  readonly cid: Cid
  readonly body: string
  readonly receivedAt: Instant
}

export type InboxItem = Received & { readonly id: InboxId; readonly attempts: number }

/** What the dispatcher needs. */
export interface Claims {
  /**
   * The first waiting items of at most `max` lanes, oldest first, none of the lanes in `busy`. Each claim counts one
   * attempt and is committed before it is returned.
   */
  claim(wish: {
    readonly max: number
    readonly busy: readonly Lane[]
    readonly now: Instant
  }): Promise<readonly InboxItem[]>
  /** When the earliest postponed item becomes due; undefined when none waits. */
  nextDueAt(now: Instant): Promise<Instant | undefined>
  /**
   * Returns a claimed item because the world failed and not the item: the attempt does not count. It needs no permit,
   * because the permit may be what failed; an item that was claimed again since, or is finished, stays as it is.
   */
  giveBack(item: InboxItem, wish: { readonly until: Instant; readonly error: string }): Promise<void>
}

/** What a step does with the item it handled. */
export interface InboxStep {
  /** False when the item is finished already: then the step must not have any effect. */
  finish(id: InboxId, at: Instant): Promise<boolean>
  /** Tries again from `until` on; the attempt counts. */
  postpone(id: InboxId, wish: { readonly until: Instant; readonly error: string }): Promise<void>
  shelve(id: InboxId, at: Instant, error: string): Promise<void>
}

export class CannotStore extends Error {
  override readonly name = 'CannotStore'
}

/** Attempts after which an item is set aside. */
export const attemptsMax = 5
/** How long handled updates are kept for inspection and replay. */
export const keptMs = 7 * 24 * 3600 * 1000
