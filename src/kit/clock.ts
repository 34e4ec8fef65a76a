import type { Brand } from './brand.ts'

/** Milliseconds since 1970, UTC. */
export type Instant = Brand<number, 'Instant'>

export const instant = (ms: number): Instant => ms as Instant
export const after = (from: Instant, ms: number): Instant => instant(from + ms)

/**
 * The only door to time. `now` is the wall clock and may be set back; `monotonicMs` never goes back and is what
 * leases, deadlines within the process and durations are measured with.
 */
export interface Clock {
  now(): Instant
  monotonicMs(): number
  /** Resolves after `ms`, at once when `signal` aborts (it never rejects: look at the signal). */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Runs `run` once after `ms`; the returned function cancels it. Does not keep the process alive. */
  after(ms: number, run: () => void): () => void
}

/** The machine's clock. `offsetMs` moves the wall clock only, for drills with a wrong clock. */
export function createClock({ offsetMs = 0 }: { offsetMs?: number } = {}): Clock {
  return {
    now: () => instant(Date.now() + offsetMs),
    monotonicMs: () => performance.now(),
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve()
        const wake = () => {
          clearTimeout(timer)
          signal?.removeEventListener('abort', wake)
          resolve()
        }
        const timer = setTimeout(wake, ms)
        signal?.addEventListener('abort', wake, { once: true })
      }),
    after: (ms, run) => {
      const timer = setTimeout(run, ms)
      timer.unref()
      return () => clearTimeout(timer)
    },
  }
}
