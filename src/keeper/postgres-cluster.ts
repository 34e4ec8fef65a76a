import { randomBytes } from 'node:crypto'
import { chown, mkdir, readdir, readFile, rename, rm, stat, statfs, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { KeeperFault, toFault, useOtherDatabase } from './fault.ts'
import { canEnter, isThere, makeOpen, readIfThere, statIfThere, syncFolder, writeWhole } from './folder.ts'
import { type Binaries, findBinaries, systemFolder } from './postgres-binaries.ts'
import { type Identity, run, succeeds } from './process.ts'

/**
 * The cluster of one DATA_DIR. It is whole or absent: it is made under another name and renamed, so a SIGKILL during
 * `initdb` leaves only rubbish that the next keeper removes. Its password stands beside the data, readable for the
 * keeper's user alone.
 */
export interface Cluster {
  /** DATA_DIR, or `/var/lib/trt/<id>` where the server's user cannot reach DATA_DIR. */
  readonly home: string
  readonly data: string
  readonly password: string
  readonly binaries: Binaries
  /** Whom the server runs as: PostgreSQL refuses root. */
  readonly as: Identity | undefined
}

export const databaseUser = 'trt'
const diskBytesMin = 200 * 1024 * 1024

/** Finds the cluster of this folder or makes it. Only the holder of the folder's lock may call this. */
export async function openCluster(dataDir: string, progress: (sentence: string) => void): Promise<Cluster> {
  try {
    const known = await knownHome(dataDir)
    const found = await statIfThere(path.join(known ?? dataDir, 'postgres', 'data'))
    const as = await serverIdentity(found?.uid)
    const binaries = await findBinaries(dataDir, as, progress)
    const home = known ?? (found === undefined ? await chooseHome(dataDir, as) : dataDir)
    if (found === undefined) await makeCluster(home, as, binaries, progress)
    const cluster = path.join(home, 'postgres')
    await checkCluster(path.join(cluster, 'data'), as, binaries)
    const password = await readFile(path.join(cluster, 'password'), 'utf8')
    return { home, data: path.join(cluster, 'data'), password: password.trim(), binaries, as }
  } catch (error) {
    throw toFault(error, `The embedded database of ${dataDir} cannot be opened`)
  }
}

/** Where the data of this folder would be, without making or checking anything; for what an earlier keeper left. */
export async function dataOf(dataDir: string): Promise<string> {
  const home = await knownHome(dataDir).catch(() => undefined)
  return path.join(home ?? dataDir, 'postgres', 'data')
}

/** The home that an earlier start has chosen outside of DATA_DIR. */
async function knownHome(dataDir: string): Promise<string | undefined> {
  const id = (await readIfThere(path.join(dataDir, 'postgres.id')))?.trim()
  if (id === undefined) return undefined
  const home = path.join(systemFolder, id)
  if (/^[0-9a-f]{16}$/.test(id) && (await isThere(home))) return home
  throw new KeeperFault(
    `The database of this folder stood in ${home}, and it is not there.`,
    `Bring it back, or remove ${path.join(dataDir, 'postgres.id')} to begin with an empty database.`,
  )
}

/** Our own user; as root the owner of the data, for new data `nobody`. */
async function serverIdentity(ownerOfData: number | undefined): Promise<Identity | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const users = (await readFile('/etc/passwd', 'utf8').catch(() => '')).split('\n').map((line) => line.split(':'))
  const user = users.find(([name, , uid]) =>
    ownerOfData === undefined ? name === 'nobody' : Number(uid) === ownerOfData,
  )
  const uid = ownerOfData ?? Number(user?.[2])
  const gid = Number(user?.[3] ?? uid)
  const known = Number.isInteger(uid) && Number.isInteger(gid) && uid > 0
  if (known && (await succeeds('/bin/sh', ['-c', ':'], { uid, gid }))) return { uid, gid }
  throw new KeeperFault(
    `PostgreSQL refuses to run as root, and ${known ? `uid ${uid} cannot be used here` : 'there is no user `nobody`'}.`,
    `Start as a user that is not root. ${useOtherDatabase}`,
  )
}

/** DATA_DIR where the server can reach it, otherwise a place of the system whose id is kept in DATA_DIR. */
async function chooseHome(dataDir: string, as: Identity | undefined): Promise<string> {
  if (as === undefined || (await canEnter(dataDir, as))) return dataDir
  const id = randomBytes(8).toString('hex')
  const home = path.join(systemFolder, id)
  await makeOpen(systemFolder, 'read')
  await makeOpen(home, 'pass')
  await writeFile(path.join(home, 'belongs-to'), `${dataDir}\n`, { mode: 0o600 })
  await syncFolder(systemFolder)
  // Written after the folder is there: an id without its folder means that the data was lost.
  await writeWhole(path.join(dataDir, 'postgres.id'), `${id}\n`, 0o600)
  return home
}

