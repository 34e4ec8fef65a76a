import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { ControlError, parseBody } from '../../control/request.ts'
import type { Bot, Person } from '../model.ts'
import { botUser, type Json, personUser, privateChat } from '../render.ts'
import type { Telegram } from '../state.ts'
import { botOf, personOf } from './asking.ts'

/** People, and what they do to a bot besides talking: block, unblock. */
export function peopleRoutes(app: FastifyInstance, telegram: Telegram): void {
  app.get('/sandbox/v1/people', async () => ({ people: telegram.people.all().map((person) => view(telegram, person)) }))

  app.post('/sandbox/v1/people', async (request) => {
    const wish = parseBody(newPersonBody, request.body)
    const count = telegram.people.all().length
    const person = telegram.people.add({
      firstName: wish.first_name ?? firstNames[count % firstNames.length] ?? 'Anna',
      languageCode: wish.language_code ?? 'ru',
      ...(wish.username === undefined ? {} : { username: wish.username }),
      ...(wish.started === false ? { isStranger: true } : {}),
    })
    return view(telegram, person)
  })

  app.patch<{ Params: { id: string } }>('/sandbox/v1/people/:id', async (request) => {
    const person = personOf(telegram, request)
    const wish = parseBody(personBody, request.body)
    const changed = telegram.people.change({
      ...person,
      ...(wish.first_name === undefined ? {} : { firstName: wish.first_name }),
      ...(wish.language_code === undefined ? {} : { languageCode: wish.language_code }),
      ...(wish.username === undefined ? {} : { username: wish.username }),
    })
    return view(telegram, changed)
  })

  for (const [word, blocked] of [
    ['block', true],
    ['unblock', false],
  ] as const) {
    app.post<{ Params: { id: string } }>(`/sandbox/v1/people/:id/${word}`, async (request) => {
      const person = personOf(telegram, request)
      const bot = botOf(telegram, request)
      const chat = telegram.people.chat(bot.id, person.id)
      if (chat.blocked === blocked) throw new ControlError(409, `${person.firstName} has already done that`)
      return telegram.world.shelf.atomically(() => {
        telegram.people.changeChat({ ...chat, blocked })
        const update = telegram.updates.emit(bot, 'my_chat_member', `member:${person.id}`, {
          chat: privateChat(person),
          from: personUser(person),
          date: Math.floor(telegram.world.clock.now() / 1000),
          old_chat_member: membership(bot, !blocked),
          new_chat_member: membership(bot, blocked),
        })
        telegram.world.feed.publish({ type: 'chat', person: person.id, bot: bot.id })
        return { blocked, update_id: update?.id ?? null }
      })
    })
  }
}

const personBody = z.strictObject({
  first_name: z.string().min(1).max(64).optional(),
  username: z
    .string()
    .regex(/^\w{3,32}$/)
    .optional(),
  language_code: z
    .string()
    .regex(/^[a-z]{2,3}(-[A-Za-z]{2,4})?$/)
    .optional(),
})

const newPersonBody = personBody.extend({ started: z.boolean().optional() })

const firstNames = ['Anna', 'Boris', 'Vera', 'Gleb', 'Daria', 'Egor', 'Zoya', 'Ivan', 'Kira', 'Lev']

/** `face` is a number of the seed that the web chat draws a portrait from. */
function view(telegram: Telegram, person: Person): Json {
  return {
    id: person.id,
    first_name: person.firstName,
    ...(person.username === undefined ? {} : { username: person.username }),
    language_code: person.languageCode,
    face: Math.floor(telegram.world.chance.of(`face ${person.id}`) * 2 ** 31),
  }
}

function membership(bot: Bot, blocked: boolean): Json {
  return blocked ? { user: botUser(bot), status: 'kicked', until_date: 0 } : { user: botUser(bot), status: 'member' }
}
