import { chmodSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import type { Clock } from '../kit/clock.ts'
import { toFault } from './fault.ts'
import type { Log } from './log.ts'
import { createLineReader, failureOf, line, type Need, parseNeed, protocolVersion, type Ready } from './protocol.ts'

export interface UsersDeps {
  readonly socket: string
  readonly clock: Clock
  readonly log: Log
  /** How long nobody must be connected before `idle` resolves. */
  readonly lingerMs: number
  /** Fulfils one need; several users may ask for the same. */
  readonly answer: (need: Need, progress: (sentence: string) => void) => Promise<Ready>
}

export interface Users {
  /** Resolves once nobody has been connected for the linger; from then on nobody is let in. */
  readonly idle: Promise<void>
  /** From now on nothing lingers: it is over with the last user. */
  hurry(): void
  /** Lets nobody in any more and parts from those who are here. */
  close(): void
}

/**
 * The keeper's door: every connection is a user. The kernel closes the connection of a user that dies, however it
 * dies, so counting open connections is counting live users.
 */
export async function serveUsers({ socket, clock, log, lingerMs, answer }: UsersDeps): Promise<Users> {
  const users = new Set<Socket>()
  const idle = Promise.withResolvers<void>()
  let closing = false
  let hurried = false
  let cancelLinger = () => {}

  const close = () => {
    closing = true
    cancelLinger()
    server.close()
    for (const user of users) user.destroy()
    idle.resolve()
  }
  const lingerWhenAlone = () => {
    if (users.size === 0 && !closing) cancelLinger = clock.after(hurried ? 0 : lingerMs, close)
  }
  const server = createServer((user) => {
    if (closing) return void user.destroy()
    cancelLinger()
    users.add(user)
    user.once('close', () => {
      users.delete(user)
      lingerWhenAlone()
    })
    user.on('error', () => user.destroy())
    serveUser(user, answer, log)
  })

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(socket, resolve)
    // Bound synchronously: nobody of another user gets in before this.
    chmodSync(socket, 0o600)
  })
  lingerWhenAlone()
  const hurry = () => {
    hurried = true
    cancelLinger()
    lingerWhenAlone()
  }
  return { idle: idle.promise, hurry, close }
}

function serveUser(user: Socket, answer: UsersDeps['answer'], log: Log): void {
  const say = (text: string) => {
    if (user.writable) user.write(text)
  }
  const fulfil = async (need: Need) => {
    try {
      say(line(await answer(need, (progress) => say(line({ progress })))))
    } catch (error) {
      const fault = toFault(error, `The ${need.need} cannot be provided`)
      log(`The ${need.need} failed: ${fault.message}`)
      say(line(failureOf(need.need, fault)))
    }
  }
  const read = createLineReader((text) => void fulfil(parseNeed(text)))
  user.setEncoding('utf8')
  user.on('data', (chunk) => {
    try {
      read(String(chunk))
    } catch (error) {
      log(`A user said what is not understood: ${String(error)}`)
      user.destroy()
    }
  })
  say(line({ hello: protocolVersion, pid: process.pid }))
}
