import { timingSafeEqual } from 'node:crypto'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Health, Liveness } from '../health/health.ts'
import type { Rung, SignatureHeaders } from '../intake/kie-callback.ts'
import type { Accepted } from '../intake/telegram-webhook.ts'
import type { Clock } from '../kit/clock.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import type { WebhookKeys } from '../webhook/webhook-keys.ts'

/**
 * MAP: every door. The port is bound first and never unbound; until the service is complete, the doors that need it
 * answer "later".
 *
 *   POST /webhook/{secret path}            an update of Telegram
 *   POST /{callback path}/{reference}      KIE rings
 *   GET  /health /healthz / /readyz        how it is, from figures in memory
 *   GET  /metrics                          Prometheus
 */
export type Doors = {
  /** Absent while updates are polled for: then nobody is let in. */
  readonly webhook?: Pick<WebhookKeys, 'isPath' | 'isToken'>
  readonly accept: (body: string, startedMs: number) => Promise<Accepted>
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

const bodyBytesMax = 1024 * 1024
/** Telegram repeats at once without it [telegram-bot-api 2.4]. */
const retryAfterS = '1'
/** A request that is not over so long after the last one was let in will not be. */
const closeWithinMs = 5_000

export async function listen(
  deps: HttpDeps,
  { address, port }: { readonly address: string; readonly port: number },
): Promise<HttpServer> {
  const app = Fastify({ logger: false, bodyLimit: bodyBytesMax, forceCloseConnections: 'idle', trustProxy: false })
  let doors: Doors | undefined
  let isClosing = false
  // A connection that was busy when the close began would otherwise be kept open for the next request, for a minute.
  app.addHook('onSend', async (_request, reply) => {
    if (isClosing) reply.header('connection', 'close')
  })
  readBodiesAsText(app)
  answerFaults(app, deps.telemetry)
  webhookDoor(app, deps, () => doors)
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
      const cancel = deps.clock.after(closeWithinMs, () => app.server.closeAllConnections())
      await app.close()
      cancel()
    },
  }
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

function webhookDoor(app: FastifyInstance, { clock, telemetry }: HttpDeps, doors: () => Doors | undefined): void {
  const refuse = (reply: FastifyReply, status: 403 | 404, reason: string) => {
    telemetry.tell('WEBHOOK_REFUSED', { status, reason })
    return reply.code(status).send({ ok: false, error: reason })
  }
  app.post<{ Params: { path: string } }>('/webhook/:path', {
    // Before the body is read: a stranger costs nothing.
    onRequest: async (request, reply) => {
      const open = doors()
      if (open === undefined) return later(reply)
      const { path } = request.params
      if (!open.webhook?.isPath(path)) return refuse(reply, 404, 'not the path of the webhook')
      const token = request.headers['x-telegram-bot-api-secret-token']
      if (typeof token !== 'string' || !open.webhook.isToken(path, token)) {
        return refuse(reply, 403, 'the secret token is missing or wrong')
      }
    },
    handler: async (request, reply) => {
      const open = doors()
      if (open === undefined) return later(reply)
      const accepted = await open.accept(bodyOf(request), clock.monotonicMs() - reply.elapsedTime)
      switch (accepted.kind) {
        case 'accepted':
          return reply.code(200).send(accepted.answer ?? { ok: true })
        case 'not_an_update':
          return reply.code(400).send({ ok: false, error: accepted.todo })
        case 'later':
          return accepted.atOnce ? reply.code(503).send({ ok: false, error: 'not now' }) : later(reply)
      }
    },
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
  reply.code(503).header('Retry-After', retryAfterS).send({ ok: false, error: 'not now; please repeat' })

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
