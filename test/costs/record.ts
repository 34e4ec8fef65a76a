import type { ChildProcess } from 'node:child_process'
import { subscribe } from 'node:diagnostics_channel'
import { appendFileSync } from 'node:fs'
import path from 'node:path'
import { processorTimeOf } from './processor-time.ts'

/**
 * Loaded into every process of a test run (`--import`). A process writes down what each of its test files has cost;
 * `report.ts` prints the table.
 */
export type Cost = {
  readonly file: string
  /** When it began, in milliseconds since 1970. */
  readonly beganAt: number
  readonly wallMs: number
  readonly cpuMs: number
  /** Of the processes that it started and waited for, and of theirs; 0 where there is no /proc. */
  readonly childrenCpuMs: number
  /** How often each program was started. */
  readonly starts: Readonly<Record<string, number>>
}

const { TRT_TEST_COSTS: costs, NODE_TEST_CONTEXT: isTestProcess } = process.env
const nothingYet = { wallMs: 0, cpuMs: 0, childrenCpuMs: 0 }
let file = process.argv[1] ?? ''
let before = nothingYet
let starts: Record<string, number> = {}

/** What the process costs from now on is the cost of this file; it pays for having been started, too. */
export function beginFile(next: string): void {
  if (before !== nothingYet) writeCost()
  before = before === nothingYet ? { ...nothingYet } : spent()
  file = next
}

if (costs !== undefined && isTestProcess !== undefined) {
  const count = (child: ChildProcess) => {
    const program = programOf(child.spawnargs)
    starts[program] = (starts[program] ?? 0) + 1
  }
  subscribe('child_process', (message) => {
    const { process: child }: { process: ChildProcess } = Object(message)
    // It is announced before it knows what it is to run.
    queueMicrotask(() => count(child))
  })
  process.once('exit', writeCost)
}

function writeCost(): void {
  if (costs === undefined) return
  const now = spent()
  const cost: Cost = {
    file: path.relative(process.cwd(), file),
    beganAt: Math.round(performance.timeOrigin + before.wallMs),
    wallMs: now.wallMs - before.wallMs,
    cpuMs: now.cpuMs - before.cpuMs,
    childrenCpuMs: now.childrenCpuMs - before.childrenCpuMs,
    starts,
  }
  starts = {}
  appendFileSync(costs, `${JSON.stringify(cost)}\n`)
}

function spent() {
  const { user, system } = process.cpuUsage()
  return {
    wallMs: Math.round(performance.now()),
    cpuMs: Math.round((user + system) / 1_000),
    childrenCpuMs: processorTimeOf('self')?.childrenMs ?? 0,
  }
}

/** Of `node program.ts` the program counts. */
function programOf([command = '', first = '']: readonly string[]): string {
  const isScript = command === process.execPath && !first.startsWith('-')
  return path.basename(isScript ? first : command)
}
