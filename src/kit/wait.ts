import type { Clock } from './clock.ts'

/** Every way to wait for one of several things. None leaves a listener or a timer behind. */

/** Calls `run` once when the signal aborts, at once when it has; the returned function cancels that. */
export function onAbort(signal: AbortSignal | undefined, run: () => void): () => void {
  if (signal?.aborted) run()
  else signal?.addEventListener('abort', run, { once: true })
  return () => signal?.removeEventListener('abort', run)
}

/** Waits for `work`, or until the signal aborts: then it gives undefined, and nobody waits for the work any more. */
export function untilAborted<T = undefined>(signal: AbortSignal, work?: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const cancel = onAbort(signal, () => resolve(undefined))
    work?.then(resolve, reject).finally(cancel)
  })
}

/** Given to an abort, which without a reason makes an error with a stack, however often nobody looks at it. */
const ended = 'ended'

/** What `withTimeout` gives when the work took too long. */
export const late: unique symbol = Symbol('late')

/** Waits for `work` no longer than `ms`, nor after the signal aborts. The work itself goes on; its failure is not thrown then. */
export async function withTimeout<T>(
  clock: Clock,
  ms: number,
  work: Promise<T>,
  signal?: AbortSignal,
): Promise<T | typeof late> {
  const over = new AbortController()
  const cancel = onAbort(signal, () => over.abort(ended))
  try {
    return await Promise.race([work, clock.sleep(ms, over.signal).then((): typeof late => late)])
  } finally {
    cancel()
    over.abort(ended)
  }
}

/** A pause that can be ended early by somebody else. One at a time. */
export class Pause {
  readonly #clock: Clock
  #over = new AbortController()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Ends the pause that is going on, if there is one. */
  end(): void {
    this.#over.abort(ended)
  }

  /**
   * Pauses for `ms` (undefined: without a limit), until `end` is called or the signal aborts. It can be ended from the
   * moment of the call on, also while `ms` is still being asked for. True when the time has passed.
   */
  async rest(ms: number | undefined | Promise<number>, signal: AbortSignal): Promise<boolean> {
    const over = new AbortController()
    this.#over = over
    const cancel = onAbort(signal, () => over.abort(ended))
    try {
      const limitMs = await ms
      if (limitMs === undefined) await untilAborted(over.signal)
      else await this.#clock.sleep(limitMs, over.signal)
      return !over.signal.aborted
    } finally {
      cancel()
    }
  }
}
