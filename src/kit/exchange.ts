import type { ClientRequest, Agent as HttpAgent, IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { Agent as TlsAgent, request as tlsRequest } from 'node:https'
import type { LookupFunction } from 'node:net'
import type { Clock } from './clock.ts'
import { Agent, request } from './http-module.ts'
import { onAbort } from './wait.ts'

/**
 * One HTTP request to the outside and how it ended. Redirects are answers like any other: nothing is followed, so that
 * no secret in an address or a header travels to a place nobody chose.
 *
 * `unsent` is a promise: the connection (with TLS: the encrypted one) was never made, so not a byte of the request can
 * have been read. Everything that ends without a whole answer after that is `unanswered`.
 */
export type Ending =
  | {
      readonly kind: 'answered'
      readonly status: number
      readonly headers: IncomingHttpHeaders
      readonly body: Uint8Array
    }
  /** The answer is longer than `maxBytes`; it was not read to its end. */
  | { readonly kind: 'too_long'; readonly status: number }
  | { readonly kind: 'unsent'; readonly code: string; readonly detail: string }
  | { readonly kind: 'unanswered'; readonly code: string; readonly detail: string }

export type Exchange = {
  readonly url: URL
  readonly method: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** For the whole exchange, from the look-up of the name to the last byte of the answer. */
  readonly limitMs: number
  readonly maxBytes: number
  /** Kept connections; without any, the exchange makes its own and closes it. */
  readonly connections?: Connections
  /** How the name becomes an address; what it refuses is never connected to. */
  readonly lookup?: LookupFunction
  /** Gives up early, as if the time were over. */
  readonly signal?: AbortSignal
}

/**
 * Connections that are kept for the next exchange. One that the other side closes while a request is on its way ends
 * as `unanswered`, so what must not be repeated is exchanged without them.
 */
export type Connections = { readonly plain: HttpAgent; readonly tls: TlsAgent }

export function keptConnections({ idleMs = 20_000 }: { idleMs?: number } = {}): Connections {
  const options = { keepAlive: true, timeout: idleMs, scheduling: 'lifo' } as const
  return { plain: new Agent(options), tls: new TlsAgent(options) }
}

/** Makes the exchange; never rejects. The texts in its endings name the host at most, never the path. */
export function exchange(clock: Clock, wanted: Exchange): Promise<Ending> {
  const { limitMs, maxBytes, body, signal } = wanted
  let request: ClientRequest
  try {
    request = begin(wanted)
  } catch (error) {
    // An address or a header that HTTP cannot carry: a setting of ours is wrong, and nothing was sent.
    return Promise.resolve({ kind: 'unsent', code: codeOf(error), detail: describe(error) })
  }
  return new Promise((resolve) => {
    let connected = false
    let ended = false
    let cancelStop = () => {}
    const end = (ending: Ending) => {
      if (ended) return
      ended = true
      forgetLimit()
      cancelStop()
      if (ending.kind !== 'answered') request.destroy()
      resolve(ending)
    }
    const fail = (code: string, detail: string) => end({ kind: connected ? 'unanswered' : 'unsent', code, detail })
    const stop = () => fail('STOPPED', 'given up before the answer came')
    const forgetLimit = clock.after(limitMs, () => fail('TIME_LIMIT', `no answer in ${limitMs} ms`))

    request.on('socket', (socket) => {
      if (request.reusedSocket) connected = true
      else socket.once(wanted.url.protocol === 'https:' ? 'secureConnect' : 'connect', () => (connected = true))
    })
    request.on('error', (error) => fail(codeOf(error), describe(error)))
    request.on('response', (answer) => readAnswer(answer, maxBytes, end, fail))
    cancelStop = onAbort(signal, stop)
    if (!ended) request.end(body)
  })
}

function begin({ url, method, headers, body, connections, lookup }: Exchange): ClientRequest {
  const tls = url.protocol === 'https:'
  return (tls ? tlsRequest : request)(url, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }) },
    agent: (tls ? connections?.tls : connections?.plain) ?? false,
    ...(lookup === undefined ? {} : { lookup }),
  })
}

function readAnswer(
  answer: IncomingMessage,
  maxBytes: number,
  end: (ending: Ending) => void,
  fail: (code: string, detail: string) => void,
): void {
  const { statusCode: status = 0, headers } = answer
  const chunks: Buffer[] = []
  let length = Number(headers['content-length'] ?? 0) > maxBytes ? maxBytes + 1 : 0
  answer.on('error', (error) => fail(codeOf(error), describe(error)))
  answer.on('end', () => end({ kind: 'answered', status, headers, body: Buffer.concat(chunks) }))
  answer.on('data', (chunk: Buffer) => {
    length += chunk.length
    if (length > maxBytes) end({ kind: 'too_long', status })
    else chunks.push(chunk)
  })
}

function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  return error instanceof Error ? error.name : 'UNKNOWN'
}

/** Several addresses of one host fail together as an AggregateError without a message of its own. */
function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describe).join('; ')
  return error instanceof Error ? error.message : String(error)
}
