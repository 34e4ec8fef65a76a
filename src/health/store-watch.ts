import type { Clock } from '../kit/clock.ts'
import type { Duty } from '../lifecycle/duties.ts'
import { every } from '../lifecycle/duties.ts'

/**
 * Whether updates can be committed, by what becomes of them. The first one that is refused makes the instance not ready,
 * whatever the cause; one that is committed makes it ready again. A host then sends nothing more here, so while updates
 * are refused a trial is written instead, every second.
 */
export type StoreWatch = {
  /** The same function, with its endings noted. */
  watched<Args extends readonly unknown[], T>(store: (...args: Args) => Promise<T>): (...args: Args) => Promise<T>
  /** The last update, or the last trial after it, was refused. */
  readonly isRefused: () => boolean
  readonly duty: Duty<undefined>
}

const tryEveryMs = 1_000

export function createStoreWatch({
  tryToStore,
  clock,
}: {
  /** Commits a row as an update is committed, which leaves nothing behind. Rejects as the commit of an update does. */
  readonly tryToStore: () => Promise<void>
  readonly clock: Clock
}): StoreWatch {
  let isRefused = false

  function watched<Args extends readonly unknown[], T>(store: (...args: Args) => Promise<T>) {
    return async (...args: Args): Promise<T> => {
      try {
        const stored = await store(...args)
        isRefused = false
        return stored
      } catch (error) {
        isRefused = true
        throw error
      }
    }
  }

  const trial = watched(tryToStore)
  return {
    watched,
    isRefused: () => isRefused,
    duty: every('trials to store', tryEveryMs, clock, async () => {
      // That it is still refused is what the problem says already.
      if (isRefused) await trial().catch(() => undefined)
    }),
  }
}
