import type { ChildProcess } from 'node:child_process'
import { subscribe } from 'node:diagnostics_channel'
import { appendFileSync, readFileSync } from 'node:fs'
import path from 'node:path'

/**
 * Loaded into every process of a test run (`--import`). A process of a test file writes down at its end what it has
 * cost; `report.ts` prints the table.
 */
export type Cost = {
  readonly file: string
  readonly wallMs: number
  readonly cpuMs: number
  /** Of the processes that it started and waited for, and of theirs; 0 where there is no /proc. */
  readonly childrenCpuMs: number
  /** How often each program was started. */
  readonly starts: Readonly<Record<string, number>>
}

const { TRT_TEST_COSTS: costs, NODE_TEST_CONTEXT: isTestFile } = process.env
if (costs !== undefined && isTestFile !== undefined) {
  const starts: Record<string, number> = {}
  const count = (child: ChildProcess) => {
    const program = programOf(child.spawnargs)
    starts[program] = (starts[program] ?? 0) + 1
  }
  subscribe('child_process', (message) => {
    const { process: child }: { process: ChildProcess } = Object(message)
    // It is announced before it knows what it is to run.
    queueMicrotask(() => count(child))
  })
  process.once('exit', () => {
    const { user, system } = process.cpuUsage()
    const cost: Cost = {
      file: path.relative(process.cwd(), process.argv[1] ?? ''),
      wallMs: Math.round(performance.now()),
      cpuMs: Math.round((user + system) / 1_000),
      childrenCpuMs: cpuOfChildren(),
      starts,
    }
    appendFileSync(costs, `${JSON.stringify(cost)}\n`)
  })
}

/** Of `node program.ts` the program counts. */
function programOf([command = '', first = '']: readonly string[]): string {
  const isScript = command === process.execPath && !first.startsWith('-')
  return path.basename(isScript ? first : command)
}

function cpuOfChildren(): number {
  try {
    const [, fields = ''] = /^.*\) (.*)$/s.exec(readFileSync('/proc/self/stat', 'utf8')) ?? []
    const [user, system] = fields.split(' ').slice(13, 15).map(Number)
    const msPerTick = 10
    return ((user ?? 0) + (system ?? 0)) * msPerTick
  } catch {
    return 0
  }
}
