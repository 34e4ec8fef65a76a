import type { FastifyRequest } from 'fastify'
import { ControlError, queryNumber } from '../../control/request.ts'
import type { Bot, Person } from '../model.ts'
import type { Telegram } from '../state.ts'

/** Who acts and towards which bot: read off the path and `?bot=`, with a sentence for what is missing. */
export function personOf(telegram: Telegram, request: FastifyRequest<{ Params: { id: string } }>): Person {
  const { id } = request.params
  const person = /^\d{1,16}$/.test(id) ? telegram.people.find(Number(id)) : undefined
  if (person === undefined) throw new ControlError(404, `there is no person ${id}: POST /sandbox/v1/people makes one`)
  return person
}

export function botOf(telegram: Telegram, request: FastifyRequest): Bot {
  const asked = queryNumber(request.query, 'bot')
  const bots = telegram.bots.all()
  if (asked !== undefined) {
    const bot = telegram.bots.find(asked)
    if (bot === undefined) throw new ControlError(404, `no bot ${asked} has called the sandbox yet`)
    return bot
  }
  const [only, second] = bots
  if (only === undefined) {
    throw new ControlError(409, 'no bot has called the sandbox yet: point one at /telegram and start it')
  }
  if (second !== undefined) {
    throw new ControlError(400, `several bots are here, choose one with ?bot=: ${bots.map(({ id }) => id).join(', ')}`)
  }
  return only
}

/** Both, and that the person may write: who blocked a bot writes to it only after unblocking. */
export function speakerOf(telegram: Telegram, request: FastifyRequest<{ Params: { id: string } }>) {
  const person = personOf(telegram, request)
  const bot = botOf(telegram, request)
  if (telegram.people.chat(bot.id, person.id).blocked) {
    throw new ControlError(409, `${person.firstName} has blocked this bot: POST /people/${person.id}/unblock first`)
  }
  return { person, bot }
}

/** Nobody waits longer in one request. */
const waitMsMax = 120_000

/**
 * Waits until `look` finds something, looking again whenever `wake` is called, at most `wait_ms` real milliseconds.
 * Resolves with what was found, or with nothing.
 */
export function waitFor<T>(
  request: FastifyRequest,
  look: () => T | undefined,
  listen: (wake: () => void) => () => void,
): Promise<T | undefined> {
  const waitMs = Math.min(Math.max(queryNumber(request.query, 'wait_ms') ?? 0, 0), waitMsMax)
  const found = look()
  if (found !== undefined || waitMs === 0) return Promise.resolve(found)
  return new Promise((resolve) => {
    const end = (value: T | undefined) => {
      clearTimeout(timer)
      stop()
      resolve(value)
    }
    const timer = setTimeout(() => end(look()), waitMs)
    timer.unref()
    const stop = listen(() => {
      const now = look()
      if (now !== undefined) end(now)
    })
    request.raw.once('close', () => {
      // The asker has gone; nobody hears the answer.
      if (request.raw.destroyed && !request.raw.complete) end(undefined)
    })
  })
}
