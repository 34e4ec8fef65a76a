import { type EventDefinition, type EventName, events, type Fields } from './events.ts'

/** Reads one line of the log back, in either format. The counterpart of `telemetry.ts`, which writes them. */
export type LogLine =
  | {
      readonly kind: 'event'
      readonly event: EventName
      readonly at: number
      /** Values as text; numbers and booleans are not told apart. */
      readonly fields: Readonly<Record<string, string>>
      /** What is not as the table says; empty for a right line. */
      readonly wrong: readonly string[]
    }
  | { readonly kind: 'unknown_event'; readonly name: string }
  /** No line of the log: something a command printed. */
  | { readonly kind: 'other' }

/** One line that is an event, as the checks of `check-log.ts` hear it. */
export type Told = {
  readonly line: number
  readonly at: number
  readonly event: EventName
  readonly fields: Readonly<Record<string, string>>
}
export type Report = (line: number, problem: string, cid?: string) => void
/** One aspect of a log, told line by line. */
export type LogCheck = {
  hear(told: Told): void
  /** Something is missing from the log here: what is under way has a beginning or an end that nobody sees. */
  cut(): void
  /** From here on everything is in the log. */
  isWhole(): void
  /** Whether other instances may go on, from here, with what begins here, and with what is under way. */
  shares(withOthers: boolean): void
  end(lastAt: number): void
}

const textShape = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d),(\d{3}) \[([A-Z]+)\] ([a-z_]+): \[([A-Z_]+)\] ([A-Z_]+)(.*)$/s
const fieldShape = / ([a-z_]+)=("(?:[^"\\]|\\.)*"|[^\s"=|]+)/sy

export function readLogLine(line: string): LogLine {
  return line.startsWith('{') ? readJson(line) : readText(line)
}

function readText(line: string): LogLine {
  const [, day, time, ms, level, logger, group, name = '', rest = ''] = textShape.exec(line) ?? []
  if (day === undefined) return { kind: 'other' }
  if (!isEvent(name)) return { kind: 'unknown_event', name }
  const fields: Record<string, string> = {}
  let end = 0
  fieldShape.lastIndex = 0
  for (let found = fieldShape.exec(rest); found !== null; found = fieldShape.exec(rest)) {
    const [, key = '', value = ''] = found
    fields[key] = value.startsWith('"') ? unquoted(value) : value
    end = fieldShape.lastIndex
  }
  const sentence = rest.slice(end)
  const definition: EventDefinition = events[name]
  const said = definition.also === undefined ? '' : ` | ${definition.also(fields)}`
  const wrong = checkFields(name, fields)
  if (sentence !== said) wrong.push(`ends with ${JSON.stringify(sentence)} instead of ${JSON.stringify(said)}`)
  if (logger !== group?.toLowerCase()) wrong.push(`the logger is ${logger} and the group ${group}`)
  wrong.push(...checkHead(definition, fields, level ?? '', group ?? ''))
  return { kind: 'event', event: name, at: Date.parse(`${day}T${time}.${ms}Z`), fields, wrong }
}

function readJson(line: string): LogLine {
  const all = parseObject(line)
  const { time, level, group, event: name, ...rest } = all ?? {}
  if (typeof name !== 'string' || typeof time !== 'string') return { kind: 'other' }
  if (!isEvent(name)) return { kind: 'unknown_event', name }
  const definition: EventDefinition = events[name]
  // Where the table says a sentence, it stands as `message`; elsewhere that may be a field.
  const { also } = definition
  const entries = Object.entries(rest).filter(([key]) => also === undefined || key !== 'message')
  const fields = Object.fromEntries(entries.map(([key, value]) => [key, String(value)]))
  const wrong = checkFields(name, fields)
  if (also !== undefined && rest['message'] !== also(fields)) wrong.push(`says ${JSON.stringify(rest['message'])}`)
  wrong.push(...checkHead(definition, fields, String(level), String(group)))
  return { kind: 'event', event: name, at: Date.parse(time), fields, wrong }
}

function checkFields(name: EventName, fields: Fields): string[] {
  const { fields: always, more }: EventDefinition = events[name]
  return [
    ...always.filter((each) => fields[each] === undefined).map((each) => `has no ${each}`),
    ...Object.keys(fields)
      .filter((each) => !always.includes(each) && !more.includes(each))
      .map((each) => `has a field ${each} that the table does not know`),
  ]
}

function checkHead(definition: EventDefinition, fields: Fields, level: string, group: string): string[] {
  const groupMeant = definition.groupOf?.(fields) ?? definition.group
  const levelMeant = definition.level === 'warn' ? 'WARNING' : definition.level.toUpperCase()
  return [
    ...(group === groupMeant ? [] : [`stands in the group ${group} instead of ${groupMeant}`]),
    ...(level === levelMeant ? [] : [`has the level ${level} instead of ${levelMeant}`]),
  ]
}

const isEvent = (name: string): name is EventName => Object.hasOwn(events, name)

function unquoted(text: string): string {
  try {
    return String(JSON.parse(text))
  } catch {
    return text
  }
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(text)
    return typeof parsed === 'object' && parsed !== null ? Object.fromEntries(Object.entries(parsed)) : undefined
  } catch {
    return undefined
  }
}
