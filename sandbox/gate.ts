import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { isLoopback } from './outbound.ts'

/**
 * Who may talk to the sandbox. A page of another site, also one whose name was made to point at this machine, is
 * refused by its `Host` and `Origin`; with a key, everybody shows it: as `Authorization: Bearer`, `X-Sandbox-Key`,
 * `?key=` (which leaves a cookie for the web chat), or in the path, `/key/<key>/…`, for bots that can only be given an
 * API root.
 */
export function guard(app: FastifyInstance, { listen, key }: { listen: string; key: string | undefined }): void {
  app.addHook('onRequest', async (request, reply) => {
    const host = hostname(request.headers.host)
    if (host === undefined || !isOurHost(host, listen)) {
      return reply.code(403).send({ error: `this sandbox does not answer to the host ${host ?? '(none)'}` })
    }
    const { origin } = request.headers
    if (origin !== undefined && origin !== `http://${request.headers.host}`) {
      return reply.code(403).send({ error: 'requests of other origins are refused' })
    }
    if (key === undefined) return
    if (!shownKeys(request).some((shown) => isSame(shown, key))) {
      return reply.code(401).send({ error: 'this sandbox was started with --key; show it as Authorization: Bearer' })
    }
    if (queryKey(request) !== undefined) {
      reply.header('set-cookie', `${cookieName}=${encodeURIComponent(key)}; HttpOnly; SameSite=Strict; Path=/`)
    }
  })
}

const cookieName = 'sandbox_key'
const keyInPath = /^\/key\/([^/]+)(\/.*)$/

/**
 * Rewrites a URL before routing: a key in the path moves to a header, and a Bot API path without `/telegram` in front
 * gets it, because some clients keep only the origin of the API root they are given.
 */
export function rewriteUrl(request: { url?: string | undefined; headers: NodeJS.Dict<string | string[]> }): string {
  const url = request.url ?? '/'
  const [, key, rest] = keyInPath.exec(url) ?? []
  if (key !== undefined) request.headers['x-sandbox-key'] = key
  const path = rest ?? url
  return bareBotPath.test(path) ? `/telegram${path}` : path
}

const bareBotPath = /^\/(file\/)?bot[^/]+\/./

function hostname(host: string | undefined): string | undefined {
  return host !== undefined && URL.canParse(`http://${host}/`) ? new URL(`http://${host}/`).hostname : undefined
}

function isOurHost(host: string, listen: string): boolean {
  if (isLoopback(host) || host === listen || host === `[${listen}]`) return true
  // Listening on every address, any literal address may be ours; a name may not, it could be made to point here.
  return (listen === '0.0.0.0' || listen === '::') && (/^\d+(\.\d+){3}$/.test(host) || host.startsWith('['))
}

function queryKey(request: FastifyRequest): string | undefined {
  const value = new URLSearchParams(request.url.split('?')[1] ?? '').get('key')
  return value ?? undefined
}

function shownKeys(request: FastifyRequest): readonly string[] {
  const { authorization, cookie } = request.headers
  const header = request.headers['x-sandbox-key']
  const bearer = authorization?.startsWith('Bearer ') ? authorization.slice('Bearer '.length) : undefined
  const kept = new RegExp(`(?:^|; )${cookieName}=([^;]*)`).exec(cookie ?? '')?.[1]
  return [bearer, typeof header === 'string' ? header : undefined, queryKey(request), kept && decodeURIComponent(kept)]
    .filter((shown) => shown !== undefined && shown !== '')
    .map((shown) => shown ?? '')
}

/** Compares digests, so that neither length nor content shows in the time it takes. */
function isSame(shown: string, key: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(shown), digest(key))
}
