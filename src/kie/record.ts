import type { TaskSeen } from '../generation/kie-gateway.ts'
import type { KieTaskId } from '../kit/ids.ts'
import type { ReleaseReason } from '../orders/order.ts'
import { fieldsOf, parseJson, speaksOfPolicy } from './envelope.ts'

/**
 * Reads the record of a task (`data` of recordInfo [kie-api 4]). Money moves on what stands here, so only what is
 * documented is read as success or failure. A state nobody described, a record of another task, or a success whose
 * result has an unknown shape is `unrecognized`: reported, shelved, and never taken for anything else. So is a success
 * with a list in which anything is no address, whatever else is in it: a part of what was made is not all of it.
 */
export function readRecord(data: unknown, task: KieTaskId): TaskSeen {
  const record = fieldsOf(data)
  if (record === undefined) return unrecognized(data)
  const taskId = record['taskId']
  if (typeof taskId === 'string' && taskId !== task) return unrecognized(data)
  const callback = callbackOf(record['param'])
  switch (stateOf(record)) {
    case 'waiting':
      return { state: 'running', stage: 'waiting', ...callback }
    case 'queuing':
      return { state: 'running', stage: 'queuing', ...callback }
    case 'generating':
      return { state: 'running', stage: 'generating', ...callback }
    case 'success':
      return successOf(record, callback)
    case 'fail':
      return failureOf(record, callback)
    default:
      return unrecognized(data)
  }
}

type Fields = Readonly<Record<string, unknown>>
type Callback = { readonly callbackUrl?: string }

/** `state`, or the number that newer answers carry beside it and might one day carry alone. */
function stateOf(record: Fields): unknown {
  if (record['state'] !== undefined) return record['state']
  switch (record['successFlag']) {
    case 0:
      return 'generating'
    case 1:
      return 'success'
    case 2:
    case 3:
      return 'fail'
    default:
      return undefined
  }
}

function successOf(record: Fields, callback: Callback): TaskSeen {
  const lists = [record['resultJson'], record['response']].flatMap(listsOf)
  if (lists.length === 0 || lists.includes('unreadable')) return unrecognized(record)
  const artifacts = lists.find((list) => list !== 'unreadable' && list.length > 0)
  if (artifacts === undefined || artifacts === 'unreadable') return { state: 'empty', ...callback }
  return { state: 'succeeded', artifacts, ...creditsOf(record), ...callback }
}

function failureOf(record: Fields, callback: Callback): TaskSeen {
  const code = textOf(record['failCode'])
  const message = textOf(record['failMsg'])
  const detail = [code, message]
    .filter((part) => part !== '')
    .join(' ')
    .slice(0, detailUnitsMax)
  return { state: 'failed', reason: reasonOf(code, message), detail, ...creditsOf(record), ...callback }
}

function reasonOf(code: string, message: string): ReleaseReason {
  if (code === '451') return 'input_lost'
  return speaksOfPolicy(message) ? 'moderated' : 'generation_failed'
}

type Urls = readonly string[] | 'unreadable'

/** The lists of result addresses, under either name: JSON in a string on the wire, an object on some pages. */
function listsOf(value: unknown): readonly Urls[] {
  const result = fieldsOf(typeof value === 'string' ? parseJson(value) : value)
  return [result?.['resultUrls'], result?.['result_urls']]
    .filter((list) => list !== undefined && list !== null)
    .map(urlsIn)
}

function urlsIn(list: unknown): Urls {
  // Older answers hold the list as JSON in a string once more.
  const urls: unknown = typeof list === 'string' ? parseJson(list) : list
  return Array.isArray(urls) && urls.every(isAddress) ? urls : 'unreadable'
}

const isAddress = (url: unknown): url is string =>
  typeof url === 'string' && /^https?:\/\//i.test(url) && URL.canParse(url)

/** Our own `callBackUrl`, kept by KIE in `param`: JSON in a string, now and then JSON in a string in a string. */
function callbackOf(param: unknown): Callback {
  let value = param
  for (let depth = 0; depth < 3 && typeof value === 'string'; depth++) value = parseJson(value)
  const url = fieldsOf(value)?.['callBackUrl']
  return typeof url === 'string' && url !== '' ? { callbackUrl: url } : {}
}

/** The credits taken, as a decimal string; older answers call them `consumeCredits`. */
function creditsOf(record: Fields): { readonly credits?: string } {
  const credits = decimalOf(record['creditsConsumed'] ?? record['consumeCredits'])
  return credits === undefined ? {} : { credits }
}

/** A decimal string of a number, or of a string that holds one; millionths at most, never an exponent. */
export function decimalOf(value: unknown): string | undefined {
  const number = typeof value === 'string' && /^\d+(\.\d+)?$/.test(value) ? Number(value) : value
  if (typeof number !== 'number' || !Number.isFinite(number) || number < 0 || number >= 1e15) return undefined
  return String(Number(number.toFixed(6)))
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : ''
}

function unrecognized(data: unknown): TaskSeen {
  return { state: 'unrecognized', raw: (JSON.stringify(data) ?? 'nothing').slice(0, rawUnitsMax) }
}

/** Enough to see what it is; prompts inside may be long. */
const rawUnitsMax = 2000
const detailUnitsMax = 500
