import { existsSync } from 'node:fs'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import Fastify, { type FastifyInstance } from 'fastify'
import { z } from 'zod'
import { createChance } from './chance.ts'
import { createVirtualClock, type DrivenClock } from './clock.ts'
import { controlRoutes } from './control/controls.ts'
import { createFaults } from './faults.ts'
import { createFeed } from './feed.ts'
import { guard, rewriteUrl } from './gate.ts'
import { createKieEmulator } from './kie/kie.ts'
import { createOutbound } from './outbound.ts'
import { openShelf } from './shelf.ts'
import { createTelegramEmulator } from './telegram/telegram.ts'
import type { Shelf, World } from './world.ts'

/**
 * The sandbox: Telegram and KIE on one port, with the person's side, the controls and the web chat. Everything is
 * composed here; the providers know nothing of one another.
 */
export type SandboxOptions = {
  /** 0 takes a free port. */
  readonly port: number
  readonly listen?: string
  /** Needed for any address but loopback; then every request shows it. */
  readonly key?: string
  /** The world is kept in `<dataDir>/sandbox`; absent: in memory. */
  readonly dataDir?: string
  readonly seed?: string
  readonly allowOutbound?: boolean
  /** The built web chat. */
  readonly webDir?: string
  /** False: no 429 but the planned ones (for load tests). */
  readonly floodLimits?: boolean
  /** No side of a picture is drawn longer, and the price stays that of what was asked: for tests that look at none. */
  readonly pictureSideMax?: number
}

export type Sandbox = {
  readonly url: string
  /** Resolves when the port is free, nothing is in flight and everything is on disk. */
  close(): Promise<void>
}

export async function createSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { port, listen = '127.0.0.1', key, dataDir, seed = 'trt', allowOutbound = false } = options
  if (!isLocal(listen) && key === undefined) {
    throw new Error(`listening on ${listen} lets others in: give a --key, or listen on 127.0.0.1`)
  }
  const shelf = openShelf(dataDir === undefined ? undefined : join(dataDir, 'sandbox'))
  const clock = createVirtualClock(keptOffset(shelf))
  const keepingTime = setInterval(() => keepOffset(shelf, clock), offsetKeptEveryMs)
  keepingTime.unref()
  const faults = createFaults()
  const feed = createFeed()
  const world: World = {
    clock: { now: clock.now, after: clock.after },
    faults,
    shelf,
    outbound: createOutbound({ allowOutbound }),
    feed,
    chance: createChance(seed),
  }

  const app = Fastify({
    logger: false,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 300 },
    rewriteUrl,
  })
  app.removeContentTypeParser('text/plain')
  guard(app, { listen, key })
  answerFaultsOfOurs(app)

  // The port is known only once it listens, and the providers print their own addresses into answers.
  let publicUrl = ''
  const providers = [
    createTelegramEmulator(world, { floodLimits: options.floodLimits ?? true }),
    createKieEmulator(world, { publicUrl: () => publicUrl, pictureSideMax: options.pictureSideMax }),
  ]
  // Each in its own scope: body parsers of one do not change what another accepts.
  for (const provider of providers) app.register(async (scope) => provider.routes(scope))
  const controls = {
    clock,
    faults,
    feed,
    keepTime: () => keepOffset(shelf, clock),
    reset() {
      faults.clear()
      shelf.clear()
      keepOffset(shelf, clock)
      for (const provider of providers) provider.reset()
    },
  }
  app.register(async (scope) => controlRoutes(scope, controls))
  await webPages(app, options.webDir ?? join(import.meta.dirname, '../web/chat/dist'))

  async function close(): Promise<void> {
    clearInterval(keepingTime)
    keepOffset(shelf, clock)
    feed.close()
    await Promise.all(providers.map((provider) => provider.close()))
    await app.close()
    clock.close()
    shelf.close()
  }

  try {
    await app.listen({ port, host: listen })
  } catch (error) {
    await close()
    const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
    throw taken ? new Error(`port ${port} of ${listen} is taken; give another --port`, { cause: error }) : error
  }
  publicUrl = `http://${bracketed(listen === '0.0.0.0' || listen === '::' ? '127.0.0.1' : listen)}:${boundPort(app)}`
  return { url: publicUrl, close }
}

const offsetKeptEveryMs = 2000
const offsetKey = 'sandbox/clock'
const offsetEntry = z.object({ offset_ms: z.number() })

function keptOffset(shelf: Shelf): number {
  const kept = offsetEntry.safeParse(shelf.get(offsetKey))
  return kept.success ? kept.data.offset_ms : 0
}

function keepOffset(shelf: Shelf, clock: DrivenClock): void {
  const offset = clock.offset()
  if (Math.abs(offset - keptOffset(shelf)) > 100) shelf.put(offsetKey, { offset_ms: offset })
}

/** Answers of Fastify itself (no such route, a body it does not read, a fault of ours) in the control API's words. */
function answerFaultsOfOurs(app: FastifyInstance): void {
  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send({ error: `there is no ${request.method} ${request.url.split('?')[0]} here` }),
  )
  app.setErrorHandler((error, _request, reply) => {
    const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500
    if (status >= 500 && error instanceof Error) process.stderr.write(`sandbox: ${error.stack}\n`)
    return reply.code(status).send({ error: error instanceof Error ? error.message : String(error) })
  })
}

async function webPages(app: FastifyInstance, webDir: string): Promise<void> {
  await app.register(fastifyStatic, { root: webDir, serve: false, suppressWarning: true, dotfiles: 'deny' })
  app.get('/', (_request, reply) => {
    // Looked at for every request: the pages may be built after the sandbox has started.
    if (existsSync(join(webDir, 'index.html'))) return reply.sendFile('index.html')
    return reply
      .type('text/plain; charset=utf-8')
      .send(
        'The sandbox is running. Its web chat is not built yet: npx vite build web/chat, then load this page again.\n',
      )
  })
  app.get('/assets/*', (request, reply) => reply.sendFile(request.url.split('?')[0]?.slice(1) ?? ''))
}

function boundPort(app: FastifyInstance): number {
  const address = app.server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

const isLocal = (listen: string) => listen === 'localhost' || listen === '::1' || listen.startsWith('127.')
const bracketed = (listen: string) => (listen.includes(':') ? `[${listen}]` : listen)
