import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { isLoopback } from './outbound.ts'
import { percentDecoded } from './percent.ts'

/**
 * Who may talk to the sandbox. A page of another origin is refused by `Origin` and, where a browser sends none (pictures,
 * scripts, links), by `Sec-Fetch-Site`; only a link to the web chat itself may lead here from elsewhere.
 *
 * Without a key, a page whose name was made to point at this machine is refused by its `Host`. With a key, everybody
 * shows it, and then any host name is right: as `Authorization: Bearer`, `X-Sandbox-Key`, `?key=` (which leaves a cookie
 * for the web chat), or in the path, `/key/<key>/…`, for bots that can only be given an API root.
 */
export function guard(app: FastifyInstance, { listen, key }: { listen: string; key: string | undefined }): void {
  app.addHook('onRequest', async (request, reply) => {
    if (isFromElsewhere(request)) return reply.code(403).send({ error: 'requests of other origins are refused' })
    if (key === undefined) {
      const host = hostname(request.headers.host)
      if (host !== undefined && isOurHost(host, listen)) return
      return reply.code(403).send({ error: `this sandbox does not answer to the host ${host ?? '(none)'}` })
    }
    if (!shownKeys(request).some((shown) => isSame(shown, key))) {
      return reply.code(401).send({ error: 'this sandbox was started with --key; show it as Authorization: Bearer' })
    }
    if (queryKey(request) !== undefined) {
      reply.header('set-cookie', `${cookieName}=${encodeURIComponent(key)}; HttpOnly; SameSite=Strict; Path=/`)
    }
  })
}

/**
 * Whether a page of another origin makes this request. `Sec-Fetch-Site` is sent by every current browser to this machine
 * and cannot be set by a page; `same-site` is another port of this machine. [w3c fetch-metadata]
 */
function isFromElsewhere({ headers, method, url }: FastifyRequest): boolean {
  const { origin, host, 'sec-fetch-site': site } = headers
  if (origin !== undefined && origin !== `http://${host}`) return true
  if (site === undefined || site === 'same-origin' || site === 'none') return false
  const isLink = headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document'
  return !(isLink && method === 'GET' && url.split('?')[0] === '/')
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
  if (key !== undefined) request.headers['x-sandbox-key'] = percentDecoded(key)
  const path = rest ?? url
  return bareBotPath.test(path) ? `/telegram${path}` : path
}

const bareBotPath = /^\/(file\/)?bot[^/]+\/./

function hostname(host: string | undefined): string | undefined {
  return host !== undefined && URL.canParse(`http://${host}/`) ? new URL(`http://${host}/`).hostname : undefined
}

/** Without a key it listens on loopback alone. */
const isOurHost = (host: string, listen: string): boolean =>
  isLoopback(host) || host === listen || host === `[${listen}]`

function queryKey(request: FastifyRequest): string | undefined {
  const value = new URLSearchParams(request.url.split('?')[1] ?? '').get('key')
  return value ?? undefined
}

function shownKeys(request: FastifyRequest): readonly string[] {
  const { authorization, cookie } = request.headers
  const header = request.headers['x-sandbox-key']
  const bearer = authorization?.startsWith('Bearer ') ? authorization.slice('Bearer '.length) : undefined
  const kept = new RegExp(`(?:^|; )${cookieName}=([^;]*)`).exec(cookie ?? '')?.[1]
  return [bearer, typeof header === 'string' ? header : undefined, queryKey(request), kept && percentDecoded(kept)]
    .filter((shown) => shown !== undefined && shown !== '')
    .map((shown) => shown ?? '')
}

/** Compares digests, so that neither length nor content shows in the time it takes. */
function isSame(shown: string, key: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(shown), digest(key))
}
