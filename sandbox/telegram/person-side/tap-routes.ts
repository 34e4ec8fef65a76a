import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { ControlError, parseBody } from '../../control/request.ts'
import type { StoredMessage } from '../model.ts'
import { inaccessibleMessage, type Json, personUser } from '../render.ts'
import { shown, type Telegram } from '../state.ts'
import { speakerOf, waitFor } from './asking.ts'

/** Taps on inline buttons, honest and forged, and what the bot answered. */
export function tapRoutes(
  app: FastifyInstance,
  telegram: Telegram,
  heard: (bot: number, person: number) => void,
): void {
  app.post<{ Params: { id: string } }>('/sandbox/v1/people/:id/taps', async (request) => {
    const { person, bot } = speakerOf(telegram, request)
    const wish = parseBody(tapBody, request.body)
    const message = telegram.messages.any(bot.id, person.id, wish.message_id)
    if (message === undefined) throw new ControlError(404, `there is no message ${wish.message_id} in this chat`)
    const data = wish.data ?? dataOfButton(message, wish.text ?? '')
    heard(bot.id, person.id)
    return telegram.world.shelf.atomically(() => {
      const tap = telegram.taps.add({ bot: bot.id, person: person.id, message: message.id })
      const update = telegram.updates.emit(bot, 'callback_query', `callback_query:${person.id}`, {
        id: tap.id,
        from: personUser(person),
        message: message.deleted ? inaccessibleMessage(person, message.id) : shown(telegram, bot, person, message),
        chat_instance: String(Math.floor(telegram.world.chance.of(`chat ${bot.id} ${person.id}`) * 2 ** 52)),
        data,
      })
      return { update_id: update?.id ?? null, callback_query_id: tap.id }
    })
  })

  app.get<{ Params: { tap: string } }>('/sandbox/v1/taps/:tap', async (request) => {
    const id = request.params.tap
    if (telegram.taps.find(id) === undefined) throw new ControlError(404, `there is no tap ${id}`)
    const look = () => telegram.taps.find(id)?.answer
    const answer = await waitFor(request, look, (wake) => telegram.taps.onAnswer(id, wake))
    return { callback_query_id: id, answered: answer !== undefined, ...(answer ?? {}) } satisfies Json
  })
}

const tapBody = z
  .strictObject({
    message_id: z.number().int(),
    text: z.string().optional(),
    data: z.string().max(4096).optional(),
  })
  .refine((body) => (body.text === undefined) !== (body.data === undefined), 'give either text or data')

/** What the first button with this text sends; other kinds of buttons are not taps a bot hears of. */
function dataOfButton(message: StoredMessage, text: string): string {
  if (message.deleted) throw new ControlError(400, 'the message is deleted: its buttons can be pressed by data only')
  const buttons = (message.inlineKeyboard ?? []).flat()
  const button = buttons.find((candidate) => candidate['text'] === text)
  if (button === undefined) {
    const texts = buttons.map((candidate) => `«${candidate['text']}»`).join(', ')
    throw new ControlError(400, `message ${message.id} has no button «${text}»; it has ${texts || 'none'}`)
  }
  const data = button['callback_data']
  if (typeof data === 'string') return data
  if (typeof button['url'] === 'string') {
    throw new ControlError(400, `«${text}» opens ${button['url']} in the client; the bot does not hear of it`)
  }
  if (button['pay'] === true) throw new ControlError(400, `«${text}» pays: POST /people/{id}/payments`)
  throw new ControlError(400, `«${text}» is not a button that sends data`)
}
