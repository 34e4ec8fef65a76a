import { closeSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { KeeperFault, toFault } from './fault.ts'

/**
 * At most one holder per file, and the kernel takes it back from a holder that died: an exclusive transaction on an
 * empty SQLite file is a POSIX lock, which Node.js offers nowhere else. Nothing is ever written into the file. Such a
 * lock is also lost when its holder opens and closes the file again, so the holder must not.
 */
export interface HeldLock {
  release(): void
}

/** The lock, or undefined while another process holds it. */
export function tryLock(file: string): HeldLock | undefined {
  let database: DatabaseSync
  try {
    closeSync(openSync(file, 'a', 0o600))
    database = new DatabaseSync(file, { timeout: 0 })
  } catch (error) {
    throw refused(file, error)
  }
  try {
    database.exec('pragma journal_mode = memory; begin exclusive')
    return { release: () => database.close() }
  } catch (error) {
    database.close()
    if (resultCodeOf(error) === sqliteBusy) return undefined
    throw refused(file, error)
  }
}

const sqliteBusy = 5

function resultCodeOf(error: unknown): number | undefined {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode : undefined
}

function refused(file: string, error: unknown): KeeperFault {
  return resultCodeOf(error) === undefined
    ? toFault(error, `The lock ${file} cannot be taken`)
    : new KeeperFault(
        `The lock ${file} cannot be taken by uid ${process.getuid?.() ?? 'unknown'}.`,
        'Start as the user the folder belongs to, or set DATA_DIR to a folder of your own.',
        error,
      )
}
