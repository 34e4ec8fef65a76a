import type { Catalog } from '../catalog/offer.ts'
import { invoiceTexts, progressView, receiptView } from '../conversation/order-views.ts'
import { nextProgressMs } from '../conversation/progress-schedule.ts'
import type { OrderSeen } from '../conversation/screen.ts'
import { textsFor } from '../conversation/texts/texts-for.ts'
import type { View } from '../conversation/view.ts'
import type { Clock, Instant } from '../kit/clock.ts'
import type { ShopDay } from '../money/amount.ts'
import type { TopUp } from '../money/top-up.ts'
import type { Order } from '../orders/order.ts'
import type { Permit } from '../permit.ts'
import type { Store } from '../store.ts'

/** What the errands say about orders and payments, in the language of the person: read and drawn at that moment. */
export function createOrderWords({
  store,
  catalog,
  dayAt,
  clock,
}: {
  readonly store: Store
  readonly catalog: Catalog
  readonly dayAt: (at: Instant) => ShopDay
  readonly clock: Clock
}) {
  async function see(permit: Permit, order: Order): Promise<OrderSeen> {
    const now = clock.now()
    return await store.transact(permit, async (tx) => {
      const person = await tx.people.get(order.person)
      const durations = await tx.orders.durations(order.offer)
      return {
        now,
        order,
        offer: catalog.get(order.offer),
        texts: textsFor(person?.language ?? 'ru'),
        balance: await tx.ledger.balance(order.person),
        free: await tx.ledger.free(order.person, dayAt(now)),
        ...(order.status === 'released' ? { debtPaid: await tx.ledger.debtPaidBy(order.id) } : {}),
        ...(durations === undefined ? {} : { durations }),
      }
    })
  }

  return {
    async progress(permit: Permit, order: Order): Promise<{ view: View; nextMs: number }> {
      const seen = await see(permit, order)
      return { view: progressView(seen), nextMs: nextProgressMs(order, seen.now, seen.durations) }
    },
    /** What follows the results: the receipt, or that they are a gift. */
    async receipt(permit: Permit, order: Order): Promise<View> {
      return receiptView(await see(permit, order))
    },
    async lateGift(permit: Permit, order: Order): Promise<View> {
      const { texts } = await see(permit, order)
      return { screen: 'result', text: [texts.result.lateGift], keyboard: [] }
    },
    /** `away`: its host does not answer now. `gone`: it does not give the file any more. */
    async noOriginal(permit: Permit, order: Order, why: 'away' | 'gone'): Promise<View> {
      const { texts } = await see(permit, order)
      const text = why === 'gone' ? texts.result.originalGone : texts.result.originalAway
      return { screen: 'result', text: [text], keyboard: [] }
    },
    /** The same about a result that Telegram does not have any more. */
    async noResult(permit: Permit, order: Order, why: 'away' | 'gone'): Promise<View> {
      const { texts } = await see(permit, order)
      const text = why === 'gone' ? texts.result.resultGone : texts.result.resultAway
      return { screen: 'result', text: [text], keyboard: [] }
    },
    async invoice(permit: Permit, topUp: TopUp) {
      const person = await store.transact(permit, (tx) => tx.people.get(topUp.person))
      return invoiceTexts(textsFor(person?.language ?? 'ru'), topUp.amount)
    },
  }
}
