import type { Clock } from '../kit/clock.ts'
import type { Cid } from '../kit/ids.ts'
import {
  type EventDefinition,
  type EventName,
  events,
  type Fields,
  type FieldsOf,
  type FieldValue,
  type Level,
} from './events.ts'
import type { Redact } from './redact.ts'

/**
 * Tells facts, one line each. Telling never throws: what it observes must not break because of it. `listen` is how
 * metrics and tests hear the same facts.
 */
export interface Telemetry {
  emit<E extends EventName>(event: E, ...fields: keyof FieldsOf<E> extends never ? [] : [FieldsOf<E>]): void
  /** A fault that was caught: its type, message and place, with the story it belongs to. */
  caught(error: unknown, where: string, cid?: Cid): void
  listen(hear: (event: EventName, fields: Fields) => void): void
}

export type LogFormat = 'text' | 'json'

const levelOrder: Readonly<Record<Level, number>> = { debug: 10, info: 20, warn: 30, error: 40 }
const levelName: Readonly<Record<Level, string>> = { debug: 'DEBUG', info: 'INFO', warn: 'WARNING', error: 'ERROR' }

export function createTelemetry({
  clock,
  redact,
  write,
  format,
  level,
}: {
  readonly clock: Clock
  readonly redact: Redact
  readonly write: (line: string) => void
  readonly format: LogFormat
  readonly level: Level
}): Telemetry {
  const listeners: ((event: EventName, fields: Fields) => void)[] = []

  const line = format === 'json' ? createJsonLine(redact) : createTextLine(redact)

  function emit(event: EventName, fields: Fields): void {
    for (const hear of listeners) attempt(() => hear(event, fields))
    attempt(() => {
      const definition: EventDefinition = events[event]
      if (levelOrder[definition.level] < levelOrder[level]) return
      write(`${line(clock.now(), event, definition, fields)}\n`)
    })
  }

  return {
    emit: (event, ...[fields]) => emit(event, (fields ?? {}) as Fields),
    caught: (error, where, cid) => emit('EXCEPTION_CAUGHT', describeError(error, where, cid)),
    listen: (hear) => {
      listeners.push(hear)
    },
  }
}

/** The sink may be gone, a listener may break; the work that is told of goes on. */
function attempt(telling: () => void): void {
  try {
    telling()
  } catch {
    // There is nobody left to tell.
  }
}

function describeError(error: unknown, where: string, cid: Cid | undefined): Fields {
  const known = error instanceof Error
  return {
    ...(cid === undefined ? {} : { cid }),
    error_type: known ? error.name : typeof error,
    error_message: messageWithCauses(error),
    where,
    stack: known ? firstFrames(error) : undefined,
  }
}

/** Nobody needs more of them, and they may lead in a circle. */
const causesMax = 8

/** The message of an error and of everything that caused it, innermost last. */
export function messageWithCauses(error: unknown): string {
  const messages: string[] = []
  for (let each = error; messages.length < causesMax; each = each.cause) {
    messages.push(messageOf(each))
    if (!(each instanceof Error) || each.cause === undefined) break
  }
  return messages.join(': ')
}

function messageOf(error: unknown): string {
  if (error instanceof Error) return String(error.message || ('code' in error ? error.code : error.name))
  try {
    return String(error)
  } catch {
    return Object.prototype.toString.call(error)
  }
}

const firstFrames = (error: Error): string | undefined =>
  (typeof error.stack === 'string' ? error.stack : undefined)
    ?.split('\n')
    .filter((line) => line.trimStart().startsWith('at '))
    .slice(0, 4)
    .map((line) => line.trim())
    .join(' < ')

/** Redacts a value before it is quoted, while a secret still looks like itself, and the line, which puts values together. */
type Line = (at: number, event: string, definition: EventDefinition, fields: Fields) => string

/** `2026-01-12 14:40:01,123 [INFO] webhook: [WEBHOOK] WEBHOOK_SET url=… | sentence` */
function createTextLine(redact: Redact): Line {
  const timeOf = createTimeText(' ', ',')
  return (at, event, definition, fields) => {
    const group = definition.groupOf?.(fields) ?? definition.group
    let told = ''
    for (const name of Object.keys(fields)) {
      const value = fields[name]
      if (value !== undefined) told += ` ${name}=${quoted(value, redact)}`
    }
    if (definition.also !== undefined) told += ` | ${visible(redact(definition.also(fields)))}`
    return `${timeOf(at)} [${levelName[definition.level]}] ${group.toLowerCase()}: [${group}] ${event}${redact(told)}`
  }
}

// A value with a space, quote, `=` or control character is JSON-quoted, so that a prompt cannot forge a line.
const plain = /^[^\s"=|\p{C}]+$/u
function quoted(value: FieldValue, redact: Redact): string {
  const text = String(value)
  return typeof value !== 'string' || plain.test(text) ? text : visible(JSON.stringify(redact(text)))
}

/** JSON leaves some of what ends a line, moves the cursor or turns the writing round as it is; escaped, it is harmless. */
const invisible = /[\p{C}\u2028\u2029]/gu
const visible = (json: string): string => json.replace(invisible, escaped)
function escaped(symbol: string): string {
  let text = ''
  for (let at = 0; at < symbol.length; at++) text += `\\u${symbol.charCodeAt(at).toString(16).padStart(4, '0')}`
  return text
}

function createJsonLine(redact: Redact): Line {
  const timeOf = createTimeText('T', '.')
  return (at, event, definition, fields) => {
    const group = definition.groupOf?.(fields) ?? definition.group
    const facts: Record<string, FieldValue> = {
      time: `${timeOf(at)}Z`,
      level: levelName[definition.level],
      group,
      event,
    }
    for (const name of Object.keys(fields)) {
      const value = fields[name]
      facts[name] = typeof value === 'string' ? redact(value) : value
    }
    if (definition.also !== undefined) facts['message'] = redact(definition.also(fields))
    return redact(visible(JSON.stringify(facts)))
  }
}

/** The time in UTC; the lines of one second share what is costly to make. */
function createTimeText(between: string, point: string): (at: number) => string {
  let second = Number.NaN
  let text = ''
  return (at) => {
    const current = Math.floor(at / 1_000)
    if (current !== second) {
      text = new Date(at).toISOString().slice(0, 19).replace('T', between)
      second = current
    }
    return `${text}${point}${String(Math.floor(at) % 1_000).padStart(3, '0')}`
  }
}
