import type { Waits } from './delivery/waits.ts'
import type { Sessions } from './dispatch/sessions.ts'
import type { Errands } from './errands/errand.ts'
import type { SubmitSlots } from './generation/submit-slots.ts'
import type { InboxStep } from './inbox/inbox.ts'
import type { Losses } from './losses/loss.ts'
import type { Ledger } from './money/ledger.ts'
import type { Refunds } from './money/refund.ts'
import type { TopUps } from './money/top-up.ts'
import type { AlertStore, UnheardAlerts } from './operators/operators.ts'
import type { OrderStore } from './orders/order-store.ts'
import type { People } from './people/person.ts'
import type { Permit } from './permit.ts'

/**
 * MAP: everything we keep. A step is one `transact`: all of it is committed, or nothing.
 *
 * The permit is checked by the first statements of the transaction (the fence), so an instance that lost the
 * leadership or was declared dead, even one that was frozen meanwhile, commits nothing: it gets `FenceLost`.
 */
export interface Store {
  transact<T>(permit: Permit, work: (tx: Tx) => Promise<T>): Promise<T>
}
export type Tx = {
  readonly inbox: InboxStep
  readonly people: People
  readonly sessions: Sessions
  readonly orders: OrderStore
  readonly ledger: Ledger
  readonly topUps: TopUps
  readonly refunds: Refunds
  readonly losses: Losses
  readonly submitSlots: SubmitSlots
  readonly waits: Waits
  readonly alerts: AlertStore
  readonly unheardAlerts: UnheardAlerts
  readonly errands: Errands
  /**
   * The last statements of the step, of which nothing needs an answer: the commit follows them at once. Should one fail,
   * nothing is committed, and the step fails with its error.
   */
  closeWith(statements: readonly Promise<unknown>[]): void
}
