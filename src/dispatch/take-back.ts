import { starsTakenBackView } from '../conversation/order-views.ts'
import { textsFor } from '../conversation/texts/texts-for.ts'
import type { Sender, What } from '../inbox/update.ts'
import type { Instant } from '../kit/clock.ts'
import { type ChargeId, type Cid, chatOfPerson, destinationOf } from '../kit/ids.ts'
import { unreachable } from '../kit/unreachable.ts'
import { type Kopecks, type Stars, stars } from '../money/amount.ts'
import { starsCurrency } from '../money/top-up.ts'
import type { Person } from '../people/person.ts'
import type { Tx } from '../store.ts'
import { meet } from './greet.ts'

type Refunded = Extract<What, { type: 'refunded_payment' }>

/**
 * Stars that Telegram gave back, without us or by our own refund: the money they bought goes too, once. A refund that is
 * handled before its payment is noted, and the payment is reversed when it comes.
 */
export async function takeBack(tx: Tx, sender: Sender, refund: Refunded, cid: Cid, at: Instant): Promise<void> {
  const { charge, currency, totalAmount } = refund
  if (currency !== starsCurrency) {
    const what = `A refund to person ${sender.id} is in ${currency} (charge ${charge}). Nothing was taken back: look at it.`
    return await tx.errands.add([{ errand: { kind: 'tell_operator', what }, cid }])
  }
  const person = await meet(tx, sender, at)
  const reversed = await tx.ledger.reverse({ charge, at, cid })
  switch (reversed) {
    case 'already_reversed':
      return
    case 'reversed':
      return await emitTakenBack(tx, person, { charge, stars: stars(totalAmount) }, cid)
    case 'noted_early': {
      const what =
        `Telegram gave ${totalAmount} Stars back to person ${person.id} (charge ${charge}). ` +
        'No such payment was handled yet; when it comes, it is taken back at once.'
      return await tx.errands.add([{ errand: { kind: 'tell_operator', what }, cid }])
    }
    default:
      return unreachable(reversed, 'takeBack')
  }
}

/**
 * Tells the person and the operators what was taken back, and how much of it the person owes because it was spent. If the
 * refund was asked for by hand, this ends it: Telegram's message about it may come before the answer to our call.
 */
export async function emitTakenBack(
  tx: Tx,
  { id, language }: Pick<Person, 'id' | 'language'>,
  { charge, stars }: { readonly charge: ChargeId; readonly stars: Stars },
  cid: Cid,
): Promise<void> {
  const asked = await tx.refunds.lock({ what: 'payment', id: charge })
  if (asked !== undefined) await tx.refunds.save({ ...asked, state: 'done' })
  const [balance, debt] = await Promise.all([tx.ledger.balance(id), tx.ledger.debt(id)])
  const why = asked === undefined ? {} : { why: asked.why }
  const chat = chatOfPerson(id)
  // Where they are now: the invoice may be long ago.
  const to = destinationOf((await tx.sessions.get(chat))?.session ?? { chat })
  const view = starsTakenBackView(textsFor(language), { stars, balance, debt, ...why })
  const what =
    `Telegram gave ${stars} Stars back to person ${id} (charge ${charge}). What they bought was taken back.` +
    (asked === undefined ? '' : ` You asked for it: ${asked.why}.`) +
    (debt > 0
      ? ` They owe ${roubles(debt)}, which was spent or is held for an order. The next money that comes to them pays it.`
      : '')
  await tx.errands.add([
    { errand: { kind: 'say', ...to, view }, cid },
    { errand: { kind: 'tell_operator', what }, cid },
  ])
}

/** For operators. */
export const roubles = (amount: Kopecks): string => `${(amount / 100).toFixed(2)} ₽`
