import type { View } from '../conversation/view.ts'
import type { DueErrand } from '../errands/errand.ts'
import type { Facts } from '../errands/record-observation.ts'
import type { Instant } from '../kit/clock.ts'
import { type ChargeId, type ChatId, type Cid, type PersonId, parseTopUpId } from '../kit/ids.ts'
import { type Kopecks, stars } from '../money/amount.ts'
import { kopecksFor, starsCurrency } from '../money/top-up.ts'
import type { Tx } from '../store.ts'

/**
 * A Stars payment arrived: it is credited to its payer under its charge id, once, whatever else is true. Even for an
 * unknown or closed top-up; then at the rate of today, and the operator is told. A payment in another currency is not
 * ours to value: nothing is credited, and the operator is told.
 */
export type Payment = {
  readonly person: PersonId
  readonly chat: ChatId
  readonly charge: ChargeId
  readonly payload: string
  readonly totalAmount: number
  /** What `totalAmount` counts; see `starsCurrency`. */
  readonly currency: string
  readonly at: Instant
  readonly cid: Cid
}

export async function takePayment(
  tx: Tx,
  payment: Payment,
  starsPerRub: string,
  creditedView: (amount: Kopecks, balance: Kopecks) => View,
  facts: Facts,
): Promise<void> {
  const { person, charge, currency, totalAmount, at, cid } = payment
  if (currency !== starsCurrency) {
    await tx.errands.add([{ errand: { kind: 'tell_operator', what: foreignPayment(payment) }, cid }])
    facts.add((t) => t.tell('PAYMENT_REFUSED', { cid, charge, currency, amount: totalAmount }))
    return
  }
  const id = parseTopUpId(payment.payload)
  const topUp = id === undefined ? undefined : await tx.topUps.lock(id)
  const paid = stars(totalAmount)
  const matches = topUp?.state === 'open' && topUp.person === person && topUp.stars === paid
  const amount = matches ? topUp.amount : kopecksFor(paid, starsPerRub)
  const credited = await tx.ledger.credit({
    charge,
    person,
    amount,
    stars: paid,
    at,
    cid,
    ...(matches ? { topUp: topUp.id } : {}),
  })
  if (credited === 'already_credited') return
  if (matches) await tx.topUps.save({ ...topUp, state: 'paid', charge })
  const balance = await tx.ledger.balance(person)
  const errands: DueErrand[] = [
    { errand: { kind: 'say', chat: payment.chat, view: creditedView(amount, balance) }, cid },
  ]
  if (!matches) errands.push({ errand: { kind: 'tell_operator', what: strayPayment(payment, amount) }, cid })
  await tx.errands.add(errands)
  facts.add((t) => {
    if (!matches) t.tell('TOPUP_WITHOUT_INVOICE', { cid, stars: paid, kopecks: amount })
    t.tell('TOPUP_CREDITED', { cid, kopecks: amount, stars: paid, ...(matches ? { top_up_id: topUp.id } : {}) })
  })
}

const foreignPayment = ({ person, charge, totalAmount, currency }: Payment): string =>
  `A payment of person ${person} is in ${currency}, and only Stars are sold for (${totalAmount} of its smallest unit, ` +
  `charge ${charge}). Nothing was credited: look at who sent the invoice, and give the money back or credit it by hand.`

const strayPayment = ({ person, charge, totalAmount }: Payment, amount: Kopecks): string =>
  `${totalAmount} Stars of person ${person} arrived for no open top-up (charge ${charge}). ` +
  `${(amount / 100).toFixed(2)} ₽ were credited at the rate of today.`
