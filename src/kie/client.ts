import type { KieGateway, KieNo } from '../generation/kie-gateway.ts'
import type { Clock } from '../kit/clock.ts'
import { type Connections, type Ending, exchange, keptConnections } from '../kit/exchange.ts'
import { createHider } from '../kit/hide.ts'
import { kieTaskId, newSecret } from '../kit/ids.ts'
import { done, type Outcome, unknown } from '../kit/outcome.ts'
import { type Answer, answerOf, fieldsOf, noOf } from './envelope.ts'
import { decimalOf, readRecord } from './record.ts'

/**
 * KIE as generation sees it. Nothing is repeated here. A submit goes out on a connection of its own, so that it cannot
 * end as `unknown` only because KIE was just closing an idle one.
 */
export type KieDeps = {
  /** `https://api.kie.ai`, or the sandbox's. */
  readonly apiUrl: string
  /** The host that takes files; it is another one than the API's. */
  readonly uploadUrl: string
  readonly key: string
  readonly clock: Clock
  readonly limits?: KieLimits
}

export type KieLimits = { readonly submitMs: number; readonly readMs: number; readonly uploadMs: number }

export function createKieClient({
  apiUrl,
  uploadUrl,
  key,
  clock,
  limits = { submitMs: 30_000, readMs: 15_000, uploadMs: 60_000 },
}: KieDeps): KieGateway {
  const hide = createHider(key)
  const kept = keptConnections()
  const headers = { authorization: `Bearer ${key}`, accept: 'application/json', 'user-agent': userAgent }

  async function call<T>(
    what: string,
    request: Request,
    read: (answer: Answer) => Outcome<T, KieNo> | undefined,
  ): Promise<Outcome<T, KieNo>> {
    const ending = await exchange(clock, {
      ...request,
      headers: { ...headers, ...request.headers },
      maxBytes: answerBytesMax,
    })
    const answer = answerOf(ending)
    const outcome =
      answer.kind === 'done' ? (read(answer.value) ?? noOf(what, answer.value, retryAfterMs(ending))) : answer
    return outcome.kind === 'done' ? outcome : { ...outcome, detail: hide(outcome.detail) }
  }

  return {
    async upload({ bytes, mime, name }) {
      const form = new FormData()
      // A name that was used before would overwrite its file, and caches would go on giving out the old one.
      const unique = `${newSecret().slice(0, 20)}${extensionOf(name)}`
      form.set('uploadPath', uploadFolder)
      form.set('fileName', unique)
      form.set('file', new Blob([Uint8Array.from(bytes)], { type: mime }), unique)
      const encoded = new Response(form)
      const body = new Uint8Array(await encoded.arrayBuffer())
      const contentType = encoded.headers.get('content-type') ?? 'multipart/form-data'
      const url = at(uploadUrl, '/api/file-stream-upload')
      return call(
        'upload',
        { url, method: 'POST', headers: { 'content-type': contentType }, body, limitMs: limits.uploadMs },
        ({ code, data }) => {
          if (code !== 200) return undefined
          const file = fieldsOf(data)
          const address = file?.['downloadUrl'] ?? file?.['fileUrl']
          if (typeof address === 'string' && URL.canParse(address)) return done({ url: address })
          return unknown('upload: KIE said 200, and gave no address of the file')
        },
      )
    },

    async reachUploads(signal) {
      const url = at(uploadUrl, '/')
      // Any answer will do, so it needs no key.
      const ending = await exchange(clock, {
        url,
        method: 'GET',
        limitMs: limits.readMs,
        maxBytes: answerBytesMax,
        signal,
      })
      if (ending.kind === 'answered' || ending.kind === 'too_long') return done(true)
      const answer = answerOf(ending)
      return answer.kind === 'done' ? done(true) : { ...answer, detail: hide(answer.detail) }
    },

    async submit({ model, input, callbackUrl }) {
      const body = JSON.stringify({ model, input, ...(callbackUrl === undefined ? {} : { callBackUrl: callbackUrl }) })
      const url = at(apiUrl, '/api/v1/jobs/createTask')
      return call(
        `submit ${model}`,
        { url, method: 'POST', headers: { 'content-type': 'application/json' }, body, limitMs: limits.submitMs },
        ({ code, data }) => {
          if (code !== 200) return undefined
          const task = fieldsOf(data)?.['taskId']
          if (typeof task === 'string' && task !== '') return done({ task: kieTaskId(task) })
          // It may have started: without its id only the callback can tell.
          return unknown(`submit ${model}: KIE said 200, and named no task`)
        },
      )
    },

    async look(task) {
      const url = at(apiUrl, `/api/v1/jobs/recordInfo?taskId=${encodeURIComponent(task)}`)
      return call('recordInfo', { url, method: 'GET', limitMs: limits.readMs, connections: kept }, (answer) => {
        if (isNoRecord(answer)) return done({ state: 'not_found' })
        return answer.code === 200 ? done(readRecord(answer.data, task)) : undefined
      })
    },

    async freshLink(address) {
      const body = JSON.stringify({ url: address })
      const url = at(apiUrl, '/api/v1/common/download-url')
      return call(
        'download-url',
        { url, method: 'POST', headers: { 'content-type': 'application/json' }, body, limitMs: limits.readMs },
        ({ code, data }) => {
          if (code !== 200) return undefined
          if (typeof data === 'string' && URL.canParse(data)) return done({ url: data })
          return unknown('download-url: KIE said 200, and gave no address')
        },
      )
    },

    async credits(signal) {
      const url = at(apiUrl, '/api/v1/chat/credit')
      const stop = signal === undefined ? {} : { signal }
      const request: Request = { url, method: 'GET', limitMs: limits.readMs, connections: kept, ...stop }
      return call('credit', request, ({ code, data }) => {
        if (code !== 200) return undefined
        const credits = Number(data) < 0 ? '0' : decimalOf(data)
        return credits === undefined ? unknown('credit: KIE said 200, and gave no number') : done(credits)
      })
    },
  }
}

type Request = {
  readonly url: URL
  readonly method: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  readonly limitMs: number
  readonly connections?: Connections
  readonly signal?: AbortSignal
}

/** No record (any more, or not yet): another thing than a call that failed. */
function isNoRecord({ code, text, data }: Answer): boolean {
  if (code === 404) return true
  const empty = data === null || data === undefined
  return empty && (code === 200 || (code === 422 && /is null|not found|within 14 days/i.test(text)))
}

const at = (base: string, path: string): URL => new URL(base.replace(/\/+$/, '') + path)

function extensionOf(name: string): string {
  return /\.[A-Za-z0-9]{1,8}$/.exec(name)?.[0].toLowerCase() ?? ''
}

function retryAfterMs(ending: Ending): number | undefined {
  const seconds = ending.kind === 'answered' ? Number(ending.headers['retry-after']) : Number.NaN
  return seconds > 0 ? seconds * 1000 : undefined
}

/** The upload host refuses odd ones with a page of its own [kie-api 1]. */
const userAgent = 'Mozilla/5.0 (compatible; TRT)'
const uploadFolder = 'trt/inputs'
const answerBytesMax = 8 * 1024 * 1024
