import { spawn } from 'node:child_process'
import { closeSync, fchownSync, openSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { toFault } from './fault.ts'
import type { Folder } from './folder.ts'
import { fastStart, type Identity, spawnAs, succeeds } from './process.ts'

const program = fileURLToPath(new URL('main.ts', import.meta.url))

/** A keeper that was started and may still be on its way. Many may be started at once; all but one end at once. */
export interface StartedKeeper {
  /** Undefined while it runs. */
  endedWith(): number | undefined
}

/** Starts a keeper in a session of its own, so that no terminal and no starter takes it along. */
export async function startKeeper(folder: Folder, lingerMs: number): Promise<StartedKeeper> {
  try {
    const as = await keeperIdentity(folder)
    const output = openSync(folder.log, 'a', 0o600)
    if (as !== undefined) fchownSync(output, as.uid, as.gid)
    const args = ['--data-dir', folder.root, '--linger-ms', String(lingerMs)]
    const child = spawn(process.execPath, [...fastStart, program, ...args], {
      ...spawnAs(as),
      cwd: '/',
      detached: true,
      stdio: ['ignore', output, output],
    })
    closeSync(output)
    let ended: number | undefined
    child.once('exit', (code) => {
      ended = code ?? 1
    })
    child.once('error', () => {
      ended = 1
    })
    child.unref()
    return { endedWith: () => ended }
  } catch (error) {
    throw toFault(error, `The keeper of ${folder.root} cannot be started`)
  }
}

/**
 * Root's keeper works as the person who owns DATA_DIR, so that the same folder serves root today and that person
 * tomorrow. Where that person could not run it (no access to this program, no name of their own) it stays root.
 */
async function keeperIdentity(folder: Folder): Promise<Identity | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const { uid, gid } = await stat(folder.root)
  if (uid === 0) return undefined
  const probe = 'id -un >/dev/null && test -x "$1" && test -r "$2" && test -w "$3" && test -x "$3"'
  const able = await succeeds('/bin/sh', ['-c', probe, 'sh', process.execPath, program, folder.root], { uid, gid })
  return able ? { uid, gid } : undefined
}
