import { timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Health, Liveness } from '../health/health.ts'
import type { CallbackHandled, SignatureHeaders } from '../intake/kie-callback.ts'
import type { Clock } from '../kit/clock.ts'
import { createServer } from '../kit/http-module.ts'
import { unreachable } from '../kit/unreachable.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
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
import { createWebhookDoor, type WebhookService } from './webhook-door.ts'

/**
 * MAP: every door. The port is bound first and never unbound; until the service is complete, the doors that need it
 * answer "later".
 *
 *   POST /webhook/{secret path}            an update of Telegram
 *   POST /{callback path}/{reference}      a callback of KIE
 *   GET  /health /healthz / /readyz        how it is, from figures in memory
 *   GET  /metrics                          Prometheus
 *
 * On Node's own server: for these few a framework would cost more than all that they do, at each start and each update.
 */
export type Doors = WebhookService & {
  readonly handleCallback: (reference: string, headers: SignatureHeaders, body: string) => Promise<CallbackHandled>
}
export type HttpDeps = {
  readonly callbackPath: string
  readonly health: () => Health
  readonly liveness: () => Liveness
  readonly canStore: () => boolean
  readonly metrics: () => Promise<string>
  /** Without one, figures are shown to this machine only. */
  readonly metricsToken?: string
  /** Another time than an operator gets for a request to come, for tests. */
  readonly requestWithinMs?: number
  readonly clock: Clock
  readonly telemetry: Telemetry
}
export type HttpServer = {
  readonly address: string
  readonly port: number
  /** Every door, as `GET /health`; a name after a colon stands for any segment. */
  readonly doors: readonly string[]
  /** Opens the doors that need the whole service. */
  open(doors: Doors): void
  /** No new connection, no new request; what is under way is answered, and a client that stalls is not waited for. */
  close(): Promise<void>
}

/** A request that is not over so long after the last one was let in will not be. */
const closeWithinMs = 5_000
/** A body of the largest size comes in this time over a slow line; what dribbles longer is cut off. */
const requestWithinMs = 30_000
/** Longer than a proxy keeps a connection that nobody uses, so that it is the proxy that closes it. */
const keepAliveMs = 72_000

export async function listen(
  deps: HttpDeps,
  { address, port }: { readonly address: string; readonly port: number },
): Promise<HttpServer> {
  let doors: Doors | undefined
  let isClosing = false
  const { clock, telemetry, requestWithinMs: withinMs = requestWithinMs } = deps
  const webhook = createWebhookDoor({ service: () => doors, isClosing: () => isClosing, clock, telemetry })
  const figures = figureDoors(deps)
  const callbacks = `/${deps.callbackPath}/`

  async function answer(request: IncomingMessage): Promise<Answer> {
    if (isClosing) return later
    const { method, url = '' } = request
    const [path = ''] = url.split('?', 1)
    const figure = method === 'GET' || method === 'HEAD' ? figures.get(path) : undefined
    if (figure !== undefined) return await figure(request)
    const reference = path.startsWith(callbacks) ? path.slice(callbacks.length) : ''
    const isCallback = method === 'POST' && reference !== '' && !reference.includes('/')
    return isCallback ? await answerCallback(request, reference, doors) : nothingHere
  }
  async function take(request: IncomingMessage, response: ServerResponse, awaitsContinue: boolean): Promise<void> {
    if (webhook.take(request, response, { awaitsContinue })) return
    if (awaitsContinue) response.writeContinue()
    const answered = await answer(request).catch((error: unknown) => {
      telemetry.caught(error, 'http')
      return broken
    })
    send(response, answered, isClosing)
  }

  const server = createServer({
    requestTimeout: withinMs,
    connectionsCheckingInterval: withinMs / 6,
    keepAliveTimeout: keepAliveMs,
  })
  server.on('request', (request, response) => void take(request, response, false))
  // Without this Node asks everybody for the body, also who is to be refused before it.
  server.on('checkContinue', (request, response) => void take(request, response, true))
  server.listen({ host: address, port })
  await once(server, 'listening')
  const bound = server.address()
  return {
    address,
    port: typeof bound === 'object' && bound !== null ? bound.port : port,
    doors: [
      'POST /webhook/:path',
      `POST ${callbacks}:reference`,
      ...Array.from(figures.keys(), (path) => `GET ${path}`),
    ],
    open(opened) {
      doors = opened
    },
    async close() {
      isClosing = true
      const cancel = clock.after(closeWithinMs, () => server.closeAllConnections())
      const closed = once(server, 'close')
      // It closes idle connections itself.
      server.close()
      await closed
      cancel()
    },
  }
}

const nothingHere = refusal(404, 'there is nothing here')

async function answerCallback(request: IncomingMessage, reference: string, doors: Doors | undefined): Promise<Answer> {
  if (doors === undefined) return later
  if (isTooLarge(request)) return tooLarge
  if (hasBody(request) && !isJson(request)) return notJson
  const body = await new Promise<string | undefined>((resolve) => readBody(request, resolve))
  if (body === undefined) return tooLarge
  const { headers } = request
  const signature = {
    timestamp: oneOf(headers['x-webhook-timestamp']),
    signature: oneOf(headers['x-webhook-signature']),
  }
  const handled = await doors.handleCallback(reference, signature, body)
  switch (handled.kind) {
    case 'noted':
      return jsonAnswer(200, { code: 200, msg: 'success' })
    case 'unknown_reference':
      return refusal(404, 'this reference is not ours')
    case 'bad_signature':
      return refusal(403, 'the signature is missing or wrong')
    case 'cannot_note':
      return later
    default:
      return unreachable(handled, 'callback')
  }
}

type FigureDoor = (request: IncomingMessage) => Answer | Promise<Answer>

function figureDoors(deps: HttpDeps): ReadonlyMap<string, FigureDoor> {
  const maySee = (request: IncomingMessage): boolean => {
    const { metricsToken } = deps
    if (metricsToken === undefined) return isFromHere(request)
    return isSame(request.headers.authorization ?? '', `Bearer ${metricsToken}`)
  }
  const liveness = () => jsonAnswer(200, deps.liveness())
  return new Map<string, FigureDoor>([
    [
      '/health',
      (request) => {
        const { figures, ...health } = deps.health()
        return jsonAnswer(health.ok ? 200 : 503, maySee(request) ? { ...health, ...figures } : health)
      },
    ],
    ['/healthz', liveness],
    ['/', liveness],
    [
      '/readyz',
      () => {
        const ok = deps.canStore()
        return jsonAnswer(ok ? 200 : 503, { ok })
      },
    ],
    [
      '/metrics',
      async (request) => {
        if (!maySee(request)) return refusal(403, 'send METRICS_TOKEN as a bearer token')
        const headers = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }
        return { status: 200, body: await deps.metrics(), headers }
      },
    ],
  ])
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
const oneOf = (header: string | string[] | undefined): string | undefined =>
  typeof header === 'string' ? header : header?.[0]
/** A proxy on this machine speaks for somebody else, and says so. */
function isFromHere({ socket, headers }: IncomingMessage): boolean {
  if (headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined) return false
  return /^(127\.|::1$|::ffff:127\.)/.test(socket.remoteAddress ?? '')
}

/** Takes the same time wherever the two differ. */
function isSame(a: string, b: string): boolean {
  const left = Buffer.from(a)
  const right = Buffer.from(b)
  return left.length === right.length && timingSafeEqual(left, right)
}
