import type { Instant } from '../kit/clock.ts'
import type { Cid } from '../kit/ids.ts'
import type { DueErrand, Errand } from './errand.ts'

/** What was counted of an errand so far; it travels with its job. */
export type Counts = {
  /** Executions that asked for another one, or threw. */
  readonly repeats: number
  /** Of these, the ones in a row that threw. */
  readonly failures: number
}
export type Job = Counts & {
  /** Its number in the queue. */
  readonly id: string
  readonly errand: Errand
  readonly cid: Cid
  /** A process had it when it died: perhaps because of it. */
  readonly isSuspect: boolean
}

/** Stores errands as jobs and hands them out. A port, implemented by `storage/postgres/errand-engine.ts`. */
export interface ErrandEngine {
  /**
   * Hands out due jobs until `stop` has resolved, after unlocking those of instances that do not work any more. A job is
   * done when `run` resolves. When it rejects, the job is released, to be handed out again soon, and nothing is counted.
   * `ended` rejects when the engine stopped by itself.
   */
  start(
    run: (job: Job) => Promise<void>,
  ): Promise<{ readonly stop: () => Promise<void>; readonly ended: Promise<void> }>
  /** Adds an errand outside any step. */
  add(errand: DueErrand): Promise<void>
  /**
   * Adds the errand of a job that is being executed again for later. One of its key that waits already keeps its time
   * if it has not been tried. When a newer job has replaced this one meanwhile, nothing is added: it knows more.
   */
  repeat(job: Job, at: Instant, counts: Counts): Promise<void>
  /** Notes that a suspect job is executed alone. Says how often that was begun before and ended with the process. */
  beginAlone(job: Job): Promise<number>
  /** It has ended, however, and the process lives. */
  endAlone(job: Job): Promise<void>
  /** Keeps a job that is being executed for a person to look at. False when a newer job has replaced it meanwhile. */
  shelve(job: Job, why: { readonly reason: string; readonly attempts: number }): Promise<boolean>
  /** Unlocks the jobs of instances that are gone; says how many engine starts held some. */
  unlockGone(): Promise<number>
}
