/**
 * Draws pictures in a thread of its own, started by the first of them. A thread that dies fails the work it had and is
 * replaced by the next request. It never keeps the process alive.
 */
import { Worker } from 'node:worker_threads'
import type { PictureRequest } from './draw.ts'
import type { Size } from './size.ts'
import type { Finished, Work } from './worker.ts'

export type Painter = {
  draw(request: PictureRequest): Promise<Uint8Array>
  /** Undefined when the bytes are no picture. */
  measure(bytes: Uint8Array): Promise<Size | undefined>
  close(): Promise<void>
}

type Waiting = { readonly resolve: (finished: Finished) => void; readonly reject: (fault: Error) => void }

export function createPainter(): Painter {
  const waiting = new Map<number, Waiting>()
  let thread: Worker | undefined
  let lastId = 0

  function start(): Worker {
    const started = new Worker(new URL('./worker.ts', import.meta.url))
    started.unref()
    started.on('message', (finished: Finished) => {
      waiting.get(finished.id)?.resolve(finished)
      waiting.delete(finished.id)
    })
    const end = (fault: Error): void => {
      if (thread === started) thread = undefined
      for (const one of waiting.values()) one.reject(fault)
      waiting.clear()
    }
    started.on('error', (fault) => end(fault instanceof Error ? fault : new Error(String(fault))))
    started.on('exit', () => end(new Error('The painter ended.')))
    return started
  }

  function ask(work: (id: number) => Work): Promise<Finished> {
    thread ??= start()
    lastId += 1
    const id = lastId
    const answer = new Promise<Finished>((resolve, reject) => waiting.set(id, { resolve, reject }))
    thread.postMessage(work(id))
    return answer
  }

  return {
    async draw(request) {
      const finished = await ask((id) => ({ id, type: 'draw', request }))
      if (finished.type !== 'drawn') throw new Error(finished.type === 'failed' ? finished.why : 'not a picture')
      return finished.bytes
    },
    async measure(bytes) {
      const finished = await ask((id) => ({ id, type: 'measure', bytes }))
      return finished.type === 'measured' ? finished.size : undefined
    },
    async close() {
      await thread?.terminate()
    },
  }
}
