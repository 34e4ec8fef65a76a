import type { Need, Reads } from '../conversation/screen.ts'
import { ordersPerPage } from '../conversation/screens/history/history.ts'
import type { Session } from '../conversation/session.ts'
import type { OfferId } from '../kit/ids.ts'
import { unreachable } from '../kit/unreachable.ts'
import type { ShopDay } from '../money/amount.ts'
import type { Ledger } from '../money/ledger.ts'
import type { Order } from '../orders/order.ts'
import type { OrderStore } from '../orders/order-store.ts'
import { UnreadableOrder } from '../orders/read-order.ts'
import type { Person } from '../people/person.ts'

/** Of whom, and at which place of the conversation. */
export type Where = {
  readonly person: Pick<Person, 'id'>
  readonly day: ShopDay
  readonly place: Session['place']
  readonly session: Session
}

/** Where it is read: a step's transaction, or, before there is one, what is committed. */
export type ReadPorts = { readonly ledger: Pick<Ledger, 'balance' | 'free'>; readonly orders: ReadOrders }
type ReadOrders = Pick<OrderStore, 'recent' | 'get' | 'byQuote' | 'durations'>

/** Reads what a screen asked for, and nothing else; all at once, in one round trip. */
export async function loadReads(from: ReadPorts, needs: readonly Need[], where: Where): Promise<Partial<Reads>> {
  const reads: { -readonly [K in Need]?: Reads[K] } = {}
  await Promise.all([...new Set(needs)].map((need) => load(from, need, where, reads)))
  return reads
}

async function load(
  from: ReadPorts,
  need: Need,
  where: Where,
  reads: { -readonly [K in Need]?: Reads[K] },
): Promise<void> {
  const { person, day, place } = where
  switch (need) {
    case 'balance':
      reads.balance = await from.ledger.balance(person.id)
      return
    case 'free':
      reads.free = await from.ledger.free(person.id, day)
      return
    case 'orders': {
      const page = place.at === 'history' ? place.page : 0
      reads.orders = await from.orders.recent(person.id, { skip: page * ordersPerPage, take: ordersPerPage + 1 })
      return
    }
    case 'order':
      reads.order = await orderAt(from, where)
      return
    case 'durations': {
      const offer = await offerAt(from, where)
      reads.durations = offer === undefined ? undefined : await from.orders.durations(offer)
      return
    }
    default:
      return unreachable(need, 'loadReads')
  }
}

/** The order that the place names, if it is this person's and this program can read it. */
async function orderAt(from: ReadPorts, { place, person }: Where): Promise<Order | undefined> {
  const id = 'order' in place ? place.order : place.at === 'run' ? await from.orders.byQuote(place.quote) : undefined
  const order = id === undefined ? undefined : await from.orders.get(id).catch(noneIfUnreadable)
  return order?.person === person.id ? order : undefined
}

/** After a rollback: for the person it is not there, and the sweep of orders names it to the operators. */
export function noneIfUnreadable(error: unknown): undefined {
  if (!(error instanceof UnreadableOrder)) throw error
}

async function offerAt(from: ReadPorts, where: Where): Promise<OfferId | undefined> {
  const { place, session } = where
  if ('offer' in place) return place.offer
  return (await orderAt(from, where))?.offer ?? session.draft?.offer
}
