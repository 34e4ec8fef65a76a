import type { Sender } from '../inbox/update.ts'
import type { Instant } from '../kit/clock.ts'
import { type Cid, destinationOf } from '../kit/ids.ts'
import { isOnItsWay } from '../orders/order.ts'
import type { Tx } from '../store.ts'
import { meet } from './greet.ts'

/** A person blocked the bot: nothing can be sent to them until they unblock it. */
export async function noteBlocked(tx: Tx, sender: Sender, now: Instant): Promise<void> {
  const person = await meet(tx, sender, now)
  await tx.people.save({ ...person, blockedBotAt: now })
}

/** They unblocked it: what was kept for them meanwhile is sent now. */
export async function noteUnblocked(tx: Tx, sender: Sender, cid: Cid, now: Instant): Promise<void> {
  await meet(tx, sender, now)
  const waiting = (await tx.orders.recent(sender.id, { skip: 0, take: 20 })).filter(isOnItsWay)
  await tx.errands.add(
    waiting.map((order) => ({ errand: { kind: 'deliver', order: order.id, ...destinationOf(order) }, cid })),
  )
}
