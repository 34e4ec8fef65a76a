import path from 'node:path'
import type { Clock } from '../kit/clock.ts'
import { unreachable } from '../kit/unreachable.ts'
import type { Folder } from './folder.ts'
import { guardProcess } from './guard.ts'
import type { Log } from './log.ts'
import { buildPages, pagesFolder } from './pages.ts'
import { dataOf, openCluster } from './postgres-cluster.ts'
import { startServer, stopLeftServer, stopServer } from './postgres-server.ts'
import type { Need, Ready } from './protocol.ts'
import { type SandboxProcess, startSandbox, stopLeftSandbox, stopSandbox } from './sandbox-process.ts'
import { Supervised } from './supervised.ts'

export interface KeepDeps {
  readonly folder: Folder
  readonly lingerMs: number
  readonly clock: Clock
  readonly log: Log
}

/** What a keeper keeps. Each thing is started by the first who needs it, and then shared. */
export interface Kept {
  answer(need: Need, progress: Tell): Promise<Ready>
  /**
   * Stops everything that was started. `ours`: whether the folder is still this keeper's; then also what a killed
   * keeper left there, if nobody who used it has come back.
   */
  end(ours: boolean): Promise<void>
}

/** Users of a killed keeper have a new one within a second or two; then nothing needs to be ended. */
const graceMs = (lingerMs: number): number => lingerMs + 5_000

type Tell = (sentence: string) => void

export function createKept(deps: KeepDeps): Kept {
  const ended = new AbortController()
  const database = keepDatabase(deps, ended.signal)
  const sandbox = keepSandbox(deps, ended.signal)
  const pages = keepPages(deps)
  return {
    answer: (need, progress) => {
      switch (need.need) {
        case 'database':
          return database.answer(progress)
        case 'sandbox':
          // The page is what people look at first, so its build begins with the sandbox; nobody waits for it here.
          pages.begin()
          return sandbox.answer(need)
        case 'pages':
          return pages.answer(progress)
        default:
          return unreachable(need, 'answer')
      }
    },
    end: async (ours) => {
      await Promise.all([sandbox.end(), pages.end()])
      if (ours) await stopLeftSandbox(deps.folder, deps.clock)
      await database.end()
      if (ours) await stopLeftServer(await dataOf(deps.folder.root), deps.clock)
      // Last: an adopted process counts as gone for whoever watches it after this.
      ended.abort()
    },
  }
}

function keepDatabase({ folder, lingerMs, clock, log }: KeepDeps, signal: AbortSignal) {
  const audience = createAudience()
  const logFile = path.join(folder.root, 'postgres.log')
  const database = new Supervised({
    name: 'PostgreSQL',
    clock,
    log,
    start: async () => {
      const cluster = await openCluster(folder.root, audience.tell)
      const server = await startServer(cluster, { clock, log, logFile, signal })
      log(`PostgreSQL, pid ${server.pid}, serves ${cluster.data}.`)
      return { ...server, place: cluster.data }
    },
    stop: (server) => stopServer(server, clock),
    guard: ({ pid }) => guardProcess({ pid, signal: 'INT', addressFile: folder.address, graceMs: graceMs(lingerMs) }),
  })
  return {
    answer: (progress: Tell) =>
      audience.during(progress, async (): Promise<Ready> => {
        const { url, place } = await database.ensure()
        return { ready: 'database', databaseUrl: url, place }
      }),
    end: () => database.end(),
  }
}

function keepSandbox(deps: KeepDeps, signal: AbortSignal) {
  const { folder, lingerMs, clock, log } = deps
  // The wish of the first; a restarted sandbox comes back to the port it had.
  let wish: { port: number; args: readonly string[] } | undefined
  const sandbox = new Supervised<SandboxProcess>({
    name: 'The sandbox',
    clock,
    log,
    start: async () => {
      const { port, args } = wish ?? { port: 0, args: [] }
      const started = await startSandbox(port, args, { folder, pages: pagesFolder(folder), clock, log, signal })
      wish = { port: Number(new URL(started.url).port), args }
      return started
    },
    stop: (running) => stopSandbox(running, clock),
    guard: ({ pid }) => guardProcess({ pid, signal: 'TERM', addressFile: folder.address, graceMs: graceMs(lingerMs) }),
  })
  return {
    answer: async ({ port, args }: { port: number; args: readonly string[] }): Promise<Ready> => {
      if (!sandbox.wanted) wish = { port, args }
      return { ready: 'sandbox', url: (await sandbox.ensure()).url }
    },
    end: () => sandbox.end(),
  }
}

function keepPages({ folder, log }: KeepDeps) {
  const audience = createAudience()
  const ending = new AbortController()
  let building: Promise<string> | undefined
  const build = async () => {
    building ??= buildPages(folder, audience.tell, log, ending.signal)
    try {
      return await building
    } catch (error) {
      // The next who asks has it tried again.
      building = undefined
      throw error
    }
  }
  return {
    begin: () => void build().catch((error: unknown) => log(String(error))),
    answer: (progress: Tell) =>
      audience.during(progress, async (): Promise<Ready> => ({ ready: 'pages', folder: await build() })),
    end: async () => {
      ending.abort()
      await building?.catch(() => undefined)
    },
  }
}

/** Those who wait for the same thing hear the same, and who comes later hears the last sentence first. */
function createAudience() {
  const listeners = new Set<Tell>()
  let latest: string | undefined
  return {
    tell: (sentence: string) => {
      latest = sentence
      for (const listener of listeners) listener(sentence)
    },
    during: async <T>(listener: Tell, wait: () => Promise<T>): Promise<T> => {
      listeners.add(listener)
      if (latest !== undefined) listener(latest)
      try {
        return await wait()
      } finally {
        listeners.delete(listener)
        if (listeners.size === 0) latest = undefined
      }
    },
  }
}
