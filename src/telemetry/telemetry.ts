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
  tell<E extends EventName>(event: E, ...fields: keyof FieldsOf<E> extends never ? [] : [FieldsOf<E>]): void
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

  function tell(event: EventName, fields: Fields): void {
    try {
      const definition: EventDefinition = events[event]
      for (const hear of listeners) hear(event, fields)
      if (levelOrder[definition.level] < levelOrder[level]) return
      const line = format === 'json' ? jsonLine : textLine
      write(`${redact(line(clock.now(), event, definition, fields))}\n`)
    } catch {
      // The sink is gone or a listener broke; the work goes on.
    }
  }

  return {
    tell: (event, ...[fields]) => tell(event, (fields ?? {}) as Fields),
    caught: (error, where, cid) => tell('EXCEPTION_CAUGHT', describeError(error, where, cid)),
    listen: (hear) => {
      listeners.push(hear)
    },
  }
}

function describeError(error: unknown, where: string, cid: Cid | undefined): Fields {
  const known = error instanceof Error
  return {
    ...(cid === undefined ? {} : { cid }),
    error_type: known ? error.name : typeof error,
    error_message: known ? messageWithCauses(error) : String(error),
    where,
    stack: known ? firstFrames(error) : undefined,
  }
}

/** The message of an error and of everything that caused it, innermost last. */
export function messageWithCauses(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const own = error.message || ('code' in error ? String(error.code) : error.name)
  return error.cause === undefined ? own : `${own}: ${messageWithCauses(error.cause)}`
}

const firstFrames = (error: Error): string | undefined =>
  error.stack
    ?.split('\n')
    .filter((line) => line.trimStart().startsWith('at '))
    .slice(0, 4)
    .map((line) => line.trim())
    .join(' < ')

/** `2026-01-12 14:40:01,123 [INFO] webhook: [WEBHOOK] WEBHOOK_SET url=… | sentence` */
function textLine(at: number, event: string, definition: EventDefinition, fields: Fields): string {
  const group = definition.groupOf?.(fields) ?? definition.group
  const time = new Date(at).toISOString().replace('T', ' ').replace('.', ',').slice(0, 23)
  let line = `${time} [${levelName[definition.level]}] ${group.toLowerCase()}: [${group}] ${event}`
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) line += ` ${name}=${quoted(value)}`
  }
  return definition.also === undefined ? line : `${line} | ${definition.also(fields)}`
}

// A value with a space, quote, `=` or control character is JSON-quoted, so that a prompt cannot forge a line.
const plain = /^[^\s"=|\p{C}]+$/u
function quoted(value: FieldValue): string {
  const text = String(value)
  return plain.test(text) ? text : JSON.stringify(text)
}

function jsonLine(at: number, event: string, definition: EventDefinition, fields: Fields): string {
  const group = definition.groupOf?.(fields) ?? definition.group
  const also = definition.also === undefined ? {} : { message: definition.also(fields) }
  return JSON.stringify({
    time: new Date(at).toISOString(),
    level: levelName[definition.level],
    group,
    event,
    ...fields,
    ...also,
  })
}
