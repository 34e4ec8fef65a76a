import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { ControlError, parseBody } from '../../control/request.ts'
import type { Chat } from '../model.ts'
import { emitMessage, type Telegram } from '../state.ts'
import { botOf, personOf, speakerOf } from './asking.ts'

/**
 * Topics of a private chat. The first one switches them on for the bot, as its owner does at BotFather. A topic has the
 * id of the message that began it, and the bot is told of that message.
 */
export function topicRoutes(app: FastifyInstance, telegram: Telegram): void {
  app.post<{ Params: { id: string } }>('/sandbox/v1/people/:id/topics', async (request) => {
    const { person, bot } = speakerOf(telegram, request)
    const { name } = parseBody(topicBody, request.body)
    return telegram.world.shelf.atomically(() => {
      if (bot.hasTopics !== true) telegram.bots.change({ ...bot, hasTopics: true })
      const content = { type: 'topic_created', name } as const
      const begun = telegram.messages.post({ bot: bot.id, person: person.id, from: 'person', content })
      const message = telegram.messages.change(begun, { topic: begun.id }, { edited: false })
      const chat = telegram.people.chat(bot.id, person.id)
      telegram.people.changeChat({ ...chat, topics: [...(chat.topics ?? []), message.id] })
      const update = emitMessage(telegram, bot, person, message)
      return { topic: message.id, update_id: update?.id ?? null }
    })
  })

  app.delete<{ Params: { id: string; topic: string } }>('/sandbox/v1/people/:id/topics/:topic', async (request) => {
    const person = personOf(telegram, request)
    const bot = botOf(telegram, request)
    const topic = Number(request.params.topic)
    const chat = telegram.people.chat(bot.id, person.id)
    mustHaveTopic(chat, topic)
    return telegram.world.shelf.atomically(() => {
      telegram.people.changeChat({ ...chat, topics: (chat.topics ?? []).filter((each) => each !== topic) })
      for (const message of telegram.messages.since(bot.id, person.id, 0)) {
        if (message.topic === topic && !message.deleted) telegram.messages.delete(message)
      }
      return { topic }
    })
  })
}

export function mustHaveTopic(chat: Chat, topic: number): void {
  if (!chat.topics?.includes(topic)) throw new ControlError(404, `there is no topic ${topic} in this chat`)
}

const topicBody = z.strictObject({ name: z.string().min(1).max(128) })
