/** The painter's thread: one request at a time, so that drawing never holds up the sandbox's answers. */
import { parentPort } from 'node:worker_threads'
import { loadFonts } from './caption.ts'
import { drawPicture, measurePicture, type PictureRequest } from './draw.ts'
import type { Size } from './size.ts'

export type Work =
  | { readonly id: number; readonly type: 'draw'; readonly request: PictureRequest }
  | { readonly id: number; readonly type: 'measure'; readonly bytes: Uint8Array }
export type Finished =
  | { readonly id: number; readonly type: 'drawn'; readonly bytes: Uint8Array }
  | { readonly id: number; readonly type: 'measured'; readonly size: Size | undefined }
  | { readonly id: number; readonly type: 'failed'; readonly why: string }

loadFonts()
parentPort?.on('message', (work: Work) => {
  queue = queue.then(() => finish(work)).then((finished) => parentPort?.postMessage(finished))
})
let queue: Promise<unknown> = Promise.resolve()

async function finish(work: Work): Promise<Finished> {
  try {
    return work.type === 'draw'
      ? { id: work.id, type: 'drawn', bytes: await drawPicture(work.request) }
      : { id: work.id, type: 'measured', size: await measurePicture(work.bytes) }
  } catch (fault) {
    return { id: work.id, type: 'failed', why: String(fault) }
  }
}
