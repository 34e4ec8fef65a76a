import { createServer, type IncomingHttpHeaders } from 'node:http'
import { createSandbox } from '../../sandbox/sandbox.ts'
import { listen } from '../fixtures/loopback.ts'
import { patience } from '../fixtures/patience.ts'

export type Answer = { readonly status: number; readonly headers: Headers; readonly body: Json }
// biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely, an assertion follows each look
export type Json = any

type KieWish = { readonly directory?: string; readonly seed?: string; readonly pictureSideMax?: number }

export async function startKie({ directory, seed = 'test', ...more }: KieWish = {}) {
  const where = directory === undefined ? {} : { dataDir: directory }
  const sandbox = await createSandbox({ port: 0, seed, ...where, ...more })
  return { ...createClient(sandbox.url), close: sandbox.close }
}

export type Kie = Awaited<ReturnType<typeof startKie>>

function createClient(url: string) {
  const bearer = { authorization: 'Bearer test-key' }

  async function call(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = bearer,
  ): Promise<Answer> {
    const answer = await fetch(path.startsWith('http') ? path : `${url}${path}`, {
      method,
      headers: {
        ...headers,
        ...(body === undefined || body instanceof FormData ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: body instanceof FormData ? body : JSON.stringify(body) }),
    })
    const text = await answer.text()
    const isJson = answer.headers.get('content-type')?.includes('json') === true
    return { status: answer.status, headers: answer.headers, body: isJson ? JSON.parse(text) : text }
  }
  const submit = (model: string, input: object, callBackUrl?: string) =>
    call('POST', '/kie/api/v1/jobs/createTask', { model, input, ...(callBackUrl === undefined ? {} : { callBackUrl }) })

  return {
    url,
    call,
    submit,
    /** Submits, asserts nothing, and gives the id of the task. */
    taskOf: async (model: string, input: object, callBackUrl?: string): Promise<string> =>
      String((await submit(model, input, callBackUrl)).body.data?.taskId),
    record: (id: string) => call('GET', `/kie/api/v1/jobs/recordInfo?taskId=${id}`),
    /** The task as the control API shows it, once it has ended. */
    ended: async (id: string): Promise<Json> => (await call('GET', `/sandbox/v1/kie/tasks/${id}?wait_ms=8000`)).body,
    behave: (behaviour: object) => call('PUT', '/sandbox/v1/kie/behaviour', behaviour),
    advance: (ms: number) => call('POST', '/sandbox/v1/clock', { advance_ms: ms }),
    /** Nothing was ever asked of it, and nobody has used up what it takes in ten seconds. */
    async afresh() {
      await call('POST', '/sandbox/v1/reset', {})
      await call('POST', '/sandbox/v1/clock', { advance_ms: 10_000 })
    },
    fault: (fault: object) => call('POST', '/sandbox/v1/faults', { on: 'kie', ...fault }),
    async bytes(address: string): Promise<{ status: number; type: string; bytes: Buffer }> {
      const answer = await fetch(address)
      const bytes = Buffer.from(await answer.arrayBuffer())
      return { status: answer.status, type: answer.headers.get('content-type') ?? '', bytes }
    },
  }
}

export type Posted = { readonly headers: IncomingHttpHeaders; readonly body: Json }

/** A callback that does not come fails its test instead of holding it. */
const receivedWithinMs = patience(10_000)

/** A bot's callback address. `answer` gives the status of each call; `received(n)` resolves once n have come. */
export async function startReceiver(answer: (count: number) => number | 'cut' = () => 200) {
  const posts: Posted[] = []
  let wake = (): void => undefined
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(Buffer.from(chunk))
    posts.push({ headers: request.headers, body: JSON.parse(Buffer.concat(chunks).toString()) })
    const status = answer(posts.length)
    if (status === 'cut') request.socket.destroy()
    else response.writeHead(status, { connection: 'close' }).end('{}')
    wake()
  })
  const port = await listen(server)
  return {
    url: `http://127.0.0.1:${port}/callback`,
    posts,
    async received(count: number): Promise<readonly Posted[]> {
      const deadline = AbortSignal.timeout(receivedWithinMs)
      while (posts.length < count) {
        deadline.throwIfAborted()
        await new Promise<void>((resolve) => {
          wake = resolve
          deadline.addEventListener('abort', () => resolve(), { once: true })
        })
      }
      return posts
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
