import type { KieNo } from '../generation/kie-gateway.ts'
import type { Ending } from '../kit/exchange.ts'
import { done, later, never, type Outcome, unknown } from '../kit/outcome.ts'

/**
 * KIE's envelope `{code, msg, data}` and what its codes mean. HTTP says 200 even when the call failed, so the body's
 * `code` decides [kie-api 2]. A no is definite only when the envelope itself says so with one of the codes below;
 * everything else after the request was sent (another code, HTTP 5xx, HTML, silence) may have started a paid task.
 */
export type Answer = { readonly code: number; readonly text: string; readonly data: unknown }

/** The envelope, or how the call ended without one. */
export function answerOf(ending: Ending): Outcome<Answer, KieNo> {
  switch (ending.kind) {
    case 'unsent':
      return later('unreachable', `KIE could not be reached: ${ending.detail}`)
    case 'unanswered':
      return unknown(`KIE gave no answer: ${ending.detail}`)
    case 'too_long':
      return unknown(`KIE's answer (HTTP ${ending.status}) is longer than anything expected`)
    case 'answered': {
      const envelope = parseEnvelope(Buffer.from(ending.body).toString('utf8'))
      if (envelope === undefined)
        return unknown(`KIE answered HTTP ${ending.status} with something that is no envelope`)
      // A server error beside another code is two stories; a 505 that says 505 twice is one.
      if (ending.status >= 500 && envelope.code !== ending.status) {
        return unknown(`KIE answered HTTP ${ending.status} with code ${envelope.code} ${envelope.text}`)
      }
      return done(envelope)
    }
  }
}

function parseEnvelope(text: string): Answer | undefined {
  const body = fieldsOf(parseJson(text))
  const code = Number(body?.['code'])
  if (body === undefined || !Number.isInteger(code) || code === 0) return undefined
  // Some answers spell `message`.
  const said = body['msg'] ?? body['message']
  return { code, text: typeof said === 'string' ? said : '', data: body['data'] }
}

/** What a code other than 200 means for a call. `what` names the call for the operator. */
export function noOf(what: string, { code, text }: Answer, retryAfterMs?: number): Outcome<never, KieNo> {
  const detail = `${what}: KIE answered ${code} ${text}`.trim()
  switch (code) {
    case 401:
    case 433:
      return never('key_refused', detail)
    case 402:
      return never('no_credits', detail)
    case 404:
    case 405:
      return never('model_gone', detail)
    case 400:
    case 413:
    case 422:
      return never(noOfInputs(text), detail)
    case 451:
      return never('input_lost', detail)
    case 429:
    case 430:
      // One page lists 429 as "insufficient credits"; waiting does not help against that.
      if (/insufficient|not enough|top up/i.test(text)) return never('no_credits', detail)
      return later('rate_limited', detail, retryAfterMs ?? rateWindowMs)
    case 455:
    case 505:
      return later('maintenance', detail, maintenancePauseMs)
    default:
      return unknown(detail)
  }
}

function noOfInputs(text: string): KieNo {
  if (speaksOfPolicy(text)) return 'moderated'
  return unknownModel.test(text) ? 'model_gone' : 'inputs_refused'
}

const unknownModel =
  /model (name )?(you specified )?(is )?(not supported|not found|not exist|does not exist|invalid|offline|unavailable)|unsupported model|unknown model|invalid model/i

/** Whether a text tells of content rules rather than of a mistake in the inputs. */
export function speaksOfPolicy(text: string): boolean {
  return policy.test(text.replace(onlySoundsLikePolicy, ''))
}

const policy =
  /polic(y|ies)|sensitive|nsfw|moderat(ed|ion)|prohibited|violat\w* (of )?(our|the|their|content|usage|community|terms|guidelines)|inappropriate|unsafe|safety (system|filter|check|reason)|content (filter|check|review|guideline)|flagged|copyright|rejected by flow|harmful|explicit content|敏感|违规|违禁|审核/i
/** "nsfw_checker must be boolean", "the value is case-sensitive". */
const onlySoundsLikePolicy = /\w*(nsfw|safety)_?checker\w*|case[- ]sensitive/gi

export const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  isFields(value) ? value : undefined

const isFields = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** KIE counts requests over ten seconds [kie-api 6]. */
const rateWindowMs = 10_000
const maintenancePauseMs = 60_000
