import type { DueErrand, Errand, Errands } from '../../errands/errand.ts'
import type { Counts } from '../../errands/errand-engine.ts'
import { isErrandKind, jobKeyOf, priorityOf, queueOf } from '../../errands/errand-jobs.ts'
import type { Clock, Instant } from '../../kit/clock.ts'
import { type Cid, cid } from '../../kit/ids.ts'
import type { Sql } from './sql.ts'

/**
 * The payload of one job of the queue (graphile-worker). It is versioned because it outlives a deploy. The counts came
 * later and are absent in older rows; they do not change the version, because the program before this one must be able
 * to execute these jobs, too, while both run and after a rollback.
 */
export type JobPayload = Partial<Counts> & { readonly version: 1; readonly errand: Errand; readonly cid: string }

/**
 * The attempts that the queue gives a job. It counts a job that it handed out; the failures that shelve one are counted
 * in the payload. So only a job that a newer one of its key has replaced while it was executed has no attempts left.
 */
export const attemptsMax = 32_767

/**
 * Errands are jobs of the queue, added inside the step's transaction by one call.
 *
 * When one is due, the database decides by its own clock, so it is told how long to wait: a clock of ours that is set
 * back would make everything due at once, again and again.
 */
export function createPostgresErrands(sql: Sql, schema: string, clock: Clock): Errands {
  const jobs = `${schema}_jobs`
  const ADD = `
    select 1 from ${jobs}.add_jobs(array(
      select (j.identifier, j.payload, j.queue_name, now() + j.wait_ms * interval '1 millisecond', ${attemptsMax},
              j.job_key, j.priority, j.flags)::${jobs}.job_spec
        from json_to_recordset($1::json) j (identifier text, payload json, queue_name text, wait_ms float8,
                                            job_key text, priority int2, flags text[])))`
  return {
    async add(errands) {
      if (errands.length === 0) return
      await sql.query(ADD, [JSON.stringify(errands.map((due) => specOf(due, { repeats: 0, failures: 0 }, clock)))])
    },
  }
}

export const specOf = ({ errand, cid, at }: DueErrand, counts: Counts, clock: Clock) => ({
  identifier: errand.kind,
  payload: { version: 1, errand, cid, ...counts } satisfies JobPayload,
  queue_name: queueOf(errand),
  wait_ms: waitMs(at, clock),
  job_key: jobKeyOf(errand),
  priority: priorityOf(errand),
  flags: flagsOf(cid, counts),
})

/**
 * The queue's public view shows no payloads, but flags. They say there what an operator looks for; nothing is decided
 * by them.
 */
export const storyFlag = (cid: string): string => `cid:${cid}`
const flagsOf = (cid: Cid, { repeats, failures }: Counts): readonly string[] => [
  storyFlag(cid),
  ...(repeats > 0 ? [`repeats:${repeats}`] : []),
  ...(failures > 0 ? [`failures:${failures}`] : []),
]

/** How long from now; null for at once. */
const waitMs = (at: Instant | undefined, clock: Clock): number | null =>
  at === undefined ? null : Math.max(0, at - clock.now())

/** Undefined for a payload of a version, or with an errand of a kind, that this program does not know. */
export function readPayload(payload: unknown): (Counts & { readonly errand: Errand; readonly cid: Cid }) | undefined {
  const { version, errand, cid: story, repeats = 0, failures = 0 } = payload as JobPayload
  const isKnown = version === 1 && isErrandKind(errand.kind)
  return isKnown ? { errand, cid: cid(story), repeats, failures } : undefined
}
