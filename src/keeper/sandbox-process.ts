import { spawn } from 'node:child_process'
import { closeSync, openSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Clock } from '../kit/clock.ts'
import { codeOf, KeeperFault, toFault } from './fault.ts'
import { type Folder, readIfThere, writeWhole } from './folder.ts'
import { boundLog, type Log, readFrom, reasonIn, sizeOf } from './log.ts'
import { adopt, commandOf, endProcess, fastStart, isAlive, plainEnvironment, type Running } from './process.ts'

/**
 * The sandbox as a process of the keeper. A sandbox that a killed keeper left is adopted while it answers, on whatever
 * port it has: bots are talking to it there.
 */
export interface SandboxProcess extends Running {
  readonly url: string
}

export interface SandboxDeps {
  readonly folder: Folder
  readonly pages: string
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

const program = fileURLToPath(new URL('../../sandbox/main.ts', import.meta.url))
const readyMs = 30_000
/** A sandbox that is being stopped, of a folder that was deleted perhaps, lets go of its port within this. */
const portWaitMs = 3_000

/** Resolves when the sandbox listens on `port` (0: any free one). */
export async function startSandbox(port: number, args: readonly string[], deps: SandboxDeps): Promise<SandboxProcess> {
  const { folder, pages, clock, log, signal } = deps
  const left = await findSandbox(folder, clock)
  if (left !== undefined) {
    log(`Adopted the running sandbox, pid ${left.pid}, on ${left.url}.`)
    return { ...adopt(left.pid, clock, signal), url: left.url }
  }
  await untilFree(port, clock)
  const logFile = logOf(folder)
  boundLog(logFile)
  const logged = sizeOf(logFile)
  const running = launch(['--port', `${port}`, '--data-dir', folder.root, '--web-dir', pages, ...args], logFile, log)
  const url = await untilListening(running, logFile, logged, clock)
  await writeWhole(traceOf(folder), `${JSON.stringify({ pid: running.pid, url })}\n`, 0o600)
  log(`The sandbox, pid ${running.pid}, listens on ${url}.`)
  return { ...running, url }
}

export const stopSandbox = (sandbox: Running, clock: Clock): Promise<boolean> =>
  endProcess(sandbox.pid, stopping, clock)

/** Stops a sandbox that a killed keeper left and nobody has asked for since, and removes the trace of the last one. */
export async function stopLeftSandbox(folder: Folder, clock: Clock): Promise<void> {
  const left = await findSandbox(folder, clock)
  if (left !== undefined) await endProcess(left.pid, stopping, clock)
  rmSync(traceOf(folder), { force: true })
}

const stopping = [
  { signal: 'SIGTERM', waitMs: 5_000 },
  { signal: 'SIGKILL', waitMs: 2_000 },
] as const

const logOf = (folder: Folder) => path.join(folder.root, 'sandbox.log')
const traceOf = (folder: Folder) => path.join(folder.root, 'sandbox.json')

/** A sandbox of this folder that runs and answers; one that runs and does not answer is ended. */
async function findSandbox(folder: Folder, clock: Clock): Promise<{ pid: number; url: string } | undefined> {
  const trace = parseTrace((await readIfThere(traceOf(folder))) ?? '')
  if (trace === undefined || !isAlive(trace.pid)) return undefined
  const command = await commandOf(trace.pid)
  if (!command.includes('sandbox/main.ts') || !command.includes(folder.root)) return undefined
  if (await listens(Number(new URL(trace.url).port))) return trace
  await endProcess(trace.pid, [{ signal: 'SIGKILL', waitMs: 2_000 }], clock)
  return undefined
}

function parseTrace(text: string): { pid: number; url: string } | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || !('pid' in value) || !('url' in value)) return undefined
    const { pid, url } = value
    return typeof pid === 'number' && typeof url === 'string' && URL.canParse(url) ? { pid, url } : undefined
  } catch {
    return undefined
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect({ port, host: '127.0.0.1', timeout: 2_000 })
    const tell = (yes: boolean) => {
      probe.destroy()
      resolve(yes)
    }
    probe.once('connect', () => tell(true))
    probe.once('timeout', () => tell(false))
    probe.once('error', () => tell(false))
  })
}

async function untilFree(port: number, clock: Clock): Promise<void> {
  const until = clock.monotonicMs() + portWaitMs
  for (;;) {
    const error = await tryPort(port)
    if (error === undefined) return
    if (codeOf(error) !== 'EADDRINUSE') throw portFault(port, error)
    if (clock.monotonicMs() >= until) throw portFault(port, error)
    await clock.sleep(100)
  }
}

function tryPort(port: number): Promise<Error | undefined> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', resolve)
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(undefined)))
  })
}

function portFault(port: number, error: unknown): KeeperFault {
  switch (codeOf(error)) {
    case 'EADDRINUSE':
      return new KeeperFault(
        `Port ${port}, where the sandbox would listen, is in use by another program.`,
        'Set SANDBOX_PORT to a free port, or stop that program.',
        error,
      )
    case 'EACCES':
      return new KeeperFault(`Port ${port} is not for this user.`, 'Set SANDBOX_PORT to a port above 1023.', error)
    default:
      return toFault(error, `The sandbox cannot listen on port ${port}`)
  }
}

/** Output goes to a file and not to us, so that the sandbox survives a keeper that is killed. */
function launch(args: readonly string[], logFile: string, log: Log): Running {
  const output = openSync(logFile, 'a', 0o600)
  const child = spawn(process.execPath, [...fastStart, program, ...args], {
    env: plainEnvironment,
    cwd: '/',
    detached: true,
    stdio: ['ignore', output, output],
  })
  closeSync(output)
  const gone = new Promise<void>((resolve) => {
    child.once('exit', (code, signal) => {
      log(`The sandbox, pid ${child.pid}, ended (${signal ?? code}).`)
      resolve()
    })
    child.once('error', () => resolve())
  })
  return { pid: child.pid ?? 0, gone }
}

async function untilListening(running: Running, logFile: string, logged: number, clock: Clock): Promise<string> {
  let ended = false
  void running.gone.then(() => {
    ended = true
  })
  const until = clock.monotonicMs() + readyMs
  while (!ended && clock.monotonicMs() < until) {
    const url = /^SANDBOX_LISTENING url=(\S+)$/m.exec(readFrom(logFile, logged))?.[1]
    if (url !== undefined) return url
    await clock.sleep(10)
  }
  const said = readFrom(logFile, logged).trim()
  if (!ended) {
    await endProcess(running.pid, [{ signal: 'SIGKILL', waitMs: 2_000 }], clock)
    throw new KeeperFault('The sandbox did not listen within 30 seconds.', `Read ${logFile}.`)
  }
  throw new KeeperFault(`The sandbox ended while it started: ${reasonIn(said)}.`, `Read ${logFile}.`)
}
