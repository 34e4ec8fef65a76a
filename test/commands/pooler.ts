import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import path from 'node:path'

/**
 * A connection pooler in transaction mode, small: clients share the server's sessions, and each transaction may have
 * another one. It lends the session that was given back last, as PgBouncer does; a new one is the last it takes.
 */
export async function startPooler(databaseUrl: string): Promise<{ readonly url: string; end(): Promise<void> }> {
  const target = new URL(databaseUrl)
  const host = decodeURIComponent(target.hostname)
  const at = target.port || '5432'
  const dial = (): Socket =>
    host.startsWith('/') ? connect(path.join(host, `.s.PGSQL.${at}`)) : connect(Number(at), host)
  const free: Socket[] = []
  const sockets = new Set<Socket>()

  const server = createServer((client) => {
    let lent: Socket | undefined = dial()
    let isIn = false
    sockets.add(client).add(lent)
    const give = (data: Buffer) => {
      client.write(data)
      // ReadyForQuery outside of a transaction ends what was sent: Z, length 5, status I.
      if (data.length < 6 || data.subarray(-6).toString('latin1') !== 'Z\0\0\0\x05I') return
      lent?.removeAllListeners('data')
      if (lent !== undefined) free.splice(isIn ? free.length : 0, 0, lent)
      isIn = true
      lent = undefined
    }
    lent.on('data', give)
    lent.on('error', () => client.destroy())
    client.on('data', (data) => {
      // A client's goodbye is for the pooler; the session stays.
      if (isIn && data[0] === 0x58) return void client.end()
      lent ??= free.pop()?.on('data', give)
      if (lent === undefined) client.destroy()
      else lent.write(data)
    })
    client.on('error', () => {})
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    url: databaseUrl.replace(/@[^/]+\//, `@127.0.0.1:${port}/`),
    async end() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