async function makeCluster(
  home: string,
  as: Identity | undefined,
  binaries: Binaries,
  progress: (sentence: string) => void,
): Promise<void> {
  progress('Preparing the database (first start, a few seconds) …')
  await removeUnfinished(home)
  const disk = await statfs(home)
  if (disk.bavail * disk.bsize < diskBytesMin) {
    throw new KeeperFault(
      `${Math.floor((disk.bavail * disk.bsize) / 1_048_576)} MB are free at ${home}, and a database needs 200 MB.`,
      'Free some space, or set DATA_DIR to a folder on another disk.',
    )
  }
  // A name of its own for every attempt: the initdb of a killed keeper may still be writing into the last one.
  const unfinished = path.join(home, `postgres.new-${randomBytes(4).toString('hex')}`)
  const data = path.join(unfinished, 'data')
  const password = path.join(unfinished, 'password')
  if (as === undefined) await mkdir(unfinished)
  else await makeOpen(unfinished, 'pass')
  await mkdir(data)
  await writeFile(password, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600, flush: true })
  if (as !== undefined) for (const file of [data, password]) await chown(file, as.uid, as.gid)
  // A password of 24 random bytes needs no stretching, which every connection would pay for.
  const settings = ['--auth=scram-sha-256', '-c', 'scram_iterations=1', '-E', 'UTF8', '--locale=C']
  // A thousand files that are written to the disk one by one take as long as all the rest.
  const sync = process.platform === 'linux' ? ['--sync-method=syncfs'] : []
  const { code, output } = await run(
    path.join(binaries.folder, 'bin', 'initdb'),
    ['-D', data, ...sync, '-U', databaseUser, `--pwfile=${password}`, ...settings],
    { as, limitMs: 120_000 },
  )
  if (code !== 0) throw initdbFault(output, code)
  if (as !== undefined) await chown(password, 0, 0)
  await syncFolder(unfinished)
  await rename(unfinished, path.join(home, 'postgres'))
  await syncFolder(home)
}

async function removeUnfinished(home: string): Promise<void> {
  for (const name of await readdir(home)) {
    if (!name.startsWith('postgres.new-')) continue
    // A dying initdb may put a file back; then the next start removes it.
    await rm(path.join(home, name), { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined)
  }
}

function initdbFault(output: string, code: number | null): KeeperFault {
  const said = output
    .split('\n')
    .filter((line) => /error|fatal|could not|no space/i.test(line))
    .join(' ')
  if (/could not look up effective user ID/.test(said)) {
    return new KeeperFault(
      `This user (uid ${process.getuid?.() ?? 'unknown'}) has no name in /etc/passwd, and initdb needs one.`,
      `Add a line for it. ${useOtherDatabase}`,
    )
  }
  if (/no space left/i.test(said)) {
    return new KeeperFault('The disk is full: the database could not be made.', 'Free some space and start again.')
  }
  return new KeeperFault(`initdb ended with ${code}: ${said || output.slice(-500)}.`, useOtherDatabase)
}

/** Says what would make the server refuse, before it does so in its own words. */
async function checkCluster(data: string, as: Identity | undefined, binaries: Binaries): Promise<void> {
  const made = (await readFile(path.join(data, 'PG_VERSION'), 'utf8')).trim()
  const major = binaries.version.split('.')[0]
  if (made !== major) {
    throw new KeeperFault(
      `The data in ${data} was written by PostgreSQL ${made}, and this program brings ${major}.`,
      'Start the version of TRT that wrote it, take a `trt backup`, and restore it here.',
    )
  }
  const { uid } = await stat(data)
  const mine = as?.uid ?? process.getuid?.()
  if (mine !== undefined && uid !== mine) {
    throw new KeeperFault(
      `The data in ${data} belongs to uid ${uid}, and the server would run as uid ${mine}.`,
      `Start as the user it belongs to, or give it to this one: chown -R ${mine} ${path.dirname(data)}`,
    )
  }
  if (!(await canEnter(data, as))) {
    throw new KeeperFault(
      `The server's user (uid ${mine}) cannot reach its data in ${data}.`,
      'Let it pass through the folders above (chmod o+x), or move DATA_DIR.',
    )
  }
}
