import { readdirSync, rmSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import path from 'node:path'
import type { Clock } from '../kit/clock.ts'
import { openSocket } from './connection.ts'
import { type Folder, readIfThere, socketFolder, statIfThere, writeWhole } from './folder.ts'
import { createKept, type KeepDeps } from './kept.ts'
import { type HeldLock, tryLock } from './lock.ts'
import { boundLog } from './log.ts'
import { parseAddress } from './protocol.ts'
import { serveUsers, type Users } from './users.ts'

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
  const mine = (await stat(folder.lock)).ino
  // A folder that was deleted may have been made anew, and be another keeper's.
  const isOurs = async () => (await statIfThere(folder.lock))?.ino === mine
  const ending = new AbortController()
  const kept = createKept(deps)
  const { socket, removeSockets } = await chooseSocket(folder)
  const users = await serveUsers({ socket, clock, log, lingerMs, answer: kept.answer })
  await writeWhole(folder.address, `${JSON.stringify({ pid: process.pid, socket })}\n`, 0o600)
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, users.close)
  const watching = watchFolder(deps, isOurs, users, ending.signal)

  await users.idle
  const ours = await isOurs()
  if (ours) rmSync(folder.address, { force: true })
  if (ours) removeSockets()
  await kept.end(ours)
  ending.abort()
  await watching
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
  const socket = address === undefined ? undefined : await openSocket(address.socket)
  socket?.destroy()
  return socket !== undefined
}

/**
 * Keeps the logs within their limit (looking once a minute, so between two looks one may grow beyond it), and notices
 * when the folder is deleted: nobody can join any more, so nothing is waited for once the last user has left.
 */
async function watchFolder(
  { folder, clock, log }: KeepDeps,
  isOurs: () => Promise<boolean>,
  users: Users,
  signal: AbortSignal,
): Promise<void> {
  const logs = ['keeper.log', 'postgres.log', 'sandbox.log'].map((name) => path.join(folder.root, name))
  let boundAt = Number.NEGATIVE_INFINITY
  while (!signal.aborted) {
    if (!(await isOurs())) return users.hurry()
    if (clock.monotonicMs() - boundAt > 60_000) {
      boundAt = clock.monotonicMs()
      for (const file of logs) {
        try {
          boundLog(file)
        } catch (error) {
          log(`${file} cannot be shortened: ${String(error)}`)
        }
      }
    }
    await clock.sleep(500, signal)
  }
}
