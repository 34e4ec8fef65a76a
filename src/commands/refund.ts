import { orderRefundedView } from '../conversation/order-views.ts'
import { textsFor } from '../conversation/texts/texts-for.ts'
import type { DueErrand } from '../errands/errand.ts'
import type { Clock } from '../kit/clock.ts'
import { type ChargeId, chargeId, type OrderId, parseOrderId } from '../kit/ids.ts'
import { unreachable } from '../kit/unreachable.ts'
import { kopecks, type Price } from '../money/amount.ts'
import type { Refund } from '../money/refund.ts'
import type { Order } from '../orders/order.ts'
import { UnreadableOrder } from '../orders/read-order.ts'
import { applyObservation } from '../orders/record-observation.ts'
import type { Database } from '../storage/postgres/database.ts'
import { createPostgresErrands } from '../storage/postgres/errands.ts'
import { createPostgresLedger } from '../storage/postgres/ledger.ts'
import { createPostgresOrders } from '../storage/postgres/orders.ts'
import { createPostgresPeople } from '../storage/postgres/people.ts'
import { createPostgresRefunds } from '../storage/postgres/refunds.ts'
import { botOfSchema } from '../storage/postgres/secrets.ts'
import type { Sql } from '../storage/postgres/sql.ts'
import { inTransaction } from '../storage/postgres/store.ts'
import type { Command, CommandContext } from './command.ts'
import { priceOf } from './orders.ts'
import { withDatabase } from './with-database.ts'
import { readWords } from './words.ts'

/**
 * Gives money back by hand, once for each order and each payment: a repeat says so and changes nothing. The kopecks of an
 * order are back when the command ends. Stars are given back by the running service, because only Telegram can do it;
 * what is asked here is committed first.
 */
export const refund: Command = {
  summary: 'Money back by hand: `refund order ID --why W`, `refund payment CHARGE --why W`.',
  usage: `  order ID --why W               the kopecks of a finished order go back to the balance
  payment CHARGE --why W         the Stars of a payment go back to the person, and what they bought is taken off
  payment CHARGE --why W --force also when it is spent: what is missing becomes a debt, which their next money pays

ID is the twelve symbols of an order. CHARGE is Telegram's id of the payment; trt story of a top-up's cid names it.
The person is told, with W.`,
  async run(context) {
    const read = readWords(context.words, { why: { type: 'string' }, force: { type: 'boolean' } })
    if (!read.ok) return refuse(context, read.problem)
    const { rest, values } = read
    const { why = '', force = false } = values
    const [what, text = '', ...more] = rest
    if (more.length > 0) return refuse(context, `"${more.join(' ')}" means nothing here. See --help.`)
    const order = parseOrderId(text)
    const isOrder = what === 'order' && order !== undefined && !force
    const isPayment = what === 'payment' && /^[\x21-\x7e]{1,255}$/.test(text)
    if (!isOrder && !isPayment) {
      return refuse(context, 'Say what: trt refund order 0123456789ab --why …, or trt refund payment CHARGE --why …')
    }
    if (!/^[^\p{C}]{3,100}$/u.test(why))
      return refuse(context, 'Say why, in 3 to 100 symbols: --why "a spoilt picture"')
    return await withDatabase(context, async (database) =>
      isOrder
        ? await refundOrder(context, database, order, why)
        : await refundPayment(context, database, { charge: chargeId(text), why, isForced: force }),
    )
  },
}

/** What a refund reads and writes, in one transaction. It needs no permit: each happens once, whoever asks. */
async function portsOf(sql: Sql, { schema }: Database, clock: Clock) {
  const bot = await botOfSchema(sql)
  return {
    orders: createPostgresOrders(sql),
    ledger: createPostgresLedger(sql, { bot, freeDaily: () => 0 }),
    people: createPostgresPeople(sql),
    refunds: createPostgresRefunds(sql, { bot }),
    errands: createPostgresErrands(sql, schema, clock),
  }
}

type OrderEnding =
  | { readonly kind: 'back'; readonly order: Order; readonly back: Price }
  | { readonly kind: 'unchanged'; readonly order: Order }
  | { readonly kind: 'nothing'; readonly why: string }

async function refundOrder(context: CommandContext, database: Database, id: OrderId, why: string): Promise<number> {
  const { print, clock } = context
  const ending = await inTransaction(database.work, (sql) => giveOrderBack(sql, database, clock, id, why))
  switch (ending.kind) {
    case 'nothing':
      return refuse(context, ending.why)
    case 'unchanged':
      return answerUnchanged(context, ending.order)
    case 'back':
      print(`${priceOf(ending.back)} of order ${id} went back to person ${ending.order.person}, who is told.`)
      print(`Everything of it: trt story ${ending.order.cid}`)
      return 0
    default:
      return unreachable(ending, 'refundOrder')
  }
}

