import type { Clock } from '../kit/clock.ts'
import { late, withTimeout } from '../kit/wait.ts'
import type { Duty } from '../lifecycle/duties.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'

/**
 * Makes connections ahead of their first use, beside the service and never before it: an update that comes meanwhile
 * makes what it needs by itself. Done or cut (by its budget, or by a stop), one line says so, and nothing of it is left:
 * what a cut task still answers is heard by nobody.
 */
export type WarmUpTask = {
  readonly name: string
  /** Should end when `signal` aborts; it is not waited for then. */
  readonly run: (signal: AbortSignal) => Promise<unknown>
}

export function createWarmUp({
  tasks,
  budgetMs,
  clock,
  telemetry,
}: {
  readonly tasks: readonly WarmUpTask[]
  readonly budgetMs: number
  readonly clock: Clock
  readonly telemetry: Telemetry
}): Duty<undefined> {
  return {
    name: 'warm-up',
    async run(_, signal) {
      if (budgetMs <= 0) return
      const startedMs = clock.monotonicMs()
      const over = new AbortController()
      const cut = AbortSignal.any([signal, over.signal])
      const all = Promise.all(tasks.map((task) => attempt(task, cut)))
      const ended = await withTimeout(clock, budgetMs, all, signal)
      over.abort()
      const elapsed = Math.round(clock.monotonicMs() - startedMs)
      if (signal.aborted || ended === late) {
        telemetry.emit('BOOT_WARMUP_CANCELLED', { elapsed_ms: elapsed, budget_ms: budgetMs })
        return
      }
      const failed = ended.flatMap((name) => name ?? [])
      const more = failed.length === 0 ? {} : { failed: failed.join(',') }
      telemetry.emit('BOOT_WARMUP_DONE', { elapsed_ms: elapsed, ...more })
    },
  }
}

/** The name of the task when it failed: whoever needs it later meets the fault and tells it. */
async function attempt({ name, run }: WarmUpTask, signal: AbortSignal): Promise<string | undefined> {
  try {
    await run(signal)
    return undefined
  } catch {
    return name
  }
}
