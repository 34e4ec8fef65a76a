import { connect, type Socket } from 'node:net'
import type { Clock } from '../kit/clock.ts'
import { codeOf, KeeperFault, toFault } from './fault.ts'
import { type Folder, folderAt, makeFolder, readIfThere } from './folder.ts'
import { readFrom } from './log.ts'
import {
  type Answer,
  createLineReader,
  faultOf,
  line,
  type Need,
  parseAddress,
  parseAnswer,
  protocolVersion,
  type Ready,
} from './protocol.ts'
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
  const folder = folderAt(options.dataDir)
  await makeFolder(folder)
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
      await Promise.race([connection.closed, aborted(signal)])
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
/** A keeper greets at once; one that does not is suspended. */
const greetingMsMax = 15_000

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
  const { clock, signal, lingerMs = 10_000 } = options
  const until = clock.monotonicMs() + enterMsMax
  let started: StartedKeeper | undefined
  let failures = 0
  while (clock.monotonicMs() < until) {
    signal?.throwIfAborted()
    const connection = await connectOnce(folder, needs, options)
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

type Found = { [Name in Ready['ready']]?: Extract<Ready, { ready: Name }> }

interface Connection {
  readonly found: Found
  readonly closed: Promise<void>
  leave(): Promise<void>
}

/** `nobody`: no keeper listens, or the one that did is stopping. */
async function connectOnce(
  folder: Folder,
  needs: readonly Need[],
  { clock, signal, progress }: JoinOptions,
): Promise<Connection | 'nobody'> {
  const address = parseAddress((await readIfThere(folder.address)) ?? '')
  if (address === undefined) return 'nobody'
  const socket = await open(address.socket)
  if (socket === undefined) return 'nobody'
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  socket.on('error', () => socket.destroy())
  const cancel = clock.after(greetingMsMax, () =>
    socket.destroy(
      new KeeperFault(
        `The keeper of ${folder.root} (pid ${address.pid}) does not answer.`,
        `End it (kill -9 ${address.pid}) and start again; the data is safe.`,
      ),
    ),
  )
  const leave = () => {
    cancel()
    socket.destroy()
    return closed
  }
  try {
    const found = await ask(socket, needs, { progress: progress ?? (() => {}), greeted: cancel, signal })
    return found === 'gone' ? 'nobody' : { found, closed, leave }
  } catch (error) {
    await leave()
    throw error
  }
}

async function open(path: string): Promise<Socket | undefined> {
  try {
    return await new Promise((resolve, reject) => {
      const socket = connect(path)
      socket.once('connect', () => resolve(socket)).once('error', reject)
    })
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return undefined
    throw toFault(error, 'The keeper cannot be joined')
  }
}

function ask(
  socket: Socket,
  needs: readonly Need[],
  {
    progress,
    greeted,
    signal,
  }: { progress: (sentence: string) => void; greeted: () => void; signal?: AbortSignal | undefined },
): Promise<Found | 'gone'> {
  return new Promise((resolve, reject) => {
    const found: Found = {}
    const take = (answer: Answer) => {
      if ('hello' in answer) {
        greeted()
        if (answer.hello !== protocolVersion) reject(otherVersion(answer.pid))
      } else if ('progress' in answer) progress(answer.progress)
      else if ('failed' in answer) reject(faultOf(answer))
      else {
        Object.assign(found, { [answer.ready]: answer })
        if (needs.every(({ need }) => need in found)) resolve(found)
      }
    }
    const read = createLineReader((text) => take(parseAnswer(text)))
    socket.setEncoding('utf8').on('data', (chunk) => {
      try {
        read(String(chunk))
      } catch (error) {
        reject(error)
      }
    })
    // Every other error of the connection means what its end means.
    socket.once('error', (error) => error instanceof KeeperFault && reject(error))
    socket.once('close', () => resolve('gone'))
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
    socket.write(needs.map(line).join(''))
  })
}

function otherVersion(pid: number): KeeperFault {
  return new KeeperFault(
    `The keeper that runs (pid ${pid}) is of another version of TRT.`,
    'Stop everything that uses this folder, wait ten seconds, and start again.',
  )
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
