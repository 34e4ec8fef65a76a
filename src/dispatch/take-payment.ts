import type { Catalog } from '../catalog/offer.ts'
import { nextPlace } from '../conversation/draft.ts'
import { creditedView } from '../conversation/order-views.ts'
import type { Draft } from '../conversation/session.ts'
import { textsFor } from '../conversation/texts/texts-for.ts'
import type { DueErrand } from '../errands/errand.ts'
import type { Sender, What } from '../inbox/update.ts'
import type { Instant } from '../kit/clock.ts'
import { type ChatId, type Cid, chatOfPerson, destinationOf, type PersonId, parseTopUpId } from '../kit/ids.ts'
import { type Kopecks, stars } from '../money/amount.ts'
import { kopecksFor, starsCurrency } from '../money/top-up.ts'
import type { Tx } from '../store.ts'
import type { Facts } from '../telemetry/facts.ts'
import { meet } from './greet.ts'
import { emitTakenBack, roubles } from './take-back.ts'

/**
 * A Stars payment arrived: it is credited to its payer under its charge id, once, whatever else is true. Even for an
 * unknown or closed top-up; then at the rate of today, and the operator is told. A payment in another currency is not
 * ours to value: nothing is credited, and the operator is told. One whose Stars were given back before is taken back at
 * once.
 */
export type Terms = { readonly starsPerRub: string; readonly catalog: Catalog; readonly now: Instant }

type Payment = Extract<What, { type: 'successful_payment' }>

export async function takePayment(
  tx: Tx,
  sender: Sender,
  payment: Payment,
  cid: Cid,
  { starsPerRub, catalog, now }: Terms,
  facts: Facts,
): Promise<void> {
  const payer = await meet(tx, sender, now)
  const { id: person, language } = payer
  const { charge, currency, totalAmount } = payment
  if (currency !== starsCurrency) {
    await tx.errands.add([{ errand: { kind: 'tell_operator', what: foreignPayment(person, payment) }, cid }])
    facts.add((t) => t.emit('PAYMENT_REFUSED', { cid, charge, currency, amount: totalAmount }))
    return
  }
  const chat = chatOfPerson(person)
  const draft = await draftThatWaits(tx, chat, catalog)
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
    at: now,
    cid,
    ...(matches ? { topUp: topUp.id } : {}),
  })
  if (credited === 'already_credited') return
  if (matches) await tx.topUps.save({ ...topUp, state: 'paid', charge })
  if (credited === 'credited_and_reversed') return await emitTakenBack(tx, payer, { charge, stars: paid }, cid)
  const balance = await tx.ledger.balance(person)
  const view = creditedView(textsFor(language), amount, balance, draft)
  const to = destinationOf({ chat, topic: topUp?.person === person ? topUp.topic : undefined })
  const errands: DueErrand[] = [{ errand: { kind: 'say', ...to, view }, cid }]
  if (!matches) errands.push({ errand: { kind: 'tell_operator', what: strayPayment(person, payment, amount) }, cid })
  await tx.errands.add(errands)
  facts.add((t) => {
    if (!matches) t.emit('TOPUP_WITHOUT_INVOICE', { cid, stars: paid, kopecks: amount })
    t.emit('TOPUP_CREDITED', { cid, kopecks: amount, stars: paid, ...(matches ? { top_up_id: topUp.id } : {}) })
  })
}

/** A draft whose every question is answered: the way back from a payment leads to it. */
async function draftThatWaits(tx: Tx, chat: ChatId, catalog: Catalog): Promise<Draft | undefined> {
  const draft = (await tx.sessions.get(chat))?.session.draft
  const offer = draft === undefined ? undefined : catalog.get(draft.offer)
  if (draft === undefined || offer === undefined) return undefined
  return nextPlace(offer, draft).at === 'confirm' ? draft : undefined
}

const foreignPayment = (person: PersonId, { charge, totalAmount, currency }: Payment): string =>
  `A payment of person ${person} is in ${currency}, and only Stars are sold for (${totalAmount} of its smallest unit, ` +
  `charge ${charge}). Nothing was credited: look at who sent the invoice, and give the money back or credit it by hand.`

const strayPayment = (person: PersonId, { charge, totalAmount }: Payment, amount: Kopecks): string =>
  `${totalAmount} Stars of person ${person} arrived for no open top-up (charge ${charge}). ` +
  `${roubles(amount)} were credited at the rate of today.`
