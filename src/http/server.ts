import { timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Rung, SignatureHeaders } from '../intake/kie-callback.ts'
import type { Clock } from '../kit/clock.ts'
import type { Health, Liveness } from '../lifecycle/health.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { bodyBytesMax, createWebhookDoor, retryAfter, type WebhookDoor, type WebhookService } from './webhook-door.ts'

/**
 * MAP: every door. The port is bound first and never unbound; until the service is complete, the doors that need it
 * answer "later".
 *
 *   POST /webhook/{secret path}            an update of Telegram; on the bare server, in front of all others
 *   POST /{callback path}/{reference}      KIE rings
 *   GET  /health /healthz / /readyz        how it is, from figures in memory
 *   GET  /metrics                          Prometheus
 */
export type Doors = WebhookService & {
  readonly ring: (reference: string, headers: SignatureHeaders, body: string) => Promise<Rung>
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
  const { clock, telemetry } = deps
  const webhook = createWebhookDoor({ service: () => doors, isClosing: () => isClosing, clock, telemetry })
  const app = Fastify({
    logger: false,
    bodyLimit: bodyBytesMax,
    forceCloseConnections: 'idle',
    trustProxy: false,
    serverFactory: (others) => inFrontOf(others, webhook, deps.requestWithinMs ?? requestWithinMs),
  })
  // A connection that was busy when the close began would otherwise be kept open for the next request, for a minute.
  app.addHook('onSend', async (_request, reply) => {
    if (isClosing) reply.header('connection', 'close')
  })
  readBodiesAsText(app)
  answerFaults(app, telemetry)
  callbackDoor(app, deps, () => doors)
  figureDoors(app, deps)
  await app.listen({ host: address, port })
  const bound = app.server.address()
  return {
    address,
    port: typeof bound === 'object' && bound !== null ? bound.port : port,
    open(opened) {
      doors = opened
    },
    async close() {
      isClosing = true
      const cancel = clock.after(closeWithinMs, () => app.server.closeAllConnections())
      await app.close()
      cancel()
    },
  }
}

/** Node's server, with the webhook's door in front of those of the framework. */
function inFrontOf(others: RequestListener, webhook: WebhookDoor, withinMs: number): Server {
  const server = createServer({
    requestTimeout: withinMs,
    connectionsCheckingInterval: withinMs / 6,
    keepAliveTimeout: keepAliveMs,
  })
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    if (!webhook.take(request, response, { awaitsContinue: false })) others(request, response)
  })
  // Without this Node asks everybody for the body, also who is to be refused before it.
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    if (webhook.take(request, response, { awaitsContinue: true })) return
    response.writeContinue()
    others(request, response)
  })
  return server
}

/** The raw text is what is stored; it is parsed once, by intake. */
function readBodiesAsText(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => done(null, body))
}

function answerFaults(app: FastifyInstance, telemetry: Telemetry): void {
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ ok: false, error: 'there is nothing here' }))
  app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    const status = error.statusCode ?? 500
    if (status >= 500) telemetry.caught(error, 'http')
    const text =
      status === 413
        ? `the body is larger than ${bodyBytesMax} bytes`
        : status === 415
          ? 'the body must be application/json'
          : status >= 500
            ? 'something broke here; it is in the log'
            : 'the request could not be read'
    return reply.code(status).send({ ok: false, error: text })
  })
}

function callbackDoor(app: FastifyInstance, { callbackPath }: HttpDeps, doors: () => Doors | undefined): void {
  app.post<{ Params: { reference: string } }>(`/${callbackPath}/:reference`, async (request, reply) => {
    const open = doors()
    if (open === undefined) return later(reply)
    const headers = {
      timestamp: oneOf(request.headers['x-webhook-timestamp']),
      signature: oneOf(request.headers['x-webhook-signature']),
    }
    const rung = await open.ring(request.params.reference, headers, bodyOf(request))
    switch (rung.kind) {
      case 'noted':
        return reply.code(200).send({ code: 200, msg: 'success' })
      case 'unknown_reference':
        return reply.code(404).send({ ok: false, error: 'this reference is not ours' })
      case 'bad_signature':
        return reply.code(403).send({ ok: false, error: 'the signature is missing or wrong' })
      case 'cannot_note':
        return later(reply)
    }
  })
}

function figureDoors(app: FastifyInstance, deps: HttpDeps): void {
  const maySee = (request: FastifyRequest): boolean => {
    const { metricsToken } = deps
    if (metricsToken === undefined) return isFromHere(request)
    return isSame(request.headers.authorization ?? '', `Bearer ${metricsToken}`)
  }
  app.get('/health', async (request, reply) => {
    const { figures, ...health } = deps.health()
    return reply.code(health.ok ? 200 : 503).send(maySee(request) ? { ...health, ...figures } : health)
  })
  app.get('/healthz', async () => deps.liveness())
  app.get('/', async () => deps.liveness())
  app.get('/readyz', async (_request, reply) => {
    const ok = deps.canStore()
    return reply.code(ok ? 200 : 503).send({ ok })
  })
  app.get('/metrics', async (request, reply) => {
    if (!maySee(request)) return reply.code(403).send({ ok: false, error: 'send METRICS_TOKEN as a bearer token' })
    return reply.type('text/plain; version=0.0.4').send(await deps.metrics())
  })
}

const later = (reply: FastifyReply) =>
  reply.code(503).headers(retryAfter).send({ ok: false, error: 'not now; please repeat' })

const bodyOf = (request: FastifyRequest): string => (typeof request.body === 'string' ? request.body : '')
const oneOf = (header: string | string[] | undefined): string | undefined =>
  typeof header === 'string' ? header : header?.[0]
/** A proxy on this machine speaks for somebody else, and says so. */
function isFromHere({ socket, headers }: FastifyRequest): boolean {
  if (headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined) return false
  return /^(127\.|::1$|::ffff:127\.)/.test(socket.remoteAddress ?? '')
}

/** Takes the same time wherever the two differ. */
function isSame(a: string, b: string): boolean {
  const left = Buffer.from(a)
  const right = Buffer.from(b)
  return left.length === right.length && timingSafeEqual(left, right)
}
