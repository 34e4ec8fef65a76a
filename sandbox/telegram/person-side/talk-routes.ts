import type { FastifyInstance } from 'fastify'
import { parseBody, queryNumber } from '../../control/request.ts'
import type { Telegram } from '../state.ts'
import { emitMessage } from '../state.ts'
import { botOf, personOf, speakerOf, waitFor } from './asking.ts'
import { viewOf } from './chat-view.ts'
import { mustHaveTopic } from './topic-routes.ts'
import { messageBody, readContents } from './what-is-written.ts'

/** The person's side of a conversation: writing, and seeing the chat. */
export function talkRoutes(
  app: FastifyInstance,
  telegram: Telegram,
  heard: (bot: number, person: number) => void,
): void {
  app.post<{ Params: { id: string } }>(
    '/sandbox/v1/people/:id/messages',
    { bodyLimit: 100 * 1024 * 1024 },
    async (request) => {
      const { person, bot } = speakerOf(telegram, request)
      const wish = parseBody(messageBody, request.body)
      const contents = readContents(wish)
      const { topic } = wish
      if (topic !== undefined) mustHaveTopic(telegram.people.chat(bot.id, person.id), topic)
      heard(bot.id, person.id)
      return telegram.world.shelf.atomically(() => {
        const sent = contents.map((content) => {
          const message = telegram.messages.post({
            bot: bot.id,
            person: person.id,
            from: 'person',
            content: content(telegram, bot),
            ...(topic === undefined ? {} : { topic }),
            ...(wish.reply_to_message_id === undefined ? {} : { replyTo: wish.reply_to_message_id }),
            ...(wish.media_group_id === undefined ? {} : { albumId: wish.media_group_id }),
          })
          const update = emitMessage(telegram, bot, person, message)
          return { update_id: update?.id ?? null, message_id: message.id }
        })
        const [first, ...further] = sent
        return { ...first, ...(further.length === 0 ? {} : { further }) }
      })
    },
  )

  app.get<{ Params: { id: string } }>('/sandbox/v1/people/:id/chat', async (request) => {
    const person = personOf(telegram, request)
    const bot = botOf(telegram, request)
    const after = queryNumber(request.query, 'after') ?? 0
    const origin = `http://${request.headers.host}`
    const look = () => {
      const messages = telegram.messages.since(bot.id, person.id, after)
      return messages.length === 0 ? undefined : messages
    }
    const messages = await waitFor(request, look, (wake) => telegram.messages.onChange(bot.id, person.id, wake))
    return {
      // Without news the reader's own cursor stays good, whatever happens in other chats.
      cursor: messages === undefined ? after : Math.max(...messages.map(({ cursor }) => cursor)),
      messages: (messages ?? []).map((message) => viewOf(message, origin)),
      ...(telegram.people.chat(bot.id, person.id).blocked ? { blocked: true } : {}),
    }
  })
}
