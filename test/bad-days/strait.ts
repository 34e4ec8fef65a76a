import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import path from 'node:path'

/**
 * The only way between a service and its PostgreSQL or Redis, which a test makes narrow: every answer late, or nothing
 * passing in either direction while all connections stay open, as behind a network that drops packets.
 */
export type Strait = {
  /** Leads to the same server as the URL it was opened with. */
  readonly url: string
  /** Every answer of the server comes so much later from now on; 0 for at once. */
  delay(ms: number): void
  /** Nothing passes, new connections are taken and not answered. */
  stall(): void
  /** What was held back passes, and everything after it. */
  flow(): void
  end(): Promise<void>
}

export async function openStrait(serverUrl: string): Promise<Strait> {
  const target = new URL(serverUrl)
  const host = decodeURIComponent(target.hostname)
  const at = target.port || '5432'
  const dial = (): Socket =>
    host.startsWith('/') ? connect(path.join(host, `.s.PGSQL.${at}`)) : connect(Number(at), host)
  const sockets = new Set<Socket>()
  const held: (() => void)[] = []
  let delayMs = 0
  let isStalled = false

  /** In the order in which it came, however long each piece has to wait. */
  function carry(from: Socket, to: Socket, isLate: boolean): void {
    let before = Promise.resolve()
    const pass = (deliver: () => void) => {
      const due = isLate ? performance.now() + delayMs : 0
      before = before.then(async () => {
        const leftMs = due - performance.now()
        if (leftMs > 0) await new Promise((resolve) => setTimeout(resolve, leftMs))
        if (isStalled) await new Promise<void>((resolve) => held.push(resolve))
        deliver()
      })
    }
    from.on('data', (data) => pass(() => to.write(data)))
    from.on('end', () => pass(() => to.end()))
    from.on('error', () => pass(() => to.destroy()))
    from.on('close', () => sockets.delete(from))
  }

  const server = createServer({ allowHalfOpen: true }, (client) => {
    const session = dial()
    session.allowHalfOpen = true
    sockets.add(client).add(session)
    carry(client, session, false)
    carry(session, client, true)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const flow = () => {
    isStalled = false
    for (const resume of held.splice(0)) resume()
  }
  return {
    url: serverUrl.replace(/(:\/\/(?:[^@/]*@)?)[^/]+/, `$1127.0.0.1:${port}`),
    delay(ms) {
      delayMs = ms
    },
    stall() {
      isStalled = true
    },
    flow,
    async end() {
      flow()
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
