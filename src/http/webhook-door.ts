import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Accepted } from '../intake/telegram-webhook.ts'
import type { WebhookKeys } from '../intake/webhook-keys.ts'
import type { Clock } from '../kit/clock.ts'
import { unreachable } from '../kit/unreachable.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'

/**
 * `POST /webhook/{secret path}`, on Node's own server: every update passes here, and what a framework does for one
 * request costs more than all that is done here. Path and token are checked before the body is read.
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

export const bodyBytesMax = 1024 * 1024
/** Telegram repeats at once without it [telegram-bot-api 2.4]. */
export const retryAfter = { 'retry-after': '1' } as const
const folder = '/webhook/'

type Answer = { readonly status: number; readonly body: string; readonly headers?: Readonly<Record<string, string>> }
const refusal = (status: number, error: string, headers: Answer['headers'] = {}): Answer => ({
  status,
  body: JSON.stringify({ ok: false, error }),
  headers,
})
const committed: Answer = { status: 200, body: JSON.stringify({ ok: true }) }
const later = refusal(503, 'not now; please repeat', retryAfter)
const notJson = refusal(415, 'the body must be application/json')
// What is left of the body would have to be read to keep the connection.
const tooLarge = refusal(413, `the body is larger than ${bodyBytesMax} bytes`, { connection: 'close' })
const strangers = {
  wrong_path: { status: 404, reason: 'not the path of the webhook' },
  wrong_token: { status: 403, reason: 'the secret token is missing or wrong' },
} as const
const broken = refusal(500, 'something broke here; it is in the log')

export function createWebhookDoor({ service, isClosing, clock, telemetry }: WebhookDoorDeps): WebhookDoor {
  function send(response: ServerResponse, { status, body, headers }: Answer): void {
    // The client is gone; Telegram delivers again what it got no answer for.
    if (response.destroyed) return
    response.writeHead(status, {
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(body),
      ...headers,
      ...(isClosing() ? { connection: 'close' } : {}),
    })
    response.end(body)
  }

  /** What can be said before the body is read; undefined when the body is wanted. */
  function refuse(request: IncomingMessage, path: string, open: WebhookService): Answer | undefined {
    const { headers } = request
    const token = headers['x-telegram-bot-api-secret-token']
    const checked = open.webhook?.check(path, typeof token === 'string' ? token : '') ?? 'wrong_path'
    if (checked !== 'right') {
      const { status, reason } = strangers[checked]
      telemetry.tell('WEBHOOK_REFUSED', { status, reason })
      return refusal(status, reason)
    }
    if (!json.test(headers['content-type'] ?? '')) return notJson
    return Number(headers['content-length'] ?? 0) > bodyBytesMax ? tooLarge : undefined
  }

  async function answerBody(response: ServerResponse, open: WebhookService, body: string, startedMs: number) {
    let answer: Answer
    try {
      answer = answerOf(await open.accept(body, startedMs))
    } catch (error) {
      telemetry.caught(error, 'http')
      answer = broken
    }
    send(response, answer)
  }

  return {
    take(request, response, { awaitsContinue }) {
      const path = pathOf(request)
      if (path === undefined) return false
      const startedMs = clock.monotonicMs()
      const open = service()
      const early = open === undefined || isClosing() ? later : refuse(request, path, open)
      if (open === undefined || early !== undefined) {
        send(response, early ?? later)
        return true
      }
      if (awaitsContinue) response.writeContinue()
      readBody(request, (body) => {
        if (body === undefined) send(response, tooLarge)
        else void answerBody(response, open, body, startedMs)
      })
      return true
    },
  }
}

/** Calls `done` with the text, or without one as soon as it is too large; never for a client that goes away before. */
function readBody(request: IncomingMessage, done: (body: string | undefined) => void): void {
  const chunks: Buffer[] = []
  let bytes = 0
  request.on('data', (chunk: Buffer) => {
    const fitted = bytes <= bodyBytesMax
    bytes += chunk.length
    if (bytes <= bodyBytesMax) chunks.push(chunk)
    else if (fitted) done(undefined)
  })
  request.on('end', () => {
    if (bytes <= bodyBytesMax) done(Buffer.concat(chunks, bytes).toString())
  })
  request.on('error', () => undefined)
}

function answerOf(accepted: Accepted): Answer {
  switch (accepted.kind) {
    case 'accepted':
      return accepted.answer === undefined ? committed : { status: 200, body: JSON.stringify(accepted.answer) }
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

const json = /^application\/json[ \t]*(;|$)/i
