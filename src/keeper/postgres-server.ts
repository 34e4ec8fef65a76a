import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, openSync } from 'node:fs'
import { realpath, rm, rmdir } from 'node:fs/promises'
import path from 'node:path'
import type { Clock } from '../kit/clock.ts'
import { KeeperFault, useOtherDatabase } from './fault.ts'
import { makePrivate, readIfThere, socketFolder } from './folder.ts'
import { boundLog, type Log, readFrom, reasonIn, sizeOf } from './log.ts'
import { type Cluster, databaseUser } from './postgres-cluster.ts'
import { adopt, commandOf, cwdOf, endProcess, isAlive, type Running, spawnAs } from './process.ts'

/**
 * The server of a cluster, one at a time: one that runs already (its keeper was killed) is adopted, the trace of one
 * that died is cleared. It listens on a socket in a private folder only, and asks for the password even there.
 */
export interface Server extends Running {
  /** For `pg` and every libpq program. Holds the password. */
  readonly url: string
  readonly socketFolder: string
}

export interface ServerDeps {
  readonly clock: Clock
  readonly log: Log
  readonly logFile: string
  /** Ends the watch over an adopted server. */
  readonly signal: AbortSignal
}

const port = 5432
const socketName = `.s.PGSQL.${port}`
const readyMs = 120_000

/** Resolves when the server takes connections. */
export async function startServer(cluster: Cluster, deps: ServerDeps): Promise<Server> {
  const until = deps.clock.monotonicMs() + readyMs
  for (;;) {
    const live = await findPostmaster(cluster.data)
    if (live === undefined) boundLog(deps.logFile)
    const logged = sizeOf(deps.logFile)
    const running = live === undefined ? await launch(cluster, deps) : adopt(live, deps.clock, deps.signal)
    if (live !== undefined) deps.log(`Adopted the running PostgreSQL, pid ${live}.`)
    const outcome = await untilReady(cluster, running, deps, { until, logged })
    if (outcome.kind === 'ready') {
      const { socketFolder } = outcome
      const auth = `${databaseUser}:${encodeURIComponent(cluster.password)}`
      const url = `postgres://${auth}@${encodeURIComponent(socketFolder)}:${port}/postgres`
      return { ...running, url, socketFolder }
    }
    // An adopted server may have been on its way out.
    const another = live !== undefined && !isAlive(live)
    if (outcome.kind === 'failed' && !another) throw outcome.fault
    // Processes of a server that died hold its memory for a moment.
    await deps.clock.sleep(200)
  }
}

/** A fast shutdown: sessions are ended, everything is written. Harder if it takes too long. */
const stopping = [
  { signal: 'SIGINT', waitMs: 20_000 },
  { signal: 'SIGQUIT', waitMs: 5_000 },
  { signal: 'SIGKILL', waitMs: 2_000 },
] as const

export async function stopServer(server: Server, clock: Clock): Promise<boolean> {
  const gone = await endProcess(server.pid, stopping, clock)
  if (gone) {
    for (const name of [socketName, `${socketName}.lock`]) {
      await rm(path.join(server.socketFolder, name), { force: true }).catch(() => undefined)
    }
    await rmdir(server.socketFolder).catch(() => undefined)
  }
  return gone
}

/** Stops a server that a killed keeper left and nobody has asked for since. */
export async function stopLeftServer(data: string, clock: Clock): Promise<void> {
  const pid = await findPostmaster(data)
  if (pid !== undefined) await endProcess(pid, stopping, clock)
}

/** The pid of a live postmaster of this cluster; a trace that names any other process is removed. */
async function findPostmaster(data: string): Promise<number | undefined> {
  const file = path.join(data, 'postmaster.pid')
  const pid = Number((await readIfThere(file))?.split('\n')[0])
  if (!Number.isInteger(pid) || pid <= 0) return undefined
  // A dead pid is left to PostgreSQL, which also looks at the memory that the file names.
  const exists = isAlive(pid)
  if (exists && (await isPostmasterOf(pid, data))) return pid
  if (exists) await rm(file, { force: true })
  return undefined
}

