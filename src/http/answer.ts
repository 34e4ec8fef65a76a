import type { IncomingMessage, ServerResponse } from 'node:http'

/** What the doors of the server share: answers, and bodies with a limit. */
export type Answer = {
  readonly status: number
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

export const jsonAnswer = (status: number, value: unknown, headers: Answer['headers'] = {}): Answer => ({
  status,
  body: JSON.stringify(value),
  headers,
})
export const refusal = (status: number, error: string, headers: Answer['headers'] = {}): Answer =>
  jsonAnswer(status, { ok: false, error }, headers)

export const bodyBytesMax = 1024 * 1024
/** Telegram repeats at once without the header [telegram-bot-api 2.4]. */
export const later = refusal(503, 'not now; please repeat', { 'retry-after': '1' })
export const notJson = refusal(415, 'the body must be application/json')
// What is left of the body would have to be read to keep the connection.
export const tooLarge = refusal(413, `the body is larger than ${bodyBytesMax} bytes`, { connection: 'close' })
export const broken = refusal(500, 'something broke here; it is in the log')

/** `isLast`: the connection is not kept after this answer. */
export function send(response: ServerResponse, { status, body, headers }: Answer, isLast: boolean): void {
  // The client is gone; Telegram delivers again what it got no answer for.
  if (response.destroyed) return
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    ...headers,
    ...(isLast ? { connection: 'close' } : {}),
  })
  response.end(body)
}

export const isJson = ({ headers }: IncomingMessage): boolean =>
  /^application\/json[ \t]*(;|$)/i.test(headers['content-type'] ?? '')
export const isTooLarge = ({ headers }: IncomingMessage): boolean =>
  Number(headers['content-length'] ?? 0) > bodyBytesMax

/** Calls `done` with the text, or without one as soon as it is too large; never for a client that goes away before. */
export function readBody(request: IncomingMessage, done: (body: string | undefined) => void): void {
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
