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
  /**
   * Throws `CannotStore` when it could not be committed; the limit is two seconds for each commit. With `claim` the item
   * comes back claimed, unless another one of its lane waits: then it is stored behind that one.
   */
  store(received: Received, wish?: { readonly claim: boolean }): Promise<Stored>
}
export type Stored = 'stored' | 'duplicate' | InboxItem

/** An update as it arrived; `body` is the raw text, and all that is stored of it. */
export type Received = {
  readonly bot: BotId
  readonly updateId: number
  readonly lane: Lane
  readonly kind: string
  readonly cid: Cid
  readonly body: string
  /** What `JSON.parse` made of `body`, when it was parsed in this process already. */
  readonly parsed?: unknown
  readonly receivedAt: Instant
}

export type InboxItem = Received & { readonly id: InboxId; readonly attempts: number }

/** What the dispatcher needs. */
export interface Claims {
  /**
   * The first waiting items of at most `max` lanes, none of the lanes in `busy`. Each lane has its turn: the next claim
   * goes on behind the last one. Each claim counts one attempt and is committed before it is returned.
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

/**
 * The shortest way from intake to the one who handles: before an update is stored, its lane is offered. Where the lane
 * is free, the update is stored as claimed and handled at once, without a look into the inbox. Whoever says what is
 * being stored has the step look up meanwhile what it will need; it writes nothing before the update is stored.
 */
export interface HandOver {
  offer(lane: Lane, arriving?: Received): Offer
}
export type Offer = {
  /** Whether to store the update as claimed; until `settle` the lane is kept for it. */
  readonly claim: boolean
  /** What became of it; `undefined` when it could not be stored. Must be called. */
  settle(stored: Stored | undefined): void
}

/** What a step does with the item it handled. */
export interface InboxStep {
  /** False when the item is finished already: then the step must not have any effect. */
  finish(id: InboxId, at: Instant): Promise<boolean>
  /** The same for a step that does not wait for the answer: `AlreadyFinished` fails it in the database itself. */
  mustFinish(id: InboxId, at: Instant): Promise<void>
  /** Tries again from `until` on; the attempt counts. */
  postpone(id: InboxId, wish: { readonly until: Instant; readonly error: string }): Promise<void>
  shelve(id: InboxId, at: Instant, error: string): Promise<void>
}

/** The item of a step is finished, or set aside, already: the step has no effect. */
export class AlreadyFinished extends Error {
  override readonly name = 'AlreadyFinished'
}

export class CannotStore extends Error {
  override readonly name = 'CannotStore'
}

/** Attempts after which an item is set aside. */
export const attemptsMax = 5
/** How long handled updates are kept for inspection and replay. */
export const keptMs = 7 * 24 * 3600 * 1000
