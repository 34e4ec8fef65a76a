import { percentDecoded } from './percent.ts'
import type { Outbound } from './world.ts'

/**
 * The sandbox's only way out. Unless it was started with `--allow-outbound` it reaches loopback addresses and nothing
 * else: names other than `localhost` are refused without being looked up. Redirects are answers, never followed.
 */
export function createOutbound({ allowOutbound }: { allowOutbound: boolean }): Outbound {
  return {
    async request(url, init) {
      if (!URL.canParse(url)) return { kind: 'refused', why: 'not a URL' }
      const { protocol, hostname, username, password, href } = new URL(url)
      if (protocol !== 'http:' && protocol !== 'https:') return { kind: 'refused', why: 'only http and https' }
      if (!allowOutbound && !isLoopback(hostname)) {
        return { kind: 'refused', why: `${hostname} is not a loopback address (--allow-outbound)` }
      }
      const headers = new Headers(init.headers)
      const target = new URL(href)
      if (username !== '') {
        // Credentials in a webhook's URL become HTTP Basic; fetch refuses them in the URL itself.
        const pair = `${percentDecoded(username)}:${percentDecoded(password)}`
        headers.set('authorization', `Basic ${Buffer.from(pair).toString('base64')}`)
        target.username = ''
        target.password = ''
      }
      try {
        const answer = await fetch(target, {
          method: init.method,
          headers,
          redirect: 'manual',
          signal: AbortSignal.timeout(init.timeoutMs),
          ...(init.body === undefined ? {} : { body: init.body }),
        })
        const body = await readBody(answer, init.maxBytes ?? bodyBytesMax)
        if (body === undefined) return { kind: 'failed', why: 'Response is too big' }
        return { kind: 'answer', status: answer.status, headers: answer.headers, body }
      } catch (error) {
        return { kind: 'failed', why: explain(error) }
      }
    },
  }
}

const bodyBytesMax = 64 * 1024 * 1024

export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || hostname === '::1' || /^127(\.\d{1,3}){3}$/.test(hostname)
}

async function readBody(answer: Response, bytesMax: number): Promise<Uint8Array | undefined> {
  if (answer.body === null) return new Uint8Array()
  const parts: Uint8Array[] = []
  let size = 0
  const reader = answer.body.getReader()
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    size += read.value.byteLength
    if (size > bytesMax) {
      await reader.cancel()
      return undefined
    }
    parts.push(read.value)
  }
  return Buffer.concat(parts, size)
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.name === 'TimeoutError') return 'Read timeout expired'
  const cause = error.cause
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  if (code === 'ECONNREFUSED') return 'Connection refused'
  if (code === 'ECONNRESET' || code === 'UND_ERR_SOCKET') return 'Connection closed'
  return cause instanceof Error && cause.message !== '' ? cause.message : error.message
}
