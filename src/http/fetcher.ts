import { lookup } from 'node:dns'
import type { Clock } from '../kit/clock.ts'
import { type Ending, exchange } from '../kit/exchange.ts'
import { done, later, never, type Outcome } from '../kit/outcome.ts'
import { isPublicAddress, publicOnly, type Resolve, refusedAddress } from './public-address.ts'
import { sniffPicture } from './sniff.ts'

/**
 * The one fetcher for every address that somebody else wrote: results of KIE, links of people.
 *
 * - https and public addresses only, also after each of at most three redirects. The address is checked when the
 *   connection is made, so a name that answers differently the second time gains nothing.
 * - The exact origins in `allowOrigin` are trusted: they may be http and private (KIE's own, in the sandbox).
 * - Size and time are limits on all of it. What a file is, its first bytes say, not its header.
 * - Fetching is free, so a fetch has two endings only: what gave no answer can be asked again.
 */
export type Fetcher = {
  fetchFile(address: string, wanted: Wanted): Promise<Outcome<FetchedFile, FetchNo>>
}

export type Wanted = {
  readonly maxBytes: number
  readonly timeoutMs: number
  readonly accept: keyof typeof readers
}

export type FetchedFile = {
  readonly bytes: Uint8Array
  readonly mime: string
  /** In pixels. */
  readonly width?: number
  readonly height?: number
}

export type FetchNo =
  /** Not https, a private address, or a redirect too many. */
  | 'forbidden'
  /** The name resolves to private addresses only: the resolver's fault, or somebody's trick; never connected to. */
  | 'misresolved'
  /** The server does not give it (any more): 403, 404, 410 or another definite no. */
  | 'gone'
  | 'too_big'
  | 'not_a_picture'
  /** No connection, no answer in time, HTTP 429 or 5xx. */
  | 'unreachable'

export type FetcherDeps = {
  readonly clock: Clock
  readonly allowOrigin?: readonly string[]
  /** Which addresses a name has; as the system resolves it. */
  readonly resolve?: Resolve
}

export const redirectsMax = 3

export function createFetcher({ clock, allowOrigin = [], resolve = lookup }: FetcherDeps): Fetcher {
  const lookupPublic = publicOnly(resolve)
  const trusted = new Set(allowOrigin.map((address) => new URL(address).origin))

  return {
    async fetchFile(address, wanted) {
      const until = clock.monotonicMs() + wanted.timeoutMs
      let url = URL.parse(address)
      for (let hop = 0; hop <= redirectsMax; hop++) {
        const open = url !== null && trusted.has(url.origin)
        if (url === null || !(open || isPublicAddress(url))) return never('forbidden', `not fetched: ${nameOf(url)}`)
        const limitMs = until - clock.monotonicMs()
        if (limitMs <= 0) return later('unreachable', `no time was left for ${nameOf(url)}`)
        const ending = await exchange(clock, {
          url,
          method: 'GET',
          headers: { accept: 'image/*,*/*;q=0.1', 'accept-encoding': 'identity', 'user-agent': userAgent },
          limitMs,
          maxBytes: wanted.maxBytes,
          ...(open ? {} : { lookup: lookupPublic }),
        })
        const next = redirectOf(ending, url)
        if (next === undefined) return outcomeOf(ending, nameOf(url), wanted)
        url = next
      }
      return never('forbidden', `more than ${redirectsMax} redirects, the last to ${nameOf(url)}`)
    },
  }
}

/** Where a redirect leads; `null` when to nothing that is an address. */
function redirectOf(ending: Ending, from: URL): URL | null | undefined {
  if (ending.kind !== 'answered' || ![301, 302, 303, 307, 308].includes(ending.status)) return undefined
  return URL.parse(ending.headers.location ?? '', from.href)
}

function outcomeOf(ending: Ending, name: string, wanted: Wanted): Outcome<FetchedFile, FetchNo> {
  switch (ending.kind) {
    case 'unsent':
      if (ending.code === refusedAddress) {
        return later('misresolved', `${name} has no public address: ${ending.detail}`)
      }
      return later('unreachable', `${name} could not be reached: ${ending.detail}`)
    case 'unanswered':
      return later('unreachable', `${name} gave no whole answer: ${ending.detail}`)
    case 'too_long':
      if (ending.status !== 200) return refusedBy(ending.status, name)
      return never('too_big', `${name} sends more than ${wanted.maxBytes} bytes`)
    case 'answered':
      if (ending.status !== 200) return refusedBy(ending.status, name, ending.headers['retry-after'])
      return fileOf(ending.body, name, wanted)
  }
}

function refusedBy(status: number, name: string, retryAfter?: string): Outcome<never, FetchNo> {
  const detail = `${name} answered HTTP ${status}`
  const seconds = Number(retryAfter)
  if (status === 429 || status === 408) return later('unreachable', detail, seconds > 0 ? seconds * 1000 : undefined)
  return status >= 500 ? later('unreachable', detail) : never('gone', detail)
}

function fileOf(bytes: Uint8Array, name: string, { accept }: Wanted): Outcome<FetchedFile, FetchNo> {
  const file = readers[accept](bytes)
  if (file !== undefined) return done({ bytes, ...file })
  return never('not_a_picture', `${name} sent ${bytes.length} bytes that are no picture`)
}

/** Who tells what the bytes are, by what was asked for. */
const readers = { image: sniffPicture } as const

/** The host, and nothing that could be a secret: paths and queries of result links are signed. */
function nameOf(url: URL | null): string {
  return url === null ? 'something that is no address' : url.origin === 'null' ? url.protocol : url.origin
}

const userAgent = 'Mozilla/5.0 (compatible; TRT)'
