import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/**
 * A process of the bench. Its output goes to a file, as an operator would keep it, so nobody slows it by reading.
 * BENCH_NODE_OPTIONS reaches it as NODE_OPTIONS, say `--cpu-prof`, for whoever wants to know where the time goes.
 */
export type Child = {
  readonly pid: number
  /** Resolves when the output has a line that matches; fails when the process ends without one. */
  said(pattern: RegExp): Promise<RegExpExecArray>
  /** Everything it has said so far. */
  output(): string
  /** SIGTERM, and then its end. */
  stop(): Promise<void>
  /** SIGKILL, without waiting. */
  kill(): void
}

const root = fileURLToPath(new URL('../..', import.meta.url))
const patienceMs = 60_000
/** How closely a line is noticed; the figures of `bench/start` are exact to this. */
const lookEveryMs = 4

export function startChild(
  words: readonly string[],
  { folder, name, env = {} }: { readonly folder: string; readonly name: string; readonly env?: Record<string, string> },
): Child {
  const file = path.join(folder, `${name}.log`)
  const output = openSync(file, 'w')
  const { PATH = '', HOME = '', TMPDIR, BENCH_NODE_OPTIONS } = process.env
  const child = spawn(process.execPath, words, {
    cwd: root,
    // Nothing of the caller's settings: a bench measures what the project says, not what an .env says.
    env: { PATH, HOME, ...given({ TMPDIR, NODE_OPTIONS: BENCH_NODE_OPTIONS }), ...env },
    stdio: ['ignore', output, output],
  })
  const ended = once(child, 'exit')
  const { pid = 0 } = child
  return {
    pid,
    async said(pattern) {
      const deadline = performance.now() + patienceMs
      for (;;) {
        const text = readFileSync(file, 'utf8')
        const found = pattern.exec(text)
        if (found !== null) return found
        if (child.exitCode !== null || performance.now() > deadline) {
          throw new Error(`${name} never said ${pattern}. Its output:\n${text.slice(-4_000)}`)
        }
        await pause(lookEveryMs)
      }
    },
    output: () => readFileSync(file, 'utf8'),
    kill: () => void child.kill('SIGKILL'),
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
      await ended
    },
  }
}

const given = (settings: Record<string, string | undefined>): Record<string, string> =>
  Object.fromEntries(Object.entries(settings).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))

/** The time that a process has spent on processors, in milliseconds; undefined where the system does not tell. */
export function cpuMs(pid: number): number | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    // User and system time, in hundredths of a second.
    return (Number(fields[11]) + Number(fields[12])) * 10
  } catch {
    return undefined
  }
}

/** The resident memory of a process in MB. */
export const residentMb = (pid: number): number =>
  Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) / 1024
