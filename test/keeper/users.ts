import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import { until } from '../fixtures/person.ts'

/** What the keeper's tests share: users as processes, questions to the process table, conditions to wait for. */
export const isRoot = process.getuid?.() === 0
/** An unprivileged user that has a name; meaningful as root only. */
export const nobody = { uid: 65_534, gid: 65_534 }

export interface Facts {
  readonly databaseUrl: string
  readonly place: string
  readonly sandboxUrl: string
  readonly pagesFolder: string
}

/** A folder that other users can pass through; it is removed after the test, and so is everything that runs in it. */
export async function shortFolder(t: TestContext, mode = 0o711): Promise<string> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'trt-k-'))
  await chmod(folder, mode)
  t.after(async () => {
    // A user starts a new keeper when its own is killed, so everything is killed until nothing is left.
    await until(() => {
      const left = processesNaming(folder)
      for (const { pid } of left) kill(pid)
      return left.length === 0
    }, `nothing runs in ${folder} any more`)
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  })
  return folder
}

export interface User {
  readonly process: ChildProcess
  readonly said: Record<string, unknown>[]
  /** What it got from the keeper; fails with its fault. */
  joined(): Promise<Facts>
  /** The sentence with which it was refused. */
  fault(): Promise<string>
  leave(): Promise<void>
  kill(): Promise<void>
}

const program = fileURLToPath(new URL('user.ts', import.meta.url))

export function startUser(wish: object, how: { as?: typeof nobody; program?: string } = {}): User {
  const child = spawn(process.execPath, [how.program ?? program, JSON.stringify({ lingerMs: 300, ...wish })], {
    stdio: ['pipe', 'pipe', 'inherit'],
    cwd: '/',
    ...how.as,
  })
  const ended = once(child, 'exit')
  const said: Record<string, unknown>[] = []
  createInterface({ input: child.stdout }).on('line', (line) => said.push(JSON.parse(line)))
  const answer = async (name: string) => {
    await until(
      () => child.exitCode !== null || said.some((one) => 'joined' in one || 'fault' in one),
      'an answer',
      60_000,
    )
    const one = said.find((message) => name in message)
    assert.ok(one, `expected ${name}, got ${JSON.stringify(said)}`)
    return one[name]
  }
  return {
    process: child,
    said,
    joined: async () => readFacts(await answer('joined')),
    fault: async () => String(await answer('fault')),
    leave: async () => {
      child.stdin.write('leave\n')
      await ended
    },
    kill: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}

function readFacts(value: unknown): Facts {
  const fields = new Map(Object.entries(Object(value)))
  const text = (name: string) => String(fields.get(name) ?? '')
  return {
    databaseUrl: text('databaseUrl'),
    place: text('place'),
    sandboxUrl: text('sandboxUrl'),
    pagesFolder: text('pagesFolder'),
  }
}

export interface Process {
  readonly pid: number
  readonly parent: number
  readonly command: string
}

/** What runs for the folder, the users of this test left out. */
export const processesIn = (folder: string): Process[] =>
  processesNaming(folder).filter(({ command }) => !command.includes('user.ts'))

/** Every live process whose command line names the folder. */
function processesNaming(folder: string): Process[] {
  const table = execFileSync('ps', ['-A', '-ww', '-o', 'pid=,ppid=,stat=,args='], { encoding: 'utf8' })
  return table.split('\n').flatMap((row) => {
    const [, pid, parent, state, command] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(row) ?? []
    if (pid === undefined || state === undefined || command === undefined) return []
    return !state.startsWith('Z') && command.includes(folder)
      ? [{ pid: Number(pid), parent: Number(parent), command }]
      : []
  })
}

export const keepersIn = (folder: string) =>
  processesIn(folder).filter(({ command }) => command.includes('keeper/main.ts'))
/** A child that it has just forked still has its name. */
export function postmastersIn(folder: string): readonly Process[] {
  const servers = processesIn(folder).filter(({ command }) => command.includes('bin/postgres -D'))
  return servers.filter(({ parent }) => !servers.some(({ pid }) => pid === parent))
}
export const sandboxesIn = (folder: string) =>
  processesIn(folder).filter(({ command }) => command.includes('sandbox/main.ts'))

export const onlyPid = (found: readonly Process[]): number => {
  assert.equal(found.length, 1, `expected one process, found ${JSON.stringify(found)}`)
  return found[0]?.pid ?? 0
}

export function kill(pid: number, signal: NodeJS.Signals = 'SIGKILL'): void {
  try {
    process.kill(pid, signal)
  } catch {
    // Gone already.
  }
}

/** Waits until everything of the folder has ended, and holds that nothing but data and logs is left. */
export async function allGone(folder: string): Promise<void> {
  await until(() => processesIn(folder).length === 0, `everything in ${folder} has ended`)
  const left = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  const traces = left.filter((name) => /\.sock$|keeper\.json$|sandbox\.json$|postmaster\.pid$|\.PGSQL\./.test(name))
  assert.deepEqual(traces, [])
}

/** One query over a connection of its own. */
export async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

export const answers = async (url: string): Promise<boolean> => {
  if (!existsSync(decodeURIComponent(new URL(url).hostname))) return false
  return await query(url, 'select 1').then(
    () => true,
    () => false,
  )
}
