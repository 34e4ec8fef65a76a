import { createBootCheck } from './check-boot.ts'
import { createOrderCheck } from './check-orders.ts'
import { createUpdateCheck } from './check-updates.ts'
import { type EventDefinition, type EventName, events } from './events.ts'
import { type LogCheck, type Report, readLogLine, type Told } from './log-line.ts'

/**
 * Whether a log tells whole stories: every line a known event with its fields, each update's and each order's chain
 * complete under one cid, the boot in order, nothing that nobody caught, and no person left in silence. Pure.
 *
 * A log is that of one instance at a time, and may begin anywhere: what began before its first line is not judged.
 * Other instances may have received what this one handles, and may handle what it received, so that chain is asked to
 * be complete only while this one was ACTIVE and did not share the work; `alone` says that there was no other at all.
 */
export type LogProblem = {
  /** Counted from 1. */
  readonly line: number
  readonly cid?: string
  readonly problem: string
}

export type LogCheckOptions = {
  /** Nothing is under way any more: what has not ended by the last line is a problem, however young it is. */
  readonly settled?: boolean
  /** No other instance worked on this database, so every chain begins and ends here once the log saw it made. */
  readonly alone?: boolean
  /** The process may have been killed: what was under way then is not judged. Else a missing shutdown is a problem. */
  readonly killed?: boolean
  /** The only warnings and errors that may occur. Absent: all of the table may. */
  readonly trouble?: readonly EventName[]
}

/** What no healthy log holds, wherever it stands in a line. */
export const neverSeen: readonly string[] = [
  'unhandledRejection',
  'uncaughtException',
  'TypeError',
  'ReferenceError',
  'SyntaxError',
  'RangeError',
  'MaxListenersExceededWarning',
  'Cannot use a pool after calling end',
  'Client was closed',
  'ERR_UNHANDLED_REJECTION',
  'ERR_STREAM_WRITE_AFTER_END',
  'FATAL ERROR',
]

/** What `npm start` and `start` print between the lines of the log. */
const printed = [
  /^\s*$/,
  /^> /,
  /^ {2}(Web chat|Health|Console) {2,}https?:\/\/\S+$/,
  /^ {2}Database {2,}\S.*$/,
  /^Open the web chat, choose a name, and press START\. Ctrl-C stops everything\.$/,
  /^KIE_API_KEY is real: pictures cost real credits\.$/,
  /^(Copying PostgreSQL|Building the web pages|Preparing the database) .*…$/,
] as const

/** From here on another instance may be the one that works. */
const leaves: readonly EventName[] = ['PREFLIGHT_STARTED', 'PASSIVE_ENTER', 'LOCK_LOST', 'SHUTDOWN_STARTED']

export function checkLog(lines: Iterable<string>, options: LogCheckOptions = {}): readonly LogProblem[] {
  const problems: LogProblem[] = []
  const report: Report = (line, problem, cid) => {
    problems.push({ line, problem, ...(cid === undefined ? {} : { cid }) })
  }
  const settled = options.settled ?? false
  const chains = [createUpdateCheck(report, settled), createOrderCheck(report, settled)]
  const role = options.alone === true ? undefined : createRole(chains)
  for (const chain of chains) chain.shares(role !== undefined)
  const boot = createBootCheck(report, {
    settled,
    killed: options.killed ?? false,
    cut: () => {
      for (const chain of chains) chain.cut()
    },
  })
  let line = 0
  let lastAt = 0
  for (const text of lines) {
    line += 1
    const told = judgeLine(text, line, options, report)
    if (told === undefined) continue
    lastAt = Math.max(lastAt, told.at)
    // Before this line the database was empty, so nothing began before it.
    if (role === undefined && told.event === 'MIGRATED' && told.fields['from'] === '0') {
      for (const chain of chains) chain.isWhole()
    }
    role?.(told)
    for (const check of [boot, ...chains]) check.hear(told)
  }
  for (const check of [boot, ...chains]) check.end(lastAt)
  return problems.sort((a, b) => a.line - b.line)
}

/** Tells the chains when others may have a part in them: whenever this instance is not known to be ACTIVE on its own. */
function createRole(chains: readonly LogCheck[]): (told: Told) => void {
  let work: string | undefined
  const share = (withOthers: boolean) => {
    for (const chain of chains) chain.shares(withOthers)
  }
  return ({ event, fields }) => {
    if (event === 'PREFLIGHT_STARTED') work = fields['work']
    if (event === 'ACTIVE_ENTER') share(work === 'shared')
    if (leaves.includes(event)) share(true)
  }
}

/** What is wrong with a line by itself; gives it when it is an event. */
function judgeLine(text: string, line: number, { trouble }: LogCheckOptions, report: Report): Told | undefined {
  const never = neverSeen.find((each) => text.includes(each))
  if (never !== undefined) report(line, `${never} must never be seen: ${text.slice(0, 300)}`)
  const read = readLogLine(text)
  switch (read.kind) {
    case 'other':
      if (!printed.some((each) => each.test(text))) report(line, `is no line of the log: ${text.slice(0, 200)}`)
      return undefined
    case 'unknown_event':
      report(line, `${read.name} is no event of the table`)
      return undefined
    case 'event': {
      const { event, fields, at, wrong } = read
      const { cid } = fields
      for (const each of wrong) report(line, `${event} ${each}`, cid)
      const { level }: EventDefinition = events[event]
      if (trouble !== undefined && (level === 'warn' || level === 'error') && !trouble.includes(event)) {
        report(line, `${event} was not expected: ${text.slice(0, 600)}`, cid)
      }
      return { line, at, event, fields }
    }
  }
}
