import { askForStars, type RefundTx, refundOrder } from '../dispatch/refund-by-hand.ts'
import type { Clock } from '../kit/clock.ts'
import { type ChargeId, chargeId, type OrderId, parseOrderId } from '../kit/ids.ts'
import { unreachable } from '../kit/unreachable.ts'
import type { Order } from '../orders/order.ts'
import type { Database } from '../storage/postgres/database.ts'
import { createPostgresErrands } from '../storage/postgres/errands.ts'
import { createPostgresLedger } from '../storage/postgres/ledger.ts'
import { createPostgresLosses } from '../storage/postgres/losses.ts'
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
        ? await giveOrderBack(context, database, order, why)
        : await giveStarsBack(context, database, { charge: chargeId(text), why, isForced: force }),
    )
  },
}

async function txOf(sql: Sql, { schema }: Database, clock: Clock): Promise<RefundTx> {
  const bot = await botOfSchema(sql)
  return {
    orders: createPostgresOrders(sql),
    ledger: createPostgresLedger(sql, { bot, freeDaily: () => 0 }),
    people: createPostgresPeople(sql),
    refunds: createPostgresRefunds(sql, { bot }),
    losses: createPostgresLosses(sql, { bot }),
    errands: createPostgresErrands(sql, schema, clock),
  }
}

async function giveOrderBack(context: CommandContext, database: Database, id: OrderId, why: string): Promise<number> {
  const { print, clock } = context
  const ending = await inTransaction(database.work, async (sql) =>
    refundOrder(await txOf(sql, database, clock), { id, why }, clock),
  )
  switch (ending.kind) {
    case 'unknown':
      return refuse(context, `There is no order ${id} here. trt people show ID lists them.`)
    case 'unreadable':
      return refuse(context, `This program is too old for order ${id}. Run the newer version; nothing is lost.`)
    case 'unchanged':
      return answerUnchanged(context, ending.order)
    case 'back':
      print(`${priceOf(ending.back)} of order ${id} went back to person ${ending.order.person}, who is told.`)
      print(`Everything of it: trt story ${ending.order.cid}`)
      return 0
    default:
      return unreachable(ending, 'giveOrderBack')
  }
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

async function giveStarsBack(context: CommandContext, database: Database, wish: Wish): Promise<number> {
  const { print, clock } = context
  const { charge } = wish
  const ending = await inTransaction(database.work, async (sql) =>
    askForStars(await txOf(sql, database, clock), wish, clock),
  )
  switch (ending.kind) {
    case 'unknown':
      return refuse(context, `No payment with the charge ${charge} was credited here. trt people show ID lists them.`)
    case 'given_back':
      print(`The Stars of ${charge} were given back before, and nothing again. trt story ${ending.cid}`)
      return 0
    case 'spent': {
      const [amount, left] = [ending.amount, ending.left].map((each) => priceOf({ unit: 'RUB', kopecks: each }))
      refuse(context, `It bought ${amount}, and ${left} are left on the balance.`)
      return refuse(context, 'With --force the Stars go back all the same, and what is missing becomes a debt.')
    }
    case 'waits':
      print(`That was asked before (${ending.refund.why}) and is under way. See it end: trt story ${ending.refund.cid}`)
      return 0
    case 'asked':
      print(`The running service gives ${ending.stars} Stars back to person ${ending.refund.person}, who is told.`)
      print(`See it end: trt story ${ending.refund.cid}`)
      return 0
    default:
      return unreachable(ending, 'giveStarsBack')
  }
}

function refuse({ complain }: CommandContext, sentence: string): 1 {
  complain(sentence)
  return 1
}
