import { realpath } from 'node:fs/promises'
import type { Clock } from '../kit/clock.ts'
import { untilAborted } from '../kit/wait.ts'
import { type Connection, connectToKeeper, type Found } from './connection.ts'
import { KeeperFault, toFault } from './fault.ts'
import { type Folder, folderAt, makeFolder } from './folder.ts'
import { readFrom } from './log.ts'
import type { Need } from './protocol.ts'
import { type StartedKeeper, startKeeper } from './start-keeper.ts'

/**
 * A user's side of the keeper: joins the one of the folder, or starts it. What was asked for keeps running until
 * `release`, or until this process is gone, however it ends; `lingerMs` after the last user has left, everything is
 * stopped. When the keeper itself is killed, a new one is started in the background and takes over what runs.
 */
export interface JoinOptions {
  readonly dataDir: string
  readonly clock: Clock
  /** Gives up joining; what was joined already is left with `release`. */
  readonly signal?: AbortSignal
  /** What a person would want to know while they wait. */
  readonly progress?: (sentence: string) => void
  /** The keeper was lost or found again after `joinKeeper` had resolved. */
  readonly changed?: (event: 'lost' | 'rejoined') => void
  /** Counts for the one who starts the keeper. Default: 10 seconds. */
  readonly lingerMs?: number
}

export interface SandboxWish {
  /** 0 takes any free port. */
  readonly port: number
  /** More words for the sandbox's command line; the first who asks decides. */
  readonly args?: readonly string[]
}

export interface Joined {
  /** Leaves the keeper; the last one to leave makes it stop. */
  release(): Promise<void>
}

export interface JoinedDatabase extends Joined {
  readonly databaseUrl: string
  /** The folder that holds the data, for people. */
  readonly place: string
  readonly sandboxUrl?: string
  readonly pagesFolder?: string
}

export interface JoinedSandbox extends Joined {
  readonly sandboxUrl: string
  readonly pagesFolder?: string
}

type Extras = { readonly sandbox?: SandboxWish; readonly pages?: boolean }

/** Resolves when the database takes connections (and the sandbox listens, the pages are built, where asked for). */
export async function joinKeeper(options: JoinOptions & Extras): Promise<JoinedDatabase> {
  const needs: Need[] = [{ need: 'database' }, ...extraNeeds(options)]
  const { found, release } = await join(needs, options)
  const { database, sandbox, pages } = found
  if (database === undefined) throw new Error('the keeper answered without a database')
  const { databaseUrl, place } = database
  return {
    databaseUrl,
    place,
    release,
    ...(sandbox === undefined ? {} : { sandboxUrl: sandbox.url }),
    ...(pages === undefined ? {} : { pagesFolder: pages.folder }),
  }
}

/** The same for a service whose database is elsewhere: no embedded PostgreSQL is started. */
export async function joinSandbox(
  options: JoinOptions & Extras & { readonly sandbox: SandboxWish },
): Promise<JoinedSandbox> {
  const { found, release } = await join(extraNeeds(options), options)
  const { sandbox, pages } = found
  if (sandbox === undefined) throw new Error('the keeper answered without a sandbox')
  return { sandboxUrl: sandbox.url, release, ...(pages === undefined ? {} : { pagesFolder: pages.folder }) }
}

function extraNeeds({ sandbox, pages }: Extras): Need[] {
  const needs: Need[] = []
  if (sandbox !== undefined) needs.push({ need: 'sandbox', port: sandbox.port, args: sandbox.args ?? [] })
  if (pages === true) needs.push({ need: 'pages' })
  return needs
}

async function join(needs: readonly Need[], options: JoinOptions): Promise<Joined & { readonly found: Found }> {
  const folder = await openFolder(options.dataDir)
  const first = await enter(folder, needs, options)
  const leaving = new AbortController()
  const staying = stay(folder, needs, first, { ...options, signal: leaving.signal })
  return {
    found: first.found,
    release: async () => {
      leaving.abort()
      await staying
    },
  }
}

/** Makes the folder where it is not there yet, and finds it under its real name, so that links to it are one folder. */
async function openFolder(dataDir: string): Promise<Folder> {
  if (process.platform === 'win32') {
    throw new KeeperFault(
      'The embedded database and the sandbox of `start` do not run on Windows itself.',
      'Start in WSL, or set DATABASE_URL and start the sandbox with `npx trt sandbox`.',
    )
  }
  const folder = folderAt(dataDir)
  await makeFolder(folder)
  return folderAt(await realpath(folder.root))
}

/** Holds the connection until told to leave; after a loss joins again, for as long as it takes. */
async function stay(
  folder: Folder,
  needs: readonly Need[],
  first: Connection,
  options: JoinOptions & { readonly signal: AbortSignal },
): Promise<void> {
  const { signal, clock, changed } = options
  let connection: Connection | undefined = first
  let pauseMs = 100
  while (!signal.aborted) {
    if (connection !== undefined) {
      await untilAborted(signal, connection.closed)
      if (signal.aborted) break
      changed?.('lost')
    }
    try {
      connection = await enter(folder, needs, options)
      pauseMs = 100
      changed?.('rejoined')
    } catch {
      // The database is watched by whoever uses it; here the only thing to do is to try again.
      connection = undefined
      await clock.sleep(pauseMs, signal)
      pauseMs = Math.min(pauseMs * 2, 5_000)
    }
  }
  await connection?.leave()
}

const enterMsMax = 180_000
/** Connects to the keeper of the folder and has the needs fulfilled. Every failure but an abort is a `KeeperFault`. */
async function enter(folder: Folder, needs: readonly Need[], options: JoinOptions): Promise<Connection> {
  try {
    return await findOrStart(folder, needs, options)
  } catch (error) {
    if (options.signal?.aborted) throw error
    throw toFault(error, `The keeper of ${folder.root} cannot be joined`)
  }
}

async function findOrStart(folder: Folder, needs: readonly Need[], options: JoinOptions): Promise<Connection> {
  const { clock, signal, lingerMs = 10_000, progress = () => {} } = options
  const until = clock.monotonicMs() + enterMsMax
  let started: StartedKeeper | undefined
  let failures = 0
  while (clock.monotonicMs() < until) {
    signal?.throwIfAborted()
    const limitMs = until - clock.monotonicMs()
    const connection = await connectToKeeper(folder, needs, { clock, signal, progress, limitMs })
    if (connection !== 'nobody') return connection
    const ended = started?.endedWith()
    if (ended !== undefined && ended !== 0) failures += 1
    if (failures === 3) throw new KeeperFault('The keeper does not start.', lastWords(folder))
    if (started === undefined || ended !== undefined) started = await startKeeper(folder, lingerMs)
    await clock.sleep(20, signal)
  }
  throw new KeeperFault(`The keeper of ${folder.root} was not ready within three minutes.`, `Read ${folder.log}.`)
}

function lastWords(folder: Folder): string {
  const said = readFrom(folder.log, 0).trim().split('\n').at(-1)
  return said === undefined || said === '' ? `Read ${folder.log}.` : `Its last words: ${said}`
}
