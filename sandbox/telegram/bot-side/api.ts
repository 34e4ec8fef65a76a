import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Fault } from '../../world.ts'
import { filePathOf } from '../files.ts'
import type { Bot } from '../model.ts'
import type { Telegram } from '../state.ts'
import type { Call } from './call.ts'
import { ApiError, badRequest, errorEnvelope } from './errors.ts'
import type { FloodGate } from './flood.ts'
import type { Journal } from './journal.ts'
import { methods } from './methods.ts'
import { Params } from './params.ts'
import { parseFlat, readBotBodies, readParams } from './read-request.ts'
import { unavailableMethods } from './unavailable.ts'

/**
 * The Bot API over HTTP: finds bot and method, lets planned faults and flood limits speak, executes, records the call
 * and answers in the envelope. The HTTP status is the error's code.
 */
export type BotApi = {
  routes(app: FastifyInstance): void
  /** Executes a method that came in a webhook's answer; nobody hears its result. */
  executeAnswer(bot: number, contentType: string, body: Uint8Array): void
  close(): void
}

const known = new Map(methods.map(([name, method]) => [name.toLowerCase(), { name, method }]))
const unavailable = new Map(unavailableMethods.map((name) => [name.toLowerCase(), name]))

type Reply = {
  readonly status: number
  readonly body: Record<string, unknown>
  readonly retryAfter?: number
  /** A gateway before the real servers answers in HTML. */
  readonly html?: string
}

export function createBotApi(telegram: Telegram, journal: Journal, flood: FloodGate): BotApi {
  const { world } = telegram
  let closed = false

  async function execute(call: Call, called: string): Promise<Reply> {
    try {
      const found = known.get(called.toLowerCase())
      if (found === undefined) throw notFound(called)
      flood.admit(call, found.name)
      const { result, description } = await world.shelf.atomically(() => found.method(call))
      return { status: 200, body: { ok: true, result, ...(description === undefined ? {} : { description }) } }
    } catch (error) {
      if (error instanceof ApiError) return errorReply(error)
      process.stderr.write(`sandbox: ${called}: ${error instanceof Error ? error.stack : String(error)}\n`)
      return errorReply(new ApiError(500, 'Internal Server Error: the sandbox failed; its stderr says more'))
    }
  }

  /** One call from the outside, with its faults; undefined when the answer is lost on purpose. */
  async function serve(bot: Bot, called: string, params: Params, via: 'http' | 'webhook'): Promise<Reply | undefined> {
    const at = world.clock.now()
    const startedAt = performance.now()
    const fault = world.faults.take('telegram', called)
    if (fault?.delay_ms !== undefined) await pause(fault.delay_ms)
    const planned = fault === undefined ? 'none' : plannedReply(fault)
    const executed =
      planned === 'none' || fault?.after_execution === true
        ? await execute({ telegram, bot, params }, called)
        : undefined
    const reply = planned === 'none' ? executed : planned === 'lost' ? undefined : planned
    journal.add({
      at,
      bot: bot.id,
      method: known.get(called.toLowerCase())?.name ?? unavailable.get(called.toLowerCase()) ?? called,
      via,
      params: params.describe(),
      status: reply?.status ?? 0,
      answer: reply?.body,
      ...(fault === undefined ? {} : { fault, executed: executed?.body }),
      took_ms: Math.round(performance.now() - startedAt),
    })
    return reply
  }

  const pause = (ms: number) => new Promise<void>((resolve) => void world.clock.after(ms, resolve))

  return {
    routes(app) {
      const register = async (scope: FastifyInstance) => {
        await readBotBodies(scope)
        scope.setNotFoundHandler((_request, reply) => send(reply, errorReply(new ApiError(404, 'Not Found'))))
        scope.setErrorHandler((error, _request, reply) => send(reply, errorReply(asApiError(error))))
        scope.route<{ Params: { token: string; method: string } }>({
          method: ['GET', 'POST'],
          url: '/bot:token/:method',
          handler: async (request, reply) => {
            const bot = telegram.bots.ofToken(request.params.token)
            if (bot === undefined) return send(reply, errorReply(new ApiError(404, 'Not Found')))
            const answered = await serve(bot, request.params.method, await readParams(request), 'http')
            if (answered !== undefined) return send(reply, answered)
            reply.hijack()
            request.raw.socket.destroy()
            return reply
          },
        })
        fileRoute(scope, telegram)
      }
      app.register(register, { prefix: '/telegram' })
    },
    executeAnswer(botId, contentType, body) {
      const bot = telegram.bots.find(botId)
      if (closed || bot === undefined) return
      const params = parseAnswer(contentType, body)
      const method = params?.text('method') ?? ''
      if (params === undefined || method === '' || ignoredInAnswers.test(method)) return
      void serve(bot, method, params, 'webhook')
    },
    close() {
      closed = true
    },
  }
}

