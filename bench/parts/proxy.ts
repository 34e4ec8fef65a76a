import { Agent, createServer, request } from 'node:http'

/**
 * A tiny load balancer: the next request goes to the next instance, over connections that are kept. It repeats nothing,
 * so whatever an instance does not answer is seen by whoever sent it. A deploy tells it who is there.
 */
export type Proxy = {
  readonly url: string
  add(instance: string): void
  /** Resolves when everything it was sent is answered. */
  remove(instance: string): Promise<void>
  close(): Promise<void>
}

type Upstream = { readonly url: URL; readonly agent: Agent; open: number; idle: () => void }

export async function startProxy(): Promise<Proxy> {
  const upstreams: Upstream[] = []
  let turn = 0
  const server = createServer((incoming, outgoing) => {
    turn += 1
    const upstream = upstreams[turn % upstreams.length]
    if (upstream === undefined) return void outgoing.writeHead(502).end()
    upstream.open += 1
    const done = () => {
      upstream.open -= 1
      if (upstream.open === 0) upstream.idle()
    }
    const { method, headers } = incoming
    const passed = request(upstream.url, { method, headers, path: incoming.url, agent: upstream.agent }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
      answer.once('close', done)
    })
    passed.once('error', () => {
      done()
      if (!outgoing.headersSent) outgoing.writeHead(502).end()
    })
    incoming.pipe(passed)
  })
  server.keepAliveTimeout = 60_000
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    add(instance) {
      upstreams.push({ url: new URL(instance), agent: new Agent({ keepAlive: true }), open: 0, idle: () => {} })
    },
    async remove(instance) {
      const index = upstreams.findIndex(({ url }) => url.href === new URL(instance).href)
      const [upstream] = upstreams.splice(index, 1)
      if (upstream === undefined) throw new Error(`${instance} is not there`)
      if (upstream.open > 0) await new Promise<void>((resolve) => Object.assign(upstream, { idle: resolve }))
      upstream.agent.destroy()
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
