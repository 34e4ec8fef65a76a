import type { KeptSession } from '../dispatch/sessions.ts'
import type { Instant } from '../kit/clock.ts'
import type { BotId, Cid, InboxId, Lane } from '../kit/ids.ts'
import type { WorkerPermit } from '../permit.ts'

/**
 * What Telegram sent, kept until it is handled. A port in three parts, because three places need it.
 *
 * Promises, held by `test/contracts/inbox-contract.ts`:
 * - what `store` or `handle` answers is committed; the same update twice is one item;
 * - one bad row never refuses the others of its batch;
 * - items of a lane come out in the order in which they were stored, one at a time;
 * - an item is claimed for an instance by name, so an item whose instance ended while it was in hand is known.
 */
export interface Inbox {
  /** Throws `CannotStore` when it could not be committed; the limit is two seconds for each commit. */
  store(received: Received, wish?: StoreWish): Promise<Stored>
  /**
   * Commits an update as handled together with the conversation it leads to. `stored`: the conversation has moved since
   * it was read, somebody else holds it, or the permit is over; then the update waits to be handled, and nothing else is
   * written. Throws as `store` does.
   */
  handle(received: Received, step: ArrivalStep): Promise<'handled' | 'stored' | 'duplicate'>
  /** Updates that wait for a commit now. */
  waiting(): number
}
export type StoreWish =
  /** The item waits until it is claimed. */
  | 'wait'
  /** The item comes back claimed, unless another one of its lane waits: then it waits behind that one. */
  | 'claim'
  /** Nothing follows from it: it is stored as finished, unless another one of its lane waits; then it waits behind that one. */
  | 'finish'
export type Stored = 'stored' | 'finished' | 'duplicate' | InboxItem

/** What handling an update on its arrival leads to. */
export type ArrivalStep = {
  readonly permit: WorkerPermit
  /** The revision of the conversation when it was read. */
  readonly readRevision: number
  readonly kept: KeptSession
}

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

export type InboxItem = Received & {
  readonly id: InboxId
  /** Attempts that failed before this one. */
  readonly failures: number
  /** How often the instance that had it in hand ended before it did. */
  readonly interrupted: number
}

/** What the dispatcher needs. A claim writes nothing when the permit is over, and throws `FenceLost`. */
export interface Claims {
  /**
   * The first waiting items of at most `max` lanes, none of the lanes in `busy`: the lane that has waited longest first.
   * Items that were interrupted are left out, and so are their lanes. Committed before it is returned.
   */
  claim(permit: WorkerPermit, wish: ClaimWish): Promise<Claimed>
  /** The oldest interrupted item that is due; its lane must be free. */
  claimInterrupted(permit: WorkerPermit, now: Instant): Promise<InboxItem | undefined>
  /** When the earliest postponed item becomes due; undefined when none waits. */
  nextDueAt(now: Instant): Promise<Instant | undefined>
  /**
   * Returns a claimed item because the world failed and not the item: no attempt counts. It needs no permit, because the
   * permit may be what failed; an item that another instance has claimed since, or that is finished, stays as it is.
   */
  release(item: InboxItem, wish: { readonly until: Instant; readonly error: string }): Promise<void>
}
export type ClaimWish = { readonly max: number; readonly busy: readonly Lane[]; readonly now: Instant }
export type Claimed = {
  readonly items: readonly InboxItem[]
  /** False when nothing waits, not even what was put off. */
  readonly isAnyWaiting: boolean
  /** An interrupted item is due. */
  readonly isAnyInterrupted: boolean
}

/** What a step does with the item it handled. */
export interface InboxStep {
  /** Fails in the database with `AlreadyFinished` when the item is finished or shelved: the step has no effect then. */
  mustFinish(id: InboxId, at: Instant): Promise<void>
  /** Tries again from `until` on; the attempt counts. */
  retryLater(id: InboxId, wish: { readonly until: Instant; readonly error: string }): Promise<void>
  shelve(id: InboxId, at: Instant, error: string): Promise<void>
}

/** The item of a step is finished, or shelved, already: the step has no effect. */
export class AlreadyFinished extends Error {
  override readonly name = 'AlreadyFinished'
}

export class CannotStore extends Error {
  override readonly name = 'CannotStore'
}

/** Failed attempts, or ends of its process, after which an item is shelved. */
export const attemptsMax = 5
/** How long handled updates are kept for inspection and replay. */
export const keptMs = 7 * 24 * 3600 * 1000
