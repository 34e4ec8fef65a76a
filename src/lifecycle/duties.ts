import { FenceLost } from '../faults.ts'
import type { Clock } from '../kit/clock.ts'
import { withTimeout } from '../kit/wait.ts'
import type { LeaderPermit, WorkerPermit } from '../permit.ts'
import { messageWithCauses, type Telemetry } from '../telemetry/telemetry.ts'

/**
 * Background work, each piece with a name and an owner: started when the role needs it, aborted by signal, awaited
 * before the role is left. One that fails is told, waits and is started again; it never ends the others.
 */
export type Duty<Right> = {
  readonly name: string
  /** Resolves when `signal` aborts; a rejection is a failure to be tried again. */
  readonly run: (right: Right, signal: AbortSignal) => Promise<void>
  /** Longest pause before it is tried again; for what must go on as soon as the database is back. */
  readonly longestPauseMs?: number
}
export type LeaderDuty = Duty<LeaderPermit>
/** Done by an instance that works: the leader, or every instance. People wait for it, so it says how soon it goes on. */
export type WorkDuty = Duty<WorkerPermit> & Required<Pick<Duty<WorkerPermit>, 'longestPauseMs'>>

export interface Running {
  /**
   * Tells every duty to end, and resolves when all have. One that does not end within `withinMs` (twelve seconds) is
   * named and left behind; the fence keeps it from writing.
   */
  stop(withinMs?: number): Promise<void>
}

const firstPauseMs = 500
const longestPauseMs = 30_000
/** Steps that are under way have ten seconds; then what they hold is given back. */
const endWithinMs = 12_000

export function startDuties<Right>(
  duties: readonly Duty<Right>[],
  right: Right,
  { clock, telemetry }: { readonly clock: Clock; readonly telemetry: Telemetry },
): Running {
  const over = new AbortController()
  const left = new Set(duties)
  const running = duties.map(async (duty) => {
    await keepRunning(duty, right, over.signal, clock, telemetry)
    left.delete(duty)
  })
  return {
    async stop(withinMs = endWithinMs) {
      const count = left.size
      over.abort()
      await withTimeout(clock, withinMs, Promise.all(running))
      if (left.size > 0) {
        const names = [...left].map(({ name }) => name).join(', ')
        telemetry.emit('DUTIES_ABANDONED', { duties: names, waited_s: withinMs / 1000 })
      }
      if (count > 0) telemetry.emit('BACKGROUND_CLEANED', { count: count - left.size })
    },
  }
}

async function keepRunning<Right>(
  duty: Duty<Right>,
  right: Right,
  signal: AbortSignal,
  clock: Clock,
  telemetry: Telemetry,
): Promise<void> {
  const maxMs = duty.longestPauseMs ?? longestPauseMs
  let pauseMs = firstPauseMs
  while (!signal.aborted) {
    const started = clock.monotonicMs()
    try {
      await duty.run(right, signal)
    } catch (error) {
      if (signal.aborted) return
      if (clock.monotonicMs() - started > maxMs) pauseMs = firstPauseMs
      // The right to work is over: the role or the membership reports it and aborts. The duty did not fail.
      if (!(error instanceof FenceLost)) {
        telemetry.emit('DUTY_FAILED', {
          duty: duty.name,
          error: messageWithCauses(error),
          retry_in_s: pauseMs / 1000,
        })
      }
      await clock.sleep(pauseMs, signal)
      pauseMs = Math.min(maxMs, pauseMs * 2)
      continue
    }
    // A duty that ends by itself without being told to has nothing more to do.
    return
  }
}

/** A duty that people wait for: after an outage, however long, it goes on within two seconds. */
export const workDuty = (name: string, run: WorkDuty['run']): WorkDuty => ({ name, run, longestPauseMs: 2_000 })

/** A duty that does one thing again and again. The first time at once. */
export const every = <Right>(
  name: string,
  ms: number,
  clock: Clock,
  work: (right: Right, signal: AbortSignal) => Promise<void>,
): Duty<Right> => ({
  name,
  async run(right, signal) {
    while (!signal.aborted) {
      await work(right, signal)
      await clock.sleep(ms, signal)
    }
  },
})
