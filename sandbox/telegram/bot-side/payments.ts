import { z } from 'zod'
import type { Invoice, Payment } from '../model.ts'
import { type Json, personUser } from '../render.ts'
import { refundInChat } from '../state.ts'
import { answer, type Call, type Method, openPeer, render, yes } from './call.ts'
import { badRequest } from './errors.ts'
import { readMarkup } from './keyboard.ts'
import type { Params } from './params.ts'
import { post } from './send-text.ts'

/** Stars: invoices, refunds and the bot's account. Other currencies would need a payment provider. */
const priceList = z.array(z.object({ label: z.string().min(1), amount: z.number().int() }))

function readInvoice(params: Params): Invoice {
  const title = limited(params, 'title', 32)
  const description = limited(params, 'description', 255)
  const payload = params.text('payload') ?? ''
  const payloadBytes = Buffer.byteLength(payload)
  if (payloadBytes < 1 || payloadBytes > 128) throw badRequest('INVOICE_PAYLOAD_INVALID')
  const currency = params.text('currency') ?? ''
  if (currency !== 'XTR')
    throw badRequest(/^[A-Z]{3}$/.test(currency) ? 'PAYMENT_PROVIDER_INVALID' : 'CURRENCY_INVALID')
  if ((params.text('provider_token') ?? '') !== '') throw badRequest('PAYMENT_PROVIDER_INVALID')
  const prices = priceList.safeParse(params.json('prices'))
  if (!prices.success) throw badRequest("can't parse prices: an Array of LabeledPrice is expected")
  const [price, second] = prices.data
  if (price === undefined || second !== undefined || price.amount < 1 || price.amount > 100_000) {
    throw badRequest('CURRENCY_TOTAL_AMOUNT_INVALID')
  }
  const startParameter = params.text('start_parameter') ?? ''
  if (!/^[A-Za-z0-9_-]{0,64}$/.test(startParameter)) throw badRequest('START_PARAM_INVALID')
  const photoUrl = params.text('photo_url') ?? ''
  return {
    title,
    description,
    payload,
    currency,
    total: price.amount,
    startParameter,
    ...(photoUrl === '' ? {} : { photoUrl }),
  }
}

function limited(params: Params, name: string, unitsMax: number): string {
  const text = (params.text(name) ?? '').trim()
  if (text === '') throw badRequest(`invoice ${name} must be non-empty`)
  if (text.length > unitsMax) throw badRequest(`invoice ${name} is too long`)
  return text
}

export const sendInvoice: Method = (call) => {
  const peer = openPeer(call)
  const invoice = readInvoice(call.params)
  const markup = readMarkup(call.params, { invoice: true })
  return answer(render(call, peer.person, post(call, peer, { type: 'invoice', invoice }, markup)))
}

export const createInvoiceLink: Method = ({ telegram, bot, params }) => {
  if ((params.int('subscription_period') ?? 0) !== 0) throw badRequest('subscriptions are not available in the sandbox')
  return answer(telegram.payments.makeLink(bot.id, readInvoice(params)))
}

export const refundStarPayment: Method = ({ telegram, bot, params }) => {
  const payment = telegram.payments.find(params.text('telegram_payment_charge_id') ?? '')
  const person = telegram.people.find(params.int('user_id') ?? 0)
  if (person === undefined) throw badRequest('user not found')
  if (payment === undefined || payment.bot !== bot.id || payment.person !== person.id)
    throw badRequest('CHARGE_NOT_FOUND')
  if (payment.refundDate !== undefined) throw badRequest('CHARGE_ALREADY_REFUNDED')
  refundInChat(telegram, bot, person, payment)
  return yes
}

export const getMyStarBalance: Method = ({ telegram, bot }) => answer({ amount: telegram.payments.balance(bot.id) })

export const getStarTransactions: Method = (call) => {
  const offset = call.params.int('offset') ?? 0
  const limit = call.params.int('limit') ?? 100
  if (offset < 0 || limit < 1 || limit > 100) throw badRequest('LIMIT_INVALID')
  const transactions = call.telegram.payments
    .of(call.bot.id)
    .flatMap((payment) => transactionsOf(call, payment))
    .sort((a, b) => a.order - b.order)
    .slice(offset, offset + limit)
  return answer({ transactions: transactions.map(({ shown }) => shown) })
}

/** A payment, and its refund as a second transaction with the same id. */
function transactionsOf(
  { telegram }: Call,
  payment: Payment,
): readonly { readonly order: number; readonly shown: Json }[] {
  const { charge, invoice, date, order, refundDate, refundOrder } = payment
  const person = telegram.people.find(payment.person)
  const partner = {
    type: 'user',
    transaction_type: 'invoice_payment',
    user: person === undefined ? { id: payment.person, is_bot: false, first_name: '' } : personUser(person),
    invoice_payload: invoice.payload,
  }
  const paid = { order, shown: { id: charge, amount: invoice.total, date, source: partner } }
  if (refundDate === undefined) return [paid]
  const refund = { id: charge, amount: invoice.total, date: refundDate, receiver: partner }
  return [paid, { order: refundOrder ?? order, shown: refund }]
}
