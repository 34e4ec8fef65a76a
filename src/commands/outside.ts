import type { Clock } from '../kit/clock.ts'
import { type Connections, type Ending, exchange } from '../kit/exchange.ts'

/** Looking at doors from outside, as a stranger or Telegram would. Nothing is followed, nothing is repeated. */
export type Seen =
  | {
      readonly kind: 'answered'
      readonly status: number
      readonly body: unknown
      readonly text: string
      /** The other side's clock, when it told it; whole seconds. */
      readonly date?: number
      readonly tookMs: number
    }
  | { readonly kind: 'silent'; readonly detail: string }

const lookMs = 5_000
const bytesMax = 4 * 1024 * 1024

export async function look(
  clock: Clock,
  url: string,
  {
    method = 'GET',
    headers = {},
    body,
    limitMs = lookMs,
    connections,
  }: {
    readonly method?: 'GET' | 'POST'
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: string
    readonly limitMs?: number
    readonly connections?: Connections
  } = {},
): Promise<Seen> {
  if (!URL.canParse(url)) return { kind: 'silent', detail: 'the address is no URL' }
  const started = clock.monotonicMs()
  const ending = await exchange(clock, {
    url: new URL(url),
    method,
    headers: { 'user-agent': 'trt', ...headers },
    limitMs,
    maxBytes: bytesMax,
    ...(body === undefined ? {} : { body }),
    ...(connections === undefined ? {} : { connections }),
  })
  return seenOf(ending, clock.monotonicMs() - started)
}

function seenOf(ending: Ending, tookMs: number): Seen {
  switch (ending.kind) {
    case 'unsent':
    case 'unanswered':
      return { kind: 'silent', detail: ending.detail }
    case 'too_long':
      return { kind: 'silent', detail: `the answer (HTTP ${ending.status}) is too long` }
    case 'answered': {
      const text = Buffer.from(ending.body).toString('utf8')
      const date = Date.parse(ending.headers.date ?? '')
      return {
        kind: 'answered',
        status: ending.status,
        text,
        body: parse(text),
        tookMs,
        ...(Number.isNaN(date) ? {} : { date }),
      }
    }
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** One field of an answer in JSON, when it is there. */
export function fieldOf(body: unknown, name: string): unknown {
  return typeof body === 'object' && body !== null && name in body
    ? Object.entries(body).find(([key]) => key === name)?.[1]
    : undefined
}
