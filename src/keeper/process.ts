import { type SpawnOptions, spawn } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import type { Clock } from '../kit/clock.ts'

/** Processes as the keeper sees them: its children, and those that a killed keeper left running. */
export interface Running {
  readonly pid: number
  /** Resolves when the process is gone, never rejects. */
  readonly gone: Promise<void>
}

/** The user another process runs as; absent: the same as ours. Only root can choose. */
export interface Identity {
  readonly uid: number
  readonly gid: number
}

/** Children get this and nothing else: no token of the starter's environment ends in a long-lived process. */
export const plainEnvironment = {
  PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin',
  HOME: homedir(),
  TMPDIR: tmpdir(),
  LC_ALL: 'C',
  TZ: 'UTC',
}

/** For `node`, in front of a program of ours. */
export const fastStart = ['--import', new URL('../../bin/fast-start.js', import.meta.url).href] as const

export interface Finished {
  readonly code: number | null
  /** Standard output and error together, the last 64 KiB. */
  readonly output: string
}

/** Runs a program to its end; it is killed after `limitMs`. Rejects only when it cannot be started. */
export function run(
  program: string,
  args: readonly string[],
  options: {
    readonly as?: Identity | undefined
    readonly limitMs: number
    readonly cwd?: string
    readonly signal?: AbortSignal
  },
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      ...spawnAs(options.as),
      cwd: options.cwd ?? '/',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: options.limitMs,
      killSignal: 'SIGKILL',
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    })
    let output = ''
    const take = (text: string) => {
      output = (output + text).slice(-65_536)
    }
    child.stdout?.setEncoding('utf8').on('data', take)
    child.stderr?.setEncoding('utf8').on('data', take)
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, output }))
  })
}

/** Whether the program can be started and ends with 0; for probes, so an error is a no. */
export async function succeeds(program: string, args: readonly string[], as?: Identity): Promise<boolean> {
  try {
    return (await run(program, args, { as, limitMs: 10_000 })).code === 0
  } catch {
    return false
  }
}

export function spawnAs(as: Identity | undefined): SpawnOptions {
  return { env: plainEnvironment, ...(as === undefined ? {} : { uid: as.uid, gid: as.gid }) }
}

/** Whether the pid is a process that runs. One that ended and was not collected by its parent does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    // EPERM: it exists and belongs to another user.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
  return !isZombie(pid)
}

function isZombie(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name stands in brackets and may hold anything; the state is the word after the last bracket.
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z')
  } catch {
    return false
  }
}

/** The folder a process works in; undefined where the system does not tell. */
export function cwdOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return undefined
  }
}

/** The command line of a process, words separated by spaces; empty when there is none or it may not be read. */
export async function commandOf(pid: number): Promise<string> {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
  } catch {
    // No /proc (macOS): ps knows.
    const { code, output } = await run('/bin/ps', ['-ww', '-o', 'command=', '-p', String(pid)], {
      limitMs: 5_000,
    }).catch(() => ({ code: 1, output: '' }))
    return code === 0 ? output.trim() : ''
  }
}

const adoptedPollMs = 100

/** Watches a process that is not our child. The watch ends, as if it were gone, when `signal` aborts. */
export function adopt(pid: number, clock: Clock, signal: AbortSignal): Running {
  const watch = async () => {
    while (isAlive(pid) && !signal.aborted) await clock.sleep(adoptedPollMs, signal)
  }
  return { pid, gone: watch() }
}

/** Sends one signal after the other, each with the time the process has to follow it. True when it is gone. */
export async function endProcess(
  pid: number,
  steps: readonly { readonly signal: NodeJS.Signals; readonly waitMs: number }[],
  clock: Clock,
): Promise<boolean> {
  for (const { signal, waitMs } of steps) {
    try {
      process.kill(pid, signal)
    } catch {
      // Gone already.
    }
    const until = clock.monotonicMs() + waitMs
    while (clock.monotonicMs() < until) {
      if (!isAlive(pid)) return true
      await clock.sleep(10)
    }
  }
  return !isAlive(pid)
}
