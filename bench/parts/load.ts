import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { type Latency, latencyOf } from './figures.ts'

/**
 * Posts updates as Telegram does: over a limited number of kept connections, one request at a time on each. Written on
 * bare sockets, because a generator that costs more than the servers it drives would measure itself.
 */
export type Target = { readonly url: string; readonly secret: string }

/** Answers are posted one after the other on each connection, for so long, as fast as they come. */
export type Flat = {
  readonly connections: number
  readonly seconds: number
  readonly next: () => string
}
export type Rate = { readonly perSecond: number; readonly latency: Latency; readonly refused: number }

/** As many as the connections can carry. */
export async function asFastAsPossible(target: Target, { connections, seconds, next }: Flat): Promise<Rate> {
  const lines = await Promise.all(Array.from({ length: connections }, () => openLine(target)))
  const samples: number[] = []
  let refused = 0
  const started = performance.now()
  const end = started + seconds * 1_000
  await Promise.all(
    lines.map(
      (line) =>
        new Promise<void>((resolve, reject) => {
          line.onLost(reject)
          const again = () => {
            const sent = performance.now()
            if (sent >= end) return resolve()
            line.post(next(), (status) => {
              samples.push(performance.now() - sent)
              if (status !== 200) refused += 1
              again()
            })
          }
          again()
        }),
    ),
  )
  const tookS = (performance.now() - started) / 1_000
  for (const line of lines) line.close()
  return { perSecond: samples.length / tookS, latency: latencyOf(samples), refused }
}

/**
 * A sender of a fixed pace. What finds no free connection waits for one, and its time counts from when it was handed
 * over: a server that stands still is charged for everything that should have been sent meanwhile.
 */
export type Sender = {
  send(body: string, acked?: (tookMs: number, status: number) => void): void
  /** Resolves when everything that was sent is answered. */
  settled(): Promise<void>
  close(): void
}

export async function openSender(target: Target, connections: number): Promise<Sender> {
  type Waiting = { readonly body: string; readonly acked: (status: number) => void }
  const lines = await Promise.all(Array.from({ length: connections }, () => openLine(target)))
  const idle = [...lines]
  const waiting: Waiting[] = []
  let open = 0
  let lost: Error | undefined
  let isClosed = false
  const join = (line: Line) =>
    line.onLost((error) => {
      const index = idle.indexOf(line)
      if (index < 0) lost = error
      else {
        // A server may close a connection on which nothing came for a while; Telegram opens another one then.
        idle.splice(index, 1)
        lines.splice(lines.indexOf(line), 1)
        openLine(target).then(
          (fresh) => {
            if (isClosed) return fresh.close()
            join(fresh)
            lines.push(fresh)
            idle.push(fresh)
          },
          (cause: Error) => {
            lost = cause
          },
        )
      }
    })
  for (const line of lines) join(line)
  const post = (line: Line, { body, acked }: Waiting) =>
    line.post(body, (status) => {
      const next = waiting.shift()
      if (next === undefined) idle.push(line)
      else post(line, next)
      acked(status)
    })
  return {
    send(body, acked) {
      const handedOver = performance.now()
      open += 1
      const item: Waiting = {
        body,
        acked(status) {
          open -= 1
          acked?.(performance.now() - handedOver, status)
        },
      }
      // The one that has been idle longest: Node closes a connection on which nothing came for a minute.
      const line = idle.shift()
      if (line === undefined) waiting.push(item)
      else post(line, item)
    },
    async settled() {
      while (open > 0) {
        if (lost !== undefined) throw lost
        await pause(5)
      }
    },
    close() {
      isClosed = true
      for (const line of lines) line.close()
    },
  }
}

/** Calls `each` so many times a second, evenly; what the timer was late for is made up at once. */
export async function atPace(
  perSecond: number,
  seconds: number,
  each: (index: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  const started = performance.now()
  const total = Math.round(perSecond * seconds)
  for (let done = 0; done < total && !signal?.aborted; ) {
    const due = Math.min(total, Math.floor(((performance.now() - started) / 1_000) * perSecond) + 1)
    for (; done < due; done++) each(done)
    await pause(1)
  }
}

/** Acknowledgements at a fixed pace. */
export async function atRate(target: Target, wish: Flat & { readonly perSecond: number }): Promise<Rate> {
  const sender = await openSender(target, wish.connections)
  const samples: number[] = []
  let refused = 0
  await atPace(wish.perSecond, wish.seconds, () =>
    sender.send(wish.next(), (tookMs, status) => {
      samples.push(tookMs)
      if (status !== 200) refused += 1
    }),
  )
  await sender.settled()
  sender.close()
  return { perSecond: samples.length / wish.seconds, latency: latencyOf(samples), refused }
}

/** One kept connection; one request at a time. */
type Line = {
  post(body: string, answered: (status: number) => void): void
  onLost(lost: (error: Error) => void): void
  close(): void
}

async function openLine({ url, secret }: Target): Promise<Line> {
  const { hostname, port, pathname } = new URL(url)
  const head =
    `POST ${pathname} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nContent-Type: application/json\r\n` +
    `X-Telegram-Bot-Api-Secret-Token: ${secret}\r\nContent-Length: `
  const socket = await connected(Number(port), hostname)
  let answered: ((status: number) => void) | undefined
  let received = ''
  let lost: (error: Error) => void = () => {}
  socket.setEncoding('latin1')
  socket.on('data', (chunk: string) => {
    received += chunk
    const answer = readAnswer(received)
    if (answer === undefined) return
    received = received.slice(answer.length)
    const tell = answered
    answered = undefined
    tell?.(answer.status)
  })
  socket.on('error', (error) => lost(error))
  socket.on('close', () => lost(new Error(`${url} closed a connection of the load`)))
  return {
    post(body, then) {
      answered = then
      socket.write(`${head}${Buffer.byteLength(body)}\r\n\r\n${body}`)
    },
    onLost(tell) {
      lost = tell
    },
    close() {
      lost = () => {}
      socket.destroy()
    },
  }
}

function connected(port: number, host: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host, noDelay: true })
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      resolve(socket)
    })
  })
}

/** The first answer in what was received, when it is whole. */
function readAnswer(text: string): { readonly status: number; readonly length: number } | undefined {
  const headEnd = text.indexOf('\r\n\r\n')
  if (headEnd < 0) return undefined
  const status = Number(text.slice(9, 12))
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, headEnd + 2))?.[1]
  if (length !== undefined) {
    const end = headEnd + 4 + Number(length)
    return text.length >= end ? { status, length: end } : undefined
  }
  const end = text.indexOf('\r\n0\r\n\r\n', headEnd + 2)
  return end < 0 ? undefined : { status, length: end + 7 }
}
