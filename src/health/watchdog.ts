import { Worker } from 'node:worker_threads'

/**
 * Ends a process whose event loop has been blocked for twenty seconds: it answers nobody, renews no lease, and another
 * instance should have its work. A thread of its own counts, because nothing in a blocked loop could. It counts its own
 * ticks and not the clock, so a machine that slept is not taken for a blocked loop.
 */
export const blockedMaxS = 20

const thread = `
const { workerData } = require('node:worker_threads')
const { writeSync } = require('node:fs')
const beats = new Int32Array(workerData.beats)
const still = new Int32Array(new SharedArrayBuffer(4))
let last = -1
let ticks = 0
for (;;) {
  Atomics.wait(still, 0, 0, 1000)
  const now = Atomics.load(beats, 0)
  ticks = now === last ? ticks + 1 : 0
  last = now
  if (ticks >= workerData.max) {
    // Nobody may be reading there.
    try { writeSync(2, 'The event loop was blocked for ' + ticks + ' s; this process ends.\\n') } catch {}
    process.kill(process.pid, 'SIGKILL')
  }
}`

/** `tick` is called with a function that must be called about once a second by the loop that is watched. */
export function startWatchdog(
  everySecond: (beat: () => void) => () => void,
  max = blockedMaxS,
): { stop(): Promise<void> } {
  const beats = new Int32Array(new SharedArrayBuffer(4))
  // Its own words are CommonJS, whatever the process was started with.
  const worker = new Worker(thread, { eval: true, execArgv: [], workerData: { beats: beats.buffer, max } })
  worker.unref()
  const stopBeating = everySecond(() => Atomics.add(beats, 0, 1))
  return {
    async stop() {
      stopBeating()
      await worker.terminate()
    },
  }
}
