import { KeeperFault } from './fault.ts'

/**
 * What a user and the keeper say to each other over the keeper's socket: one JSON object a line. The keeper greets,
 * the user names what it needs, the keeper tells how it goes and answers each need once. The user then keeps the
 * connection: as long as it is open, what it needs is kept running.
 */
export type Need =
  | { readonly need: 'database' }
  | { readonly need: 'pages' }
  | { readonly need: 'sandbox'; readonly port: number; readonly args: readonly string[] }

export type Ready =
  /** `place`: the folder that holds the data. */
  | { readonly ready: 'database'; readonly databaseUrl: string; readonly place: string }
  | { readonly ready: 'pages'; readonly folder: string }
  | { readonly ready: 'sandbox'; readonly url: string }

export type Answer =
  | { readonly hello: number; readonly pid: number }
  | { readonly progress: string }
  | { readonly failed: Need['need']; readonly what: string; readonly todo: string }
  | Ready

/** Raised when an old keeper could misunderstand a new user, or the other way round. */
export const protocolVersion = 1

export const line = (message: Need | Answer): string => `${JSON.stringify(message)}\n`

/** Splits a stream of text into lines; a line without an end within 1 MiB is not ours. */
export function createLineReader(take: (line: string) => void): (chunk: string) => void {
  let rest = ''
  return (chunk) => {
    rest += chunk
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      const whole = rest.slice(0, end)
      rest = rest.slice(end + 1)
      take(whole)
    }
    if (rest.length > 1_048_576) throw new Error('a line of the keeper protocol is too long')
  }
}

/** Throws on anything that is not a need. */
export function parseNeed(text: string): Need {
  const fields = fieldsOf(text)
  switch (fields.get('need')) {
    case 'database':
      return { need: 'database' }
    case 'pages':
      return { need: 'pages' }
    case 'sandbox': {
      const args = fields.get('args')
      return { need: 'sandbox', port: number(fields, 'port'), args: Array.isArray(args) ? args.map(String) : [] }
    }
    default:
      throw new Error(`not a need: ${text.slice(0, 200)}`)
  }
}

/** Throws on anything that is not an answer. */
export function parseAnswer(text: string): Answer {
  const fields = fieldsOf(text)
  if (fields.has('hello')) return { hello: number(fields, 'hello'), pid: number(fields, 'pid') }
  if (fields.has('progress')) return { progress: string(fields, 'progress') }
  if (fields.has('failed')) {
    return { failed: needName(fields.get('failed')), what: string(fields, 'what'), todo: string(fields, 'todo') }
  }
  const ready = needName(fields.get('ready'))
  switch (ready) {
    case 'database':
      return { ready, databaseUrl: string(fields, 'databaseUrl'), place: string(fields, 'place') }
    case 'pages':
      return { ready, folder: string(fields, 'folder') }
    case 'sandbox':
      return { ready, url: string(fields, 'url') }
  }
}

/** Where a keeper listens, as it stands in keeper.json. */
export interface Address {
  readonly pid: number
  readonly socket: string
}

/** Undefined for a text that was not written whole by a keeper. */
export function parseAddress(text: string): Address | undefined {
  try {
    const fields = fieldsOf(text)
    return { pid: number(fields, 'pid'), socket: string(fields, 'socket') }
  } catch {
    return undefined
  }
}

export const failureOf = (need: Need['need'], { what, todo }: KeeperFault): Answer => ({ failed: need, what, todo })
export const faultOf = ({ what, todo }: { what: string; todo: string }): KeeperFault => new KeeperFault(what, todo)

function fieldsOf(text: string): ReadonlyMap<string, unknown> {
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null) throw new Error(`not a message: ${text.slice(0, 200)}`)
  return new Map(Object.entries(value))
}

function string(fields: ReadonlyMap<string, unknown>, name: string): string {
  const value = fields.get(name)
  if (typeof value !== 'string') throw new Error(`${name} is not a text`)
  return value
}

function number(fields: ReadonlyMap<string, unknown>, name: string): number {
  const value = fields.get(name)
  if (typeof value !== 'number') throw new Error(`${name} is not a number`)
  return value
}

function needName(value: unknown): Need['need'] {
  if (value === 'database' || value === 'pages' || value === 'sandbox') return value
  throw new Error(`not the name of a need: ${String(value)}`)
}
