/**
 * What the keeper could not do, said so that a person can act on it: one sentence on what is wrong, one on what to do.
 * `cause` carries the error of the system where there was one.
 */
export class KeeperFault extends Error {
  readonly what: string
  readonly todo: string

  constructor(what: string, todo: string, cause?: unknown) {
    super(`${what} ${todo}`, cause === undefined ? {} : { cause })
    this.name = 'KeeperFault'
    this.what = what
    this.todo = todo
  }
}

/** The sentence every dead end of the embedded database may end with. */
export const useOtherDatabase = 'Or set DATABASE_URL to a PostgreSQL of version 15 or later.'

const theLogs = 'The whole story is in keeper.log and postgres.log in DATA_DIR.'

/** Turns an error of the file system or of a spawn into a fault; anything else is told as it is, with `todo`. */
export function toFault(error: unknown, doing: string, todo = theLogs): KeeperFault {
  if (error instanceof KeeperFault) return error
  switch (codeOf(error)) {
    case 'EACCES':
    case 'EPERM':
      return new KeeperFault(
        `${doing}: this user (uid ${process.getuid?.() ?? 'unknown'}) has no right to ${pathOf(error)}.`,
        'Start as the user the folder belongs to, or set DATA_DIR to a folder of your own.',
        error,
      )
    case 'ENOSPC':
    case 'EDQUOT':
      return new KeeperFault(
        `${doing}: the disk is full (${pathOf(error)}).`,
        'Free some space and start again.',
        error,
      )
    case 'EROFS':
      return new KeeperFault(
        `${doing}: ${pathOf(error)} cannot be written to.`,
        'Set DATA_DIR to a folder on a writable disk.',
        error,
      )
    default:
      return new KeeperFault(`${doing}: ${error instanceof Error ? error.message : String(error)}.`, todo, error)
  }
}

/** The `code` of a Node.js error (`ENOENT`, …), undefined for everything else. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

function pathOf(error: unknown): string {
  return error instanceof Error && 'path' in error && typeof error.path === 'string' ? error.path : 'a file it needs'
}
