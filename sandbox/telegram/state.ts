import type { World } from '../world.ts'
import { Polls } from './delivery/polls.ts'
import { Updates } from './delivery/updates.ts'
import { Webhooks } from './delivery/webhooks.ts'
import { Files } from './files.ts'
import { Messages } from './messages.ts'
import type { Bot, Payment, Person, StoredMessage } from './model.ts'
import { Payments } from './payments.ts'
import { Bots, People } from './people.ts'
import { Checkouts, Taps } from './queries.ts'
import { botMessage, type Parties } from './render.ts'

/** Everything the emulated Telegram knows, in one place, for both its sides. */
export type Telegram = {
  readonly world: World
  readonly bots: Bots
  readonly people: People
  readonly messages: Messages
  readonly files: Files
  readonly payments: Payments
  readonly taps: Taps
  readonly checkouts: Checkouts
  readonly updates: Updates
  readonly polls: Polls
  readonly webhooks: Webhooks
}

export function openTelegram(world: World): Telegram {
  const bots = new Bots(world)
  const updates = new Updates(world)
  return {
    world,
    bots,
    people: new People(world),
    messages: new Messages(world),
    files: new Files(world),
    payments: new Payments(world),
    taps: new Taps(world),
    checkouts: new Checkouts(world),
    updates,
    polls: new Polls(world, updates),
    webhooks: new Webhooks(world, bots, updates),
  }
}

export function partiesOf(telegram: Telegram, bot: Bot, person: Person): Parties {
  return { bot, person, find: (id) => telegram.messages.find(bot.id, person.id, id) }
}

/** A message as the Bot API shows it. */
export function shown(telegram: Telegram, bot: Bot, person: Person, message: StoredMessage) {
  return botMessage(message, partiesOf(telegram, bot, person))
}

/** Tells the bot of a message in this chat; undefined when it does not want messages. */
export function emitMessage(telegram: Telegram, bot: Bot, person: Person, message: StoredMessage) {
  return telegram.updates.emit(bot, 'message', `message:${person.id}`, shown(telegram, bot, person, message))
}

/** Gives Stars back: the payment is marked, both see it in the chat, and the bot is told. */
export function refundInChat(telegram: Telegram, bot: Bot, person: Person, payment: Payment) {
  return telegram.world.shelf.atomically(() => {
    telegram.payments.refund(payment)
    const message = telegram.messages.post({
      bot: bot.id,
      person: person.id,
      from: 'person',
      content: { type: 'refunded_payment', invoice: payment.invoice, charge: payment.charge },
    })
    return { message, update: emitMessage(telegram, bot, person, message) }
  })
}
