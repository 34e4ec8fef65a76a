import type { Waits } from './delivery/pacing.ts'
import type { Sessions } from './dispatch/sessions.ts'
import type { Errands } from './errands/errand.ts'
import type { SubmitSlots } from './generation/submit-slots.ts'
import type { InboxStep } from './inbox/inbox.ts'
import type { InstanceId } from './kit/ids.ts'
import type { OperatorCauses } from './lifecycle/operator-watch.ts'
import type { Ledger } from './money/ledger.ts'
import type { TopUps } from './money/top-up.ts'
import type { OrderStore } from './orders/order-store.ts'
import type { People } from './people/person.ts'

/**
 * MAP: everything we keep. A step is one `transact`: all of it is committed, or nothing.
 *
 * The permit is checked by the first statements of the transaction (the fence), so an instance that lost the
 * leadership or was declared dead, even one that was frozen meanwhile, commits nothing: it gets `FenceLost`.
 */
export interface Store {
  transact<T>(permit: Permit, work: (tx: Tx) => Promise<T>): Promise<T>
  /** Reads what is committed, outside of any step: nothing is locked, and nothing may be concluded for writing. */
  read<T>(look: (seen: Committed) => Promise<T>): Promise<T>
}
export type Committed = { readonly sessions: Pick<Sessions, 'get'> }

export type Tx = {
  readonly inbox: InboxStep
  readonly people: People
  readonly sessions: Sessions
  readonly orders: OrderStore
  readonly ledger: Ledger
  readonly topUps: TopUps
  readonly submitSlots: SubmitSlots
  readonly waits: Waits
  readonly causes: OperatorCauses
  readonly errands: Errands
  /**
   * The last statements of the step, of which nothing needs an answer: the commit follows them at once. Should one fail,
   * nothing is committed, and the step fails with its error.
   */
  closeWith(statements: readonly Promise<unknown>[]): void
}

/**
 * The right to write: of the leader of an epoch, or, where work is shared, of an instance that is known to be alive. An
 * instance that was declared dead and lives announces itself anew, in another incarnation.
 */
export type Permit = LeaderPermit | WorkerPermit
export type LeaderPermit = Fresh & { readonly kind: 'leader'; readonly epoch: number }
export type WorkerPermit = Fresh & {
  readonly kind: 'worker'
  readonly instance: InstanceId
  readonly incarnation: number
}
type Fresh = {
  /**
   * False as soon as the lease may have run out, or the instance may have been declared dead, by the monotonic clock.
   * Asked right before a call to the outside.
   */
  readonly isFresh: () => boolean
}

/** The permit is not valid any more; nothing was written. A fault of the world, not of the work. */
export class FenceLost extends Error {
  override readonly name = 'FenceLost'
}

/** The database did not answer, was full, restarted, or gave way to another transaction: try again later. */
export class StorageFault extends Error {
  override readonly name = 'StorageFault'
}

export const isFaultOfTheWorld = (error: unknown): boolean =>
  error instanceof FenceLost || error instanceof StorageFault
