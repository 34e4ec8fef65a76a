import { connect, type Socket } from 'node:net'
import type { Clock } from '../kit/clock.ts'
import { onAbort } from '../kit/wait.ts'
import { codeOf, KeeperFault, toFault } from './fault.ts'
import { type Folder, readIfThere } from './folder.ts'
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

/** What a keeper has answered, by the name of the need. */
export type Found = { [Name in Ready['ready']]?: Extract<Ready, { ready: Name }> }

/** One connection to a keeper that has fulfilled every need. While it is open, the keeper goes on fulfilling them. */
export interface Connection {
  readonly found: Found
  /** Resolves when the connection is over, whoever ended it. */
  readonly closed: Promise<void>
  leave(): Promise<void>
}

export interface ConnectOptions {
  readonly clock: Clock
  readonly signal?: AbortSignal | undefined
  readonly progress: (sentence: string) => void
  /** The keeper sets itself shorter limits; this one is for a keeper that was suspended. */
  readonly limitMs: number
}

/** A keeper greets at once. */
const greetingMsMax = 15_000

/** Asks the keeper of the folder for what is needed. `nobody`: none listens, or the one that did is stopping. */
export async function connectToKeeper(
  folder: Folder,
  needs: readonly Need[],
  options: ConnectOptions,
): Promise<Connection | 'nobody'> {
  const address = parseAddress((await readIfThere(folder.address)) ?? '')
  const socket = address === undefined ? undefined : await openSocket(address.socket)
  if (address === undefined || socket === undefined) return 'nobody'
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  const silent = new KeeperFault(
    `The keeper of ${folder.root} (pid ${address.pid}) does not answer.`,
    `End it (kill -9 ${address.pid}) and start again; the data is safe.`,
  )
  const leave = () => {
    socket.destroy()
    return closed
  }
  try {
    const found = await ask(socket, needs, silent, options)
    return found === 'gone' ? 'nobody' : { found, closed, leave }
  } catch (error) {
    await leave()
    throw error
  }
}

/** Undefined when nobody listens there. */
export async function openSocket(path: string): Promise<Socket | undefined> {
  try {
    return await new Promise((resolve, reject) => {
      const socket = connect(path)
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        // An error is followed by the end of the connection, and that is what everybody here listens to.
        socket.on('error', () => {})
        resolve(socket)
      })
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
  silent: KeeperFault,
  { clock, signal, progress, limitMs }: ConnectOptions,
): Promise<Found | 'gone'> {
  const cancelLimit = clock.after(limitMs, () => outcome.reject(silent))
  const cancelGreeting = clock.after(greetingMsMax, () => outcome.reject(silent))
  const giveUp = () => outcome.reject(signal?.reason)
  const outcome = Promise.withResolvers<Found | 'gone'>()
  const found: Found = {}
  const take = (answer: Answer) => {
    if ('hello' in answer) {
      cancelGreeting()
      if (answer.hello !== protocolVersion) outcome.reject(otherVersion(answer.pid))
    } else if ('progress' in answer) progress(answer.progress)
    else if ('failed' in answer) outcome.reject(faultOf(answer))
    else {
      Object.assign(found, { [answer.ready]: answer })
      if (needs.every(({ need }) => need in found)) outcome.resolve(found)
    }
  }
  const read = createLineReader((text) => take(parseAnswer(text)))
  socket.setEncoding('utf8').on('data', (chunk) => {
    try {
      read(String(chunk))
    } catch (error) {
      outcome.reject(error)
    }
  })
  socket.once('close', () => outcome.resolve('gone'))
  const cancelGiveUp = onAbort(signal, giveUp)
  socket.write(needs.map(line).join(''))
  return outcome.promise.finally(() => {
    cancelLimit()
    cancelGreeting()
    cancelGiveUp()
  })
}

function otherVersion(pid: number): KeeperFault {
  return new KeeperFault(
    `The keeper that runs (pid ${pid}) is of another version of TRT.`,
    'Stop everything that uses this folder, wait ten seconds, and start again.',
  )
}
