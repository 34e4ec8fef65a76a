import type { Need, Reads } from '../conversation/screen.ts'
import { ordersPerPage } from '../conversation/screens/history/history.ts'
import type { Session } from '../conversation/session.ts'
import type { OfferId } from '../kit/ids.ts'
import { unreachable } from '../kit/unreachable.ts'
import type { ShopDay } from '../money/amount.ts'
import type { Order } from '../orders/order.ts'
import type { Person } from '../people/person.ts'
import type { Tx } from '../store.ts'

type Where = {
  readonly person: Pick<Person, 'id'>
  readonly day: ShopDay
  readonly place: Session['place']
  /** Undefined while it is being read itself. */
  readonly session: Session | undefined
}

/** Whether what a place reads can be read before the conversation is known. */
export const canReadAhead = (needs: readonly Need[]): boolean =>
  needs.every((need) => need === 'balance' || need === 'free' || need === 'orders')

/** Reads what a screen asked for, and nothing else, inside the step's transaction; all at once, in one round trip. */
export async function loadReads(tx: Tx, needs: readonly Need[], where: Where): Promise<Partial<Reads>> {
  const reads: { -readonly [K in Need]?: Reads[K] } = {}
  await Promise.all([...new Set(needs)].map((need) => load(tx, need, where, reads)))
  return reads
}

async function load(tx: Tx, need: Need, where: Where, reads: { -readonly [K in Need]?: Reads[K] }): Promise<void> {
  const { person, day, place } = where
  switch (need) {
    case 'balance':
      reads.balance = await tx.ledger.balance(person.id)
      return
    case 'free':
      reads.free = await tx.ledger.free(person.id, day)
      return
    case 'orders': {
      const page = place.at === 'history' ? place.page : 0
      reads.orders = await tx.orders.recent(person.id, { skip: page * ordersPerPage, take: ordersPerPage + 1 })
      return
    }
    case 'order':
      reads.order = await orderAt(tx, where)
      return
    case 'durations': {
      const offer = await offerAt(tx, where)
      reads.durations = offer === undefined ? undefined : await tx.orders.durations(offer)
      return
    }
    default:
      return unreachable(need, 'loadReads')
  }
}

/** The order that the place names, if it is this person's. */
async function orderAt(tx: Tx, { place, person }: Where): Promise<Order | undefined> {
  const id = 'order' in place ? place.order : place.at === 'run' ? await tx.orders.byQuote(place.quote) : undefined
  const order = id === undefined ? undefined : await tx.orders.get(id)
  return order?.person === person.id ? order : undefined
}

async function offerAt(tx: Tx, where: Where): Promise<OfferId | undefined> {
  const { place, session } = where
  if ('offer' in place) return place.offer
  return (await orderAt(tx, where))?.offer ?? session?.draft?.offer
}
