import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { ControlError, parseBody } from '../../control/request.ts'
import type { Bot, Invoice, Person } from '../model.ts'
import { personUser } from '../render.ts'
import { emitMessage, refundInChat, type Telegram } from '../state.ts'
import { botOf, personOf, speakerOf } from './asking.ts'

/**
 * Paying with Stars, as a person goes through it. `decline` closes the sheet: the bot hears nothing. `pay` and
 * `abandon` confirm it: the bot gets a pre-checkout query and has ten virtual seconds; after its yes, `pay` pays and
 * `abandon` walks away without having paid. People have as many Stars as they like.
 */
export function paymentRoutes(app: FastifyInstance, telegram: Telegram): void {
  app.post<{ Params: { id: string } }>('/sandbox/v1/people/:id/payments', async (request) => {
    const { person, bot } = speakerOf(telegram, request)
    const wish = parseBody(paymentBody, request.body)
    const { invoice, topic } = invoiceOf(telegram, bot, person, wish)
    if (wish.outcome === 'decline') return { outcome: 'declined' }
    const answer = await askBot(telegram, bot, person, invoice)
    if (answer === undefined) return { outcome: 'timeout', error_message: 'The bot did not answer within 10 seconds.' }
    if (!answer.ok) return { outcome: 'refused', error_message: answer.errorMessage ?? '' }
    return wish.outcome === 'abandon' ? { outcome: 'abandoned' } : pay(telegram, bot, person, invoice, topic)
  })

  app.post<{ Params: { id: string; charge: string } }>('/sandbox/v1/people/:id/refunds/:charge', async (request) => {
    const person = personOf(telegram, request)
    const bot = botOf(telegram, request)
    const payment = telegram.payments.find(request.params.charge)
    if (payment === undefined || payment.person !== person.id || payment.bot !== bot.id) {
      throw new ControlError(404, `${person.firstName} has made no payment ${request.params.charge}`)
    }
    if (payment.refundDate !== undefined) throw new ControlError(409, 'this payment is already refunded')
    const { message, update } = refundInChat(telegram, bot, person, payment)
    return { charge_id: payment.charge, message_id: message.id, update_id: update?.id ?? null }
  })
}

const paymentBody = z
  .strictObject({
    message_id: z.number().int().optional(),
    link: z.string().optional(),
    outcome: z.enum(['pay', 'decline', 'abandon']),
  })
  .refine((body) => (body.message_id === undefined) !== (body.link === undefined), 'give either message_id or link')

type Wish = z.infer<typeof paymentBody>
/** The message about the payment stands in the topic of its invoice. */
type Asked = { readonly invoice: Invoice; readonly topic?: number }

function invoiceOf(telegram: Telegram, bot: Bot, person: Person, { message_id, link }: Wish): Asked {
  if (message_id === undefined) {
    const found = telegram.payments.byLink(link ?? '')
    if (found === undefined || found.bot !== bot.id) throw new ControlError(404, `there is no invoice at ${link}`)
    return { invoice: found.invoice }
  }
  const message = telegram.messages.find(bot.id, person.id, message_id)
  if (message === undefined) throw new ControlError(404, `there is no message ${message_id} in this chat`)
  if (message.content.type !== 'invoice') throw new ControlError(400, `message ${message_id} is no invoice`)
  const { topic } = message
  return { invoice: message.content.invoice, ...(topic === undefined ? {} : { topic }) }
}

function askBot(telegram: Telegram, bot: Bot, person: Person, invoice: Invoice) {
  const id = telegram.checkouts.newId(person.id)
  const answer = telegram.checkouts.wait(id, bot.id)
  telegram.updates.emit(bot, 'pre_checkout_query', `payment:${person.id}`, {
    id,
    from: personUser(person),
    currency: invoice.currency,
    total_amount: invoice.total,
    invoice_payload: invoice.payload,
  })
  return answer
}

function pay(telegram: Telegram, bot: Bot, person: Person, invoice: Invoice, topic: number | undefined) {
  return telegram.world.shelf.atomically(() => {
    const { charge } = telegram.payments.pay(bot.id, person.id, invoice)
    const message = telegram.messages.post({
      bot: bot.id,
      person: person.id,
      from: 'person',
      content: { type: 'successful_payment', invoice, charge },
      ...(topic === undefined ? {} : { topic }),
    })
    const update = emitMessage(telegram, bot, person, message)
    return { outcome: 'paid', charge_id: charge, message_id: message.id, update_id: update?.id ?? null }
  })
}
