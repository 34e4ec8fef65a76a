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
  /** Everything that is waiting or being drawn fails. */
  giveUp(): void
  stop(): Promise<void>
}

type Waiting = { readonly resolve: (finished: Finished) => void; readonly reject: (fault: Error) => void }
type Thread = { readonly worker: Worker; readonly waiting: Map<number, Waiting> }

export function createPainter(): Painter {
  let thread: Thread | undefined
  let lastId = 0

  function start(): Thread {
    const worker = new Worker(new URL('./worker.ts', import.meta.url))
    const started: Thread = { worker, waiting: new Map() }
    worker.unref()
    worker.on('message', (finished: Finished) => {
      started.waiting.get(finished.id)?.resolve(finished)
      started.waiting.delete(finished.id)
    })
    const end = (fault: Error): void => {
      if (thread === started) thread = undefined
      for (const one of started.waiting.values()) one.reject(fault)
      started.waiting.clear()
    }
    worker.on('error', (fault) => end(fault instanceof Error ? fault : new Error(String(fault))))
    worker.on('exit', () => end(new Error('The painter ended.')))
    return started
  }

  function ask(work: (id: number) => Work): Promise<Finished> {
    thread ??= start()
    const { worker, waiting } = thread
    lastId += 1
    const id = lastId
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject })
      worker.postMessage(work(id))
    })
  }

  async function stop(): Promise<void> {
    const stopping = thread
    thread = undefined
    await stopping?.worker.terminate()
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
    giveUp() {
      // An idle thread is kept: starting one takes a third of a second.
      if (thread !== undefined && thread.waiting.size > 0) void stop()
    },
    stop,
  }
}