async function isPostmasterOf(pid: number, data: string): Promise<boolean> {
  const command = await commandOf(pid)
  const cwd = cwdOf(pid)
  return /\bpostgres\b/.test(command) && (cwd === undefined ? command.includes(data) : cwd === (await realpath(data)))
}

async function launch(cluster: Cluster, { log, logFile }: ServerDeps): Promise<Running> {
  const wanted = path.join(cluster.home, 'postgres', socketFolderName(cluster))
  const sockets = await socketFolder(wanted, socketName, cluster.as)
  await makePrivate(sockets, cluster.as)
  const output = openSync(logFile, 'a', 0o600)
  const settings = Object.entries(serverSettings(sockets)).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const child = spawn(path.join(cluster.binaries.folder, 'bin', 'postgres'), ['-D', cluster.data, ...settings], {
    ...spawnAs(cluster.as),
    cwd: '/',
    detached: true,
    stdio: ['ignore', output, output],
  })
  closeSync(output)
  const gone = new Promise<void>((resolve) => {
    child.once('exit', (code, signal) => {
      log(`PostgreSQL, pid ${child.pid}, ended (${signal ?? code}).`)
      resolve()
    })
    child.once('error', (error) => {
      log(`PostgreSQL cannot be started: ${error.message}.`)
      resolve()
    })
  })
  return { pid: child.pid ?? 0, gone }
}

/**
 * The same for the whole life of a cluster, and another for every cluster: PostgreSQL removes its socket by its path
 * when it stops, and a server whose folder was deleted must not take away the one of its successor.
 */
function socketFolderName({ password }: Cluster): string {
  return `socket-${createHash('sha256').update(password).digest('hex').slice(0, 8)}`
}

/** One small shop on one machine; durability is not negotiable, the log holds no statements and no data of people. */
const serverSettings = (sockets: string) => ({
  listen_addresses: '',
  unix_socket_directories: sockets,
  unix_socket_permissions: '0700',
  port,
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  shared_buffers: '64MB',
  max_connections: 200,
  io_method: 'sync',
  max_logical_replication_workers: 0,
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_checkpoints: 'off',
  log_autovacuum_min_duration: '-1',
})

type Readiness =
  | { readonly kind: 'ready'; readonly socketFolder: string }
  | { readonly kind: 'again' }
  | { readonly kind: 'failed'; readonly fault: KeeperFault }

/** The server itself writes into its pid file that it is ready; `pg_ctl` waits for the same line. */
async function untilReady(
  cluster: Cluster,
  running: Running,
  { clock, logFile }: ServerDeps,
  { until, logged }: { until: number; logged: number },
): Promise<Readiness> {
  let ended = false
  void running.gone.then(() => {
    ended = true
  })
  while (!ended && clock.monotonicMs() < until) {
    const lines = (await readIfThere(path.join(cluster.data, 'postmaster.pid')))?.split('\n') ?? []
    const socketFolder = lines[4]
    if (Number(lines[0]) === running.pid && lines[7]?.trim() === 'ready' && socketFolder) {
      return { kind: 'ready', socketFolder }
    }
    await clock.sleep(10)
  }
  const said = readFrom(logFile, logged).trim()
  const passes = /pre-existing shared memory block|lock file ".*" already exists|is still in use/.test(said)
  if (ended && passes && clock.monotonicMs() < until) return { kind: 'again' }
  return { kind: 'failed', fault: serverFault(said, ended, logFile) }
}

function serverFault(said: string, ended: boolean, logFile: string): KeeperFault {
  if (/no space left on device/i.test(said)) {
    return new KeeperFault('The disk is full: PostgreSQL cannot start.', 'Free some space and start again.')
  }
  if (/could not (map|create).*shared memory|cannot allocate memory/i.test(said)) {
    return new KeeperFault('There is not enough memory for PostgreSQL (about 100 MB).', useOtherDatabase)
  }
  if (!ended) return new KeeperFault('PostgreSQL was not ready within two minutes.', `Read ${logFile}.`)
  return new KeeperFault(`PostgreSQL ended while it started: ${reasonIn(said)}.`, `Read ${logFile}.`)
}
