import { createServer, type IncomingHttpHeaders, type RequestListener, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import type { TestContext } from 'node:test'

/** Real servers on loopback that end with the test: one that speaks HTTP, and one that says what it likes. */
export type Heard = {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}
export type Loopback = { readonly url: string; readonly heard: readonly Heard[] }

/** `answer` is called once the whole request has come. */
export async function serve(
  t: TestContext,
  answer: (heard: Heard, response: ServerResponse) => void,
): Promise<Loopback> {
  const heard: Heard[] = []
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request
      const one = { method, path, headers, body: Buffer.concat(chunks) }
      heard.push(one)
      answer(one, response)
    })
  }
  const server = createServer(listener)
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${await listen(server)}`, heard }
}

export async function serveJson(t: TestContext, body: unknown, status = 200): Promise<Loopback> {
  return serve(t, (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
}

export async function serveText(t: TestContext, text: string | Uint8Array, status = 200): Promise<Loopback> {
  return serve(t, (_, response) => {
    response.writeHead(status, { 'content-type': 'text/html' }).end(text)
  })
}

/** Takes connections and hands them over raw. */
export async function serveRaw(t: TestContext, take: (socket: Socket) => void): Promise<{ readonly port: number }> {
  const sockets = new Set<Socket>()
  const server = createTcpServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    take(socket)
  })
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: await listen(server) }
}

/** A port on which nobody listens any more. */
export async function closedPort(): Promise<number> {
  const server = createTcpServer()
  const port = await listen(server)
  await new Promise((resolve) => server.close(resolve))
  return port
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address: AddressInfo | string | null = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : 0)
    })
  })
}
