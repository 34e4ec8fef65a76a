import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Accepted } from '../intake/telegram-webhook.ts'
import type { Clock } from '../kit/clock.ts'
import { unreachable } from '../kit/unreachable.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import type { WebhookKeys } from '../webhook/webhook-keys.ts'
import {
  type Answer,
  broken,
  isJson,
  isTooLarge,
  jsonAnswer,
  later,
  notJson,
  readBody,
  refusal,
  send,
  tooLarge,
} from './answer.ts'

/**
 * `POST /webhook/{secret path}`: every update passes here. Path and token are checked before the body is read.
 */
export type WebhookDoorDeps = {
  /** Undefined until the service is complete: then the door answers "later". */
  readonly service: () => WebhookService | undefined
  /** True: what comes now is put off, and no connection is kept. */
  readonly isClosing: () => boolean
  readonly clock: Clock
  readonly telemetry: Telemetry
}
export type WebhookService = {
  /** Absent while updates are polled for: then nobody is let in. */
  readonly webhook?: Pick<WebhookKeys, 'check'>
  readonly accept: (body: string, startedMs: number) => Promise<Accepted>
}
export type WebhookDoor = {
  /** False when the request is not for this door; it is untouched then. */
  take(request: IncomingMessage, response: ServerResponse, wish: { readonly awaitsContinue: boolean }): boolean
}

const folder = '/webhook/'

const committed = jsonAnswer(200, { ok: true })
const strangers = {
  wrong_path: { status: 404, reason: 'not the path of the webhook' },
  wrong_token: { status: 403, reason: 'the secret token is missing or wrong' },
} as const

export function createWebhookDoor({ service, isClosing, clock, telemetry }: WebhookDoorDeps): WebhookDoor {
  const reply = (response: ServerResponse, answer: Answer) => send(response, answer, isClosing())

  /** What can be said before the body is read; undefined when the body is wanted. */
  function refuse(request: IncomingMessage, path: string, open: WebhookService): Answer | undefined {
    const token = request.headers['x-telegram-bot-api-secret-token']
    const checked = open.webhook?.check(path, typeof token === 'string' ? token : '') ?? 'wrong_path'
    if (checked !== 'right') {
      const { status, reason } = strangers[checked]
      telemetry.emit('WEBHOOK_REFUSED', { status, reason })
      return refusal(status, reason)
    }
    if (!isJson(request)) return notJson
    return isTooLarge(request) ? tooLarge : undefined
  }

  async function answerBody(response: ServerResponse, open: WebhookService, body: string, startedMs: number) {
    let answer: Answer
    try {
      answer = answerOf(await open.accept(body, startedMs))
    } catch (error) {
      telemetry.caught(error, 'http')
      answer = broken
    }
    reply(response, answer)
  }

  return {
    take(request, response, { awaitsContinue }) {
      const path = pathOf(request)
      if (path === undefined) return false
      const startedMs = clock.monotonicMs()
      const open = service()
      const early = open === undefined || isClosing() ? later : refuse(request, path, open)
      if (open === undefined || early !== undefined) {
        reply(response, early ?? later)
        return true
      }
      if (awaitsContinue) response.writeContinue()
      readBody(request, (body) => {
        if (body === undefined) reply(response, tooLarge)
        else void answerBody(response, open, body, startedMs)
      })
      return true
    },
  }
}

function answerOf(accepted: Accepted): Answer {
  switch (accepted.kind) {
    case 'accepted':
      return accepted.answer === undefined ? committed : jsonAnswer(200, accepted.answer)
    case 'not_an_update':
      return refusal(400, accepted.todo)
    case 'later':
      return accepted.atOnce ? refusal(503, 'not now') : later
    default:
      return unreachable(accepted, 'webhook')
  }
}

/** The secret segment; undefined when the request is for another door. */
function pathOf({ method, url = '' }: IncomingMessage): string | undefined {
  if (method !== 'POST' || !url.startsWith(folder)) return undefined
  const query = url.indexOf('?')
  const path = url.slice(folder.length, query < 0 ? undefined : query)
  return path.includes('/') ? undefined : path
}
