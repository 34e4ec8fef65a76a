import { readdirSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import path from 'node:path'
import type { Clock } from '../kit/clock.ts'
import { unreachable } from '../kit/unreachable.ts'
import { type Folder, readIfThere, socketFolder, writeWhole } from './folder.ts'
import { type HeldLock, tryLock } from './lock.ts'
import { boundLog, type Log } from './log.ts'
import { openCluster } from './postgres-cluster.ts'
import { startServer, stopServer } from './postgres-server.ts'
import { type Need, parseAddress, type Ready } from './protocol.ts'
import { Supervised } from './supervised.ts'
import { serveUsers } from './users.ts'

export interface KeepDeps {
  readonly folder: Folder
  readonly lingerMs: number
  readonly clock: Clock
  readonly log: Log
}

/**
 * The life of a keeper: it owns the embedded PostgreSQL, the sandbox and the built pages of one DATA_DIR while anybody
 * uses them. Resolves when everything it kept is stopped.
 *
 *   waiting for the lock ─► serving ── nobody for the linger, or SIGTERM ─► stopping ─► ended
 *         └─► ended (another keeper of this folder serves)
 */
export async function keep(deps: KeepDeps): Promise<void> {
  const { folder, lingerMs, clock, log } = deps
  const lock = await waitForLock(folder, clock)
  if (lock === undefined) return
  log(`Keeper ${process.pid} begins.`)
  const ending = new AbortController()
  const kept = createKept(deps, ending.signal)
  const { socket, removeSockets } = await chooseSocket(folder)
  const users = await serveUsers({ socket, clock, log, lingerMs, answer: kept.answer })
  await writeWhole(folder.address, `${JSON.stringify({ pid: process.pid, socket })}\n`, 0o600)
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, users.close)
  const bounding = boundLogs(deps, ending.signal)

  await users.idle
  // The folder may have been deleted and be another keeper's by now.
  if (parseAddress((await readIfThere(folder.address)) ?? '')?.pid === process.pid) rmSync(folder.address)
  removeSockets()
  await kept.end()
  ending.abort()
  await bounding
  log(`Keeper ${process.pid} ends.`)
  lock.release()
}

/** A path of this keeper alone; the sockets of killed ones are cleared away. */
async function chooseSocket(folder: Folder): Promise<{ socket: string; removeSockets: () => void }> {
  const name = `keeper-${process.pid}.sock`
  const sockets = await socketFolder(folder.root, name)
  for (const left of readdirSync(sockets)) {
    if (/^keeper-\d+\.sock$/.test(left)) rmSync(path.join(sockets, left), { force: true })
  }
  const removeSockets = () => {
    if (sockets !== folder.root) rmSync(sockets, { recursive: true, force: true })
  }
  return { socket: path.join(sockets, name), removeSockets }
}

/** The lock of the folder; undefined when another keeper has it and serves. One that is stopping is waited for. */
async function waitForLock(folder: Folder, clock: Clock): Promise<HeldLock | undefined> {
  const until = clock.monotonicMs() + lockWaitMs
  while (clock.monotonicMs() < until) {
    const lock = tryLock(folder.lock)
    if (lock !== undefined) return lock
    if (await isServed(folder)) return undefined
    await clock.sleep(50)
  }
  throw new Error(`another keeper holds ${folder.lock} and neither serves nor ends`)
}

const lockWaitMs = 60_000

async function isServed(folder: Folder): Promise<boolean> {
  const address = parseAddress((await readIfThere(folder.address)) ?? '')
  if (address === undefined) return false
  return await new Promise((resolve) => {
    const probe = connect(address.socket)
    probe.once('connect', () => resolve(true)).once('error', () => resolve(false))
    probe.once('connect', () => probe.destroy())
  })
}

interface Kept {
  answer(need: Need, progress: (sentence: string) => void): Promise<Ready>
  end(): Promise<void>
}

function createKept({ folder, clock, log }: KeepDeps, signal: AbortSignal): Kept {
  const logFile = path.join(folder.root, 'postgres.log')
  let tell: (sentence: string) => void = () => {}
  const database = new Supervised({
    name: 'PostgreSQL',
    clock,
    log,
    start: async () => {
      const cluster = await openCluster(folder.root, (sentence) => tell(sentence))
      const server = await startServer(cluster, { clock, log, logFile, signal })
      log(`PostgreSQL, pid ${server.pid}, serves ${cluster.data}.`)
      return { ...server, place: cluster.data }
    },
    stop: (server) => stopServer(server, clock),
  })
  return {
    answer: async (need, progress) => {
      switch (need.need) {
        case 'database': {
          tell = progress
          const { url, place } = await database.ensure()
          return { ready: 'database', databaseUrl: url, place }
        }
        case 'pages':
        case 'sandbox':
          throw new Error('not yet')
        default:
          return unreachable(need, 'answer')
      }
    },
    end: () => database.end(),
  }
}

/** Looks once a minute; between two looks a log may grow beyond its limit, never for ever. */
async function boundLogs({ folder, clock, log }: KeepDeps, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    for (const name of ['keeper.log', 'postgres.log', 'sandbox.log']) {
      const file = path.join(folder.root, name)
      try {
        boundLog(file)
      } catch (error) {
        log(`${file} cannot be shortened: ${String(error)}`)
      }
    }
    await clock.sleep(60_000, signal)
  }
}
