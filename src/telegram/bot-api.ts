import { Api, GrammyError, HttpError } from 'grammy/web'
import type { Clock } from '../kit/clock.ts'
import { type Connections, type Ending, exchange } from '../kit/exchange.ts'
import { createHider } from '../kit/hide.ts'
import { done, later, type Outcome, unknown } from '../kit/outcome.ts'
import { outcomeOfRefusal, type Refused, type TelegramNo } from './answer.ts'

/**
 * grammY's API client on our own exchange, which knows whether a request that failed can have been read. Nothing is
 * repeated here: grammY's auto-retry is left out, because it turns every "unknown" into "again".
 *
 * `grammy/web` is the same client in one file: the build for Node.js loads an HTTP client beside ours, 35 ms of each start.
 */
export type BotApi = {
  /** One call; `limitMs` is for all of it. Whatever goes wrong outside ends in an outcome, never in an exception. */
  call<T>(run: (api: Api) => Promise<T>, options: CallOptions<T>): Promise<Outcome<T, TelegramNo>>
  /** The bytes behind a `file_path`. The address holds the token, so it is built, used and forgotten here. */
  download(filePath: string, limits: { readonly limitMs: number; readonly maxBytes: number }): Promise<Ending>
  /** Takes the token out of a text. */
  readonly hide: (text: string) => string
}

export type CallOptions<T> = {
  readonly limitMs: number
  /** Own connection, for what must not be sent into one that the other side is just closing. */
  readonly ownConnection?: boolean
  readonly signal?: AbortSignal
  /** Told how far Telegram's clock is ahead of ours when an answer came; it tells whole seconds. */
  readonly heardClock?: (aheadMs: number) => void
  /** A refusal that means "it is as you wanted". */
  readonly accept?: (refused: Refused) => T | undefined
}

export type BotApiDeps = {
  readonly token: string
  readonly apiRoot: string
  readonly clock: Clock
  readonly connections: Connections
}

export function createBotApi({ token, apiRoot, clock, connections }: BotApiDeps): BotApi {
  const root = apiRoot.replace(/\/+$/, '')
  if (!URL.canParse(root)) throw new Error('the address of the Bot API server is not a URL')
  const hide = createHider(token)

  /** Those that differ in nothing but the limit; making one costs as much as a call of it. */
  const shared = new Map<number, Api>()
  const apiFor = (options: CallOptions<never>): Api => {
    const { limitMs, ownConnection, signal, heardClock } = options
    if (ownConnection === true || signal !== undefined || heardClock !== undefined) return makeApi(options)
    const api = shared.get(limitMs) ?? makeApi({ limitMs })
    shared.set(limitMs, api)
    return api
  }
  const makeApi = ({ limitMs, ownConnection = false, signal, heardClock }: CallOptions<never>) =>
    new Api(token, {
      apiRoot: root,
      // Our exchange keeps the time; grammY's own limit only has to be later.
      timeoutSeconds: Math.ceil(limitMs / 1000) + 5,
      fetch: async (url: string, init: GrammyRequest) => {
        const asked = clock.now()
        const ending = await exchange(clock, {
          url: new URL(url),
          method: 'POST',
          headers: { 'content-type': init.headers['content-type'] },
          body: typeof init.body === 'string' ? init.body : await collect(init.body),
          limitMs,
          maxBytes: answerBytesMax,
          ...(ownConnection ? {} : { connections }),
          ...(signal === undefined ? {} : { signal }),
        })
        const toldAt = ending.kind === 'answered' ? Date.parse(ending.headers.date ?? '') : Number.NaN
        // Its seconds are cut off: on average it is half a second later than it says.
        if (!Number.isNaN(toldAt)) heardClock?.(toldAt + 500 - (asked + clock.now()) / 2)
        const envelope = readEnvelope(ending)
        return { json: async () => envelope }
      },
    })

  return {
    hide,
    async call(run, { accept, ...options }) {
      try {
        return done(await run(apiFor(options)))
      } catch (error) {
        if (error instanceof GrammyError) {
          const refused = refusedOf(error, hide)
          const accepted = accept?.(refused)
          return accepted === undefined ? outcomeOfRefusal(refused) : done(accepted)
        }
        if (error instanceof HttpError) return outcomeOfSilence(error.error, hide)
        throw error
      }
    },
    download: (filePath, limits) =>
      exchange(clock, { url: new URL(`${root}/file/bot${token}/${filePath}`), method: 'GET', connections, ...limits }),
  }
}

/** What grammY hands to its `fetch`. */
type GrammyRequest = {
  readonly headers: { readonly 'content-type': string }
  readonly body: string | AsyncIterable<Uint8Array>
}

/** The exchange ended without an envelope of the Bot API. */
class NoEnvelope extends Error {
  readonly outcome: Outcome<never, TelegramNo>
  constructor(outcome: Outcome<never, TelegramNo>) {
    super('no envelope')
    this.outcome = outcome
  }
}

type Envelope = Readonly<Record<string, unknown>> & { readonly ok: boolean }

function readEnvelope(ending: Ending): Envelope {
  switch (ending.kind) {
    case 'unsent':
      throw new NoEnvelope(later('unreachable', `Telegram could not be reached: ${ending.detail}`))
    case 'unanswered':
      throw new NoEnvelope(unknown(`Telegram gave no answer: ${ending.detail}`))
    case 'too_long':
      throw new NoEnvelope(unknown(`Telegram's answer (HTTP ${ending.status}) is longer than anything expected`))
    case 'answered':
      return envelopeOf(ending)
  }
}

function envelopeOf({ status, headers, body }: Extract<Ending, { kind: 'answered' }>): Envelope {
  const waitS = Number(headers['retry-after'])
  const wait = waitS > 0 ? { parameters: { retry_after: waitS } } : {}
  const parsed = parse(Buffer.from(body).toString('utf8'))
  if (typeof parsed === 'object' && parsed !== null && 'ok' in parsed && typeof parsed.ok === 'boolean') {
    return { error_code: status, description: `HTTP ${status}`, ...wait, ...parsed, ok: parsed.ok }
  }
  // The servers in front of Telegram answer some calls themselves, in HTML. These two never reached the bot's server.
  if (status === 413) return { ...refusal, error_code: 413, description: 'Request Entity Too Large' }
  if (status === 429) return { ...refusal, error_code: 429, description: 'Too Many Requests', ...wait }
  throw new NoEnvelope(unknown(`Telegram answered HTTP ${status} with something that is not the Bot API's JSON`))
}

const refusal = { ok: false }

function refusedOf(error: GrammyError, hide: (text: string) => string): Refused {
  const retryAfterS = error.parameters.retry_after
  return {
    method: error.method,
    code: error.error_code,
    description: hide(String(error.description)),
    ...(retryAfterS === undefined ? {} : { retryAfterS }),
  }
}

function outcomeOfSilence(cause: unknown, hide: (text: string) => string): Outcome<never, TelegramNo> {
  const outcome =
    cause instanceof NoEnvelope
      ? cause.outcome
      : unknown(`the call failed on our side: ${cause instanceof Error ? cause.message : String(cause)}`)
  return outcome.kind === 'done' ? outcome : { ...outcome, detail: hide(outcome.detail) }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** A hundred updates of the longest messages stay well below this. */
const answerBytesMax = 32 * 1024 * 1024