/** Reading methods would answer nobody, and these change what is just being talked through. */
const ignoredInAnswers = /^(get.*|setWebhook|deleteWebhook|close|logOut)$/i

function parseAnswer(contentType: string, body: Uint8Array): Params | undefined {
  try {
    return new Params(parseFlat(contentType, body))
  } catch {
    // A webhook may answer anything with its 200; only a method means something.
    return undefined
  }
}

function notFound(called: string): ApiError {
  return unavailable.has(called.toLowerCase())
    ? badRequest('method is not available in the sandbox')
    : new ApiError(404, 'Not Found: method not found')
}

function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500
  if (status === 413) return new ApiError(413, 'Request Entity Too Large')
  const text = error instanceof Error ? error.message : String(error)
  return status < 500
    ? new ApiError(status, `Bad Request: ${text}`)
    : new ApiError(500, `Internal Server Error: ${text}`)
}

function errorReply(error: ApiError): Reply {
  const retryAfter = error.retryAfter === undefined ? {} : { retryAfter: error.retryAfter }
  return { status: error.code, body: errorEnvelope(error), ...retryAfter }
}

const plannedTexts = new Map([
  [400, 'Bad Request: planned fault'],
  [401, 'Unauthorized'],
  [403, 'Forbidden: bot was blocked by the user'],
  [404, 'Not Found'],
  [409, 'Conflict: terminated by other getUpdates request; make sure that only one bot instance is running'],
  [500, 'Internal Server Error: restart'],
  [502, 'Bad Gateway'],
  [504, 'Gateway Timeout'],
])

/** What a fault answers instead; `none` when it only delays, `lost` when the connection breaks. */
function plannedReply({ status, description, retry_after, after_execution }: Fault): Reply | 'none' | 'lost' {
  const code = status ?? (retry_after === undefined ? undefined : 429)
  if (code === undefined) return after_execution === true ? 'lost' : 'none'
  if (code >= 200 && code < 300) return 'none'
  const text =
    description ?? (code === 429 ? `Too Many Requests: retry after ${retry_after ?? 1}` : plannedTexts.get(code))
  const reply = errorReply(
    new ApiError(code, text ?? 'Bad Request: planned fault', code === 429 ? (retry_after ?? 1) : retry_after),
  )
  const isGateway = description === undefined && (code === 502 || code === 504)
  return isGateway ? { ...reply, html: `<html><body><h1>${code} ${text}</h1></body></html>` } : reply
}

function send(reply: FastifyReply, { status, body, retryAfter, html }: Reply): FastifyReply {
  if (retryAfter !== undefined) reply.header('retry-after', String(retryAfter))
  if (html !== undefined) return reply.code(status).type('text/html').send(html)
  return reply.code(status).type('application/json').send(JSON.stringify(body))
}

function fileRoute(scope: FastifyInstance, telegram: Telegram): void {
  scope.get<{ Params: { token: string; '*': string } }>('/file/bot:token/*', async (request, reply) => {
    const fault = telegram.world.faults.take('telegram', 'download')
    const planned = fault === undefined ? 'none' : plannedReply(fault)
    if (planned !== 'none' && planned !== 'lost') return send(reply, planned)
    const bot = telegram.bots.ofToken(request.params.token)
    const [, number] = /\/file_(\d{1,15})(?:\.\w+)?$/.exec(`/${request.params['*']}`) ?? []
    const file = number === undefined ? undefined : telegram.files.byNumber(Number(number))
    const isHis = file !== undefined && file.bot === bot?.id && filePathOf(file) === request.params['*']
    const bytes = isHis ? telegram.files.bytes(file) : undefined
    if (bytes === undefined) return send(reply, errorReply(new ApiError(404, 'Not Found')))
    return reply.type('application/octet-stream').send(Buffer.from(bytes))
  })
}