async function giveOrderBack(
  sql: Sql,
  database: Database,
  clock: Clock,
  id: OrderId,
  why: string,
): Promise<OrderEnding> {
  const tx = await portsOf(sql, database, clock)
  const order = await tx.orders.lock(id).catch(unreadable)
  if (order instanceof UnreadableOrder) {
    return { kind: 'nothing', why: `This program is too old for order ${id}. Run the newer version; nothing is lost.` }
  }
  if (order === undefined)
    return { kind: 'nothing', why: `There is no order ${id} here. trt people show ID lists them.` }
  const at = clock.now()
  const { changed } = await applyObservation(tx, order, { type: 'refund_asked', at }, clock, { add: () => {} })
  if (!changed) return { kind: 'unchanged', order }
  const { person, cid, chat, progressMessage } = order
  await tx.refunds.ask({ of: { what: 'order', id }, person, why, isForced: false, state: 'done', at, cid })
  const back = await priceGivenBack(tx.ledger, order)
  const language = (await tx.people.get(person))?.language ?? 'ru'
  const view = orderRefundedView(textsFor(language), { back, balance: await tx.ledger.balance(person), why })
  const errands: DueErrand[] = [{ errand: { kind: 'say', chat, view }, cid }]
  if (progressMessage !== undefined) errands.push({ errand: { kind: 'show_progress', order: id, chat }, cid })
  await tx.errands.add(errands)
  return { kind: 'back', order, back }
}

/** What was captured, which may be less than the price. */
async function priceGivenBack(
  ledger: ReturnType<typeof createPostgresLedger>,
  { id, person, price }: Order,
): Promise<Price> {
  if (price.unit === 'GEN') return price
  const newest = await ledger.transactionsOf(person, 5)
  const back = newest.find(({ kind, order }) => kind === 'refund' && order === id)
  return { unit: 'RUB', kopecks: back?.change ?? kopecks(0) }
}

/** Why nothing was given back of an order that is there. */
function answerUnchanged(context: CommandContext, { id, status, cid }: Order): number {
  switch (status) {
    case 'refunded':
      context.print(`Order ${id} was given back before, and nothing again. Everything of it: trt story ${cid}`)
      return 0
    case 'released':
      return refuse(context, `Order ${id} was never charged: its money is back already. trt story ${cid}`)
    case 'placed':
    case 'submitting':
    case 'uncertain':
    case 'generating':
    case 'delivering':
    case 'completed':
      return refuse(context, `Order ${id} is still under way (${status}) and ends by itself. trt story ${cid}`)
    default:
      return unreachable(status, 'answerUnchanged')
  }
}

type Wish = { readonly charge: ChargeId; readonly why: string; readonly isForced: boolean }
type PaymentEnding =
  | { readonly kind: 'asked'; readonly refund: Refund; readonly stars: number }
  | { readonly kind: 'waits'; readonly refund: Refund }
  | { readonly kind: 'given_back'; readonly cid: string }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'spent'; readonly amount: Price; readonly left: Price }

async function refundPayment(context: CommandContext, database: Database, wish: Wish): Promise<number> {
  const { print, clock } = context
  const { charge } = wish
  const ending = await inTransaction(database.work, (sql) => askForStars(sql, database, clock, wish))
  switch (ending.kind) {
    case 'unknown':
      return refuse(context, `No payment with the charge ${charge} was credited here. trt people show ID lists them.`)
    case 'given_back':
      print(`The Stars of ${charge} were given back before, and nothing again. trt story ${ending.cid}`)
      return 0
    case 'spent':
      refuse(context, `It bought ${priceOf(ending.amount)}, and ${priceOf(ending.left)} are left on the balance.`)
      return refuse(context, 'With --force the Stars go back all the same, and what is missing becomes a debt.')
    case 'waits':
      print(`That was asked before (${ending.refund.why}) and is under way. See it end: trt story ${ending.refund.cid}`)
      return 0
    case 'asked':
      print(`The running service gives ${ending.stars} Stars back to person ${ending.refund.person}, who is told.`)
      print(`See it end: trt story ${ending.refund.cid}`)
      return 0
    default:
      return unreachable(ending, 'refundPayment')
  }
}

async function askForStars(
  sql: Sql,
  database: Database,
  clock: Clock,
  { charge, why, isForced }: Wish,
): Promise<PaymentEnding> {
  const tx = await portsOf(sql, database, clock)
  const payment = await tx.ledger.payment(charge)
  if (payment === undefined) return { kind: 'unknown' }
  const { person, amount, stars, cid, isReversed } = payment
  if (isReversed) return { kind: 'given_back', cid }
  const balance = await tx.ledger.balance(person)
  if (balance < amount && !isForced) {
    return { kind: 'spent', amount: { unit: 'RUB', kopecks: amount }, left: { unit: 'RUB', kopecks: balance } }
  }
  const of = { what: 'payment', id: charge } as const
  const wanted: Refund = { of, person, why, isForced, state: 'asked', at: clock.now(), cid }
  const before = await tx.refunds.ask(wanted)
  if (before !== 'asked') {
    if (before.state === 'done') return { kind: 'given_back', cid }
    await tx.refunds.save({ ...wanted, isForced: isForced || before.isForced })
  }
  // Also of one that is under way: its job may have been shelved.
  await tx.errands.add([{ errand: { kind: 'refund_stars', charge, person }, cid }])
  if (before !== 'asked' && before.state === 'asked') return { kind: 'waits', refund: before }
  return { kind: 'asked', refund: wanted, stars }
}

function unreadable(error: unknown): UnreadableOrder {
  if (error instanceof UnreadableOrder) return error
  throw error
}

function refuse({ complain }: CommandContext, sentence: string): 1 {
  complain(sentence)
  return 1
}
