import type { KieTaskId, MessageId, OfferId, OrderId, PersonId, QuoteId } from '../kit/ids.ts'
import type { Order } from './order.ts'

/**
 * Where orders are kept. A port, used inside a step's transaction. `lock` and `get` throw `UnreadableOrder` for an order
 * of a newer program (see `read-order.ts`).
 */
export interface OrderStore {
  /** Adds the order that a confirmed quote became. One quote makes one order: a second one says so. */
  add(order: Order, quote: QuoteId): Promise<{ kind: 'added' } | { kind: 'quote_used'; by: OrderId }>
  /** Reads and locks the row until the step ends, so that two observations are decided one after the other. */
  lock(id: OrderId): Promise<Order | undefined>
  get(id: OrderId): Promise<Order | undefined>
  save(order: Order): Promise<void>
  /** The order that a quote became. */
  byQuote(quote: QuoteId): Promise<OrderId | undefined>
  byTask(task: KieTaskId): Promise<OrderId | undefined>
  /** Newest first, without those that this program cannot read. */
  recent(person: PersonId, page: { readonly skip: number; readonly take: number }): Promise<readonly Order[]>
  /** Whether this message is the progress or the receipt of one of their latest orders. */
  ownsMessage(person: PersonId, message: MessageId): Promise<boolean>
  running(person: PersonId): Promise<number>
  /** Measured over the last 200 completed orders of this offer; undefined until there are five. */
  durations(offer: OfferId): Promise<Durations | undefined>
}
/** Milliseconds from placing to the artifact. */
export type Durations = { readonly p50Ms: number; readonly p90Ms: number }
