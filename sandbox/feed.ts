import type { ServerResponse } from 'node:http'
import type { Feed, FeedEvent } from './world.ts'

/** The live feed: every event goes to every listener, as server-sent events. Nothing is kept for those who come later. */
export interface OpenFeed extends Feed {
  /** Takes over the response; it ends when the listener goes or the sandbox closes. */
  listen(response: ServerResponse): void
  /** In-process listeners, such as long polls; the returned function ends it. */
  subscribe(heard: (event: FeedEvent) => void): () => void
  close(): void
}

const keepAliveMs = 15_000
/** A listener that does not read is dropped rather than buffered without end. */
const unreadBytesMax = 1024 * 1024

export function createFeed(): OpenFeed {
  const responses = new Set<ServerResponse>()
  const subscribers = new Set<(event: FeedEvent) => void>()
  const keepAlive = setInterval(() => send(': still here\n\n'), keepAliveMs)
  keepAlive.unref()

  function send(text: string): void {
    for (const response of responses) {
      if (response.writableLength > unreadBytesMax) response.destroy()
      else response.write(text)
    }
  }

  return {
    publish(event) {
      send(`data: ${JSON.stringify(event)}\n\n`)
      for (const heard of [...subscribers]) heard(event)
    },
    listen(response) {
      response.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        connection: 'keep-alive',
      })
      response.write('retry: 1000\n: welcome\n\n')
      responses.add(response)
      response.on('close', () => responses.delete(response))
    },
    subscribe(heard) {
      subscribers.add(heard)
      return () => void subscribers.delete(heard)
    },
    close() {
      clearInterval(keepAlive)
      for (const response of responses) response.end()
      responses.clear()
      subscribers.clear()
    },
  }
}
