import type { EventName } from './events.ts'
import type { LogCheck, Report, Told } from './log-line.ts'

/**
 * Every run of the process: the boot complete and in order, the leader's steps after it in order, and on the way out
 * a shutdown that ends and after which nothing is told.
 */
const bootWay: readonly EventName[] = [
  'PREFLIGHT_STARTED',
  'HTTP_LISTENING',
  'CATALOG_READY',
  'MENU_READY',
  'PREFLIGHT_OK',
  'READY',
]

/** What must have been told in this run before this may be. */
const needed: Partial<Record<EventName, readonly EventName[]>> = {
  LOCK_ATTEMPT: ['PREFLIGHT_OK'],
  LOCK_ACQUIRED: ['LOCK_ATTEMPT'],
  LOCK_WAITING: ['LOCK_ATTEMPT'],
  ACTIVE_ENTER: ['LOCK_ACQUIRED'],
  WEBHOOK_SET: ['WEBHOOK_SETTING'],
  WEBHOOK_VERIFIED: ['WEBHOOK_SET'],
  DUTIES_STARTED: ['ACTIVE_ENTER', 'WEBHOOK_VERIFIED'],
  POLLING_STARTED: ['ACTIVE_ENTER'],
  BOOT_WARMUP_DONE: ['READY'],
  BOOT_WARMUP_CANCELLED: ['READY'],
  LOCK_RELEASED: ['LOCK_ACQUIRED'],
  SHUTDOWN_DONE: ['SHUTDOWN_STARTED'],
}
/** One state is kept, so the lines of two processes in one log are taken for those of one. */
const unlessMerged = '; if several instances write this log, check the lines of each by themselves'
const lockEnds: readonly EventName[] = ['LOCK_RELEASED', 'LOCK_RELEASE_SKIPPED', 'LOCK_RELEASE_FAILED', 'LOCK_LOST']

type Run = {
  readonly line: number
  readonly seen: Set<EventName>
  /** How far the boot has come. */
  step: number
}

export function createBootCheck(
  report: Report,
  { settled, killed, cut }: { settled: boolean; killed: boolean; cut: () => void },
): Pick<LogCheck, 'hear' | 'end'> {
  let run: Run | undefined
  /** After a SHUTDOWN_DONE nothing may be told until the next start. */
  let isOver = false

  function hear(told: Told): void {
    const { event, line } = told
    // Settings are found wrong before the start is told.
    if (isOver && event !== 'PREFLIGHT_STARTED' && event !== 'PREFLIGHT_FINDING') {
      report(line, `${event} was told after SHUTDOWN_DONE${unlessMerged}`, told.fields['cid'])
    }
    if (event === 'PREFLIGHT_STARTED') begin(told)
    else if (run !== undefined) goOn(run, event, line)
  }

  function goOn(current: Run, event: EventName, line: number): void {
    const position = bootWay.indexOf(event)
    if (position > 0) boot(current, position, line)
    for (const before of needed[event] ?? []) {
      if (!current.seen.has(before)) report(line, `${event} without ${before} before it`)
    }
    current.seen.add(event)
    if (event === 'SHUTDOWN_DONE') over(current, line)
  }

  function begin({ line }: Told): void {
    if (run !== undefined) {
      if (!killed && run.step < bootWay.length - 1) report(line, `the start of line ${run.line} never became READY`)
      else if (!killed)
        report(line, `the run that began in line ${run.line} ended without SHUTDOWN_DONE${unlessMerged}`)
      cut()
    }
    run = { line, seen: new Set(['PREFLIGHT_STARTED']), step: 0 }
    isOver = false
  }

  function boot(current: Run, position: number, line: number): void {
    if (position !== current.step + 1) {
      report(line, `${bootWay[position]} follows ${bootWay[current.step]}: the boot is not in order`)
    }
    current.step = position
  }

  function over(ended: Run, line: number): void {
    if (ended.seen.has('LOCK_ACQUIRED') && !lockEnds.some((each) => ended.seen.has(each))) {
      report(line, 'SHUTDOWN_DONE, and nothing was told of the leadership that was held')
    }
    run = undefined
    isOver = true
  }

  return {
    hear,
    end() {
      if (run === undefined) return
      if (settled && !killed && run.step < bootWay.length - 1) report(run.line, 'this start never became READY')
      if (run.seen.has('SHUTDOWN_STARTED') && settled) report(run.line, 'the shutdown of this run did not end')
    },
  }
}
