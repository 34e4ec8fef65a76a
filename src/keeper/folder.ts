import { createHash } from 'node:crypto'
import { type Stats, statSync } from 'node:fs'
import { chmod, chown, lstat, mkdir, open, readFile, rename, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { codeOf, KeeperFault, toFault } from './fault.ts'
import { type Identity, succeeds } from './process.ts'

/**
 * The folder that `DATA_DIR` names, and what the keeper keeps in it:
 *
 *   keeper.lock      held by the one keeper of the folder, by the kernel, until it ends however it ends
 *   keeper.json      where the keeper listens and its pid; present while it takes users
 *   keeper-<pid>.sock  its socket (in `$TMPDIR/trt-<hash>` where this path is too long for a socket)
 *   keeper.log       what it did; postgres.log and sandbox.log beside it are the output of the two processes
 *   postgres/        the cluster: data/, password, socket/
 *   postgres.id      only when the cluster cannot stand here: it stands in /var/lib/trt/<this id>
 *   sandbox/         the sandbox's world;  pages -> the built web pages
 */
export interface Folder {
  readonly root: string
  readonly lock: string
  readonly address: string
  readonly log: string
}

export function folderAt(dataDir: string): Folder {
  const root = path.resolve(dataDir)
  const at = (name: string) => path.join(root, name)
  return { root, lock: at('keeper.lock'), address: at('keeper.json'), log: at('keeper.log') }
}

/**
 * Makes the folder. Root makes it for the owner of the folder above, so that `sudo npm start` in a person's project
 * leaves nothing that the person cannot use afterwards.
 */
export async function makeFolder(folder: Folder): Promise<void> {
  try {
    const made = await makeMissing(folder.root)
    const first = made[0]
    if (first === undefined || process.getuid?.() !== 0) return
    const owner = await stat(path.dirname(first))
    for (const one of made) {
      if (owner.uid !== 0) await chown(one, owner.uid, owner.gid)
      // Root's server may run as another user, who must get through to its own folder.
      await chmod(one, 0o711)
    }
  } catch (error) {
    throw toFault(error, `DATA_DIR (${folder.root}) cannot be made`, 'Set DATA_DIR to a folder that can be made.')
  }
}

/** The folders that were missing on the way and are made now, the outermost first. */
async function makeMissing(folder: string): Promise<string[]> {
  try {
    await mkdir(folder, { mode: 0o700 })
    return [folder]
  } catch (error) {
    if (codeOf(error) === 'EEXIST' && (await stat(folder)).isDirectory()) return []
    if (codeOf(error) !== 'ENOENT' || path.dirname(folder) === folder) throw error
    return [...(await makeMissing(path.dirname(folder))), ...(await makeMissing(folder))]
  }
}

/** Makes a folder that others may pass through, whatever the umask; `read`: also list and read. */
export async function makeOpen(folder: string, others: 'pass' | 'read'): Promise<void> {
  await mkdir(folder, { recursive: true })
  await chmod(folder, others === 'pass' ? 0o711 : 0o755)
}

/** Writes a small file so that a reader, or a crash, sees the old one or the whole new one. */
export async function writeWhole(file: string, text: string, mode: number): Promise<void> {
  const partial = `${file}.new-${process.pid}`
  const handle = await open(partial, 'w', mode)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(partial, file)
  await syncFolder(path.dirname(file))
}

/** A rename has reached the disk once the folder it happened in is synced. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

export async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

export async function isThere(file: string): Promise<boolean> {
  return (await statIfThere(file)) !== undefined
}

export async function statIfThere(file: string): Promise<Stats | undefined> {
  try {
    return await stat(file)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** The kernel takes 107 bytes (103 on macOS); the rest is left for what programs append. */
const socketPathBytesMax = 90

/**
 * A folder, private to `owner` (default: this user), in which a socket of this name can be bound: `wanted` itself, or
 * `$TMPDIR/trt-<hash of wanted>` when the path would be too long.
 */
export async function socketFolder(wanted: string, name: string, owner?: Identity): Promise<string> {
  const fits = (folder: string) => Buffer.byteLength(path.join(folder, name)) <= socketPathBytesMax
  if (fits(wanted)) return wanted
  const hash = createHash('sha256').update(wanted).digest('hex').slice(0, 16)
  for (const shared of [tmpdir(), '/tmp']) {
    const folder = path.join(shared, `trt-${hash}`)
    if (fits(folder) && (await canEnter(shared, owner))) {
      await makePrivate(folder, owner)
      return folder
    }
  }
  throw new KeeperFault(
    `The path ${wanted} is too long for a socket, and so is that of the temporary folder (${tmpdir()}).`,
    'Set TMPDIR or DATA_DIR to a folder with a shorter path.',
  )
}

/** Makes a folder only `owner` can enter. In a shared folder a stranger may have been first: theirs is refused. */
export async function makePrivate(folder: string, owner?: Identity): Promise<void> {
  const uid = owner?.uid ?? process.getuid?.()
  try {
    await mkdir(folder, { mode: 0o700 })
    if (owner !== undefined) await chown(folder, owner.uid, owner.gid)
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  }
  const found = await lstat(folder)
  if (!found.isDirectory() || (uid !== undefined && found.uid !== uid)) {
    throw new KeeperFault(`${folder} is needed for a socket, and it belongs to uid ${found.uid}.`, 'Remove it.')
  }
  await chmod(folder, 0o700)
}

/** Whether that user can go into the folder (as root: asks by becoming that user). */
export async function canEnter(folder: string, as?: Identity): Promise<boolean> {
  if (as !== undefined) return await succeeds('/bin/sh', ['-c', 'cd -- "$1"', 'sh', folder], as)
  return statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true
}
