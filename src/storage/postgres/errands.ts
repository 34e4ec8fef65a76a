import type { DueErrand, Errand, Errands } from '../../errands/errand.ts'
import type { Job } from '../../errands/errand-engine.ts'
import { attemptsMaxOf, jobKeyOf, priorityOf, queueOf } from '../../errands/errand-jobs.ts'
import type { Clock, Instant } from '../../kit/clock.ts'
import { cid } from '../../kit/ids.ts'
import type { Taking } from './errand-hand-over.ts'
import type { Sql } from './sql.ts'

/** One job of the engine (graphile-worker); `payload` is versioned because it outlives a deploy. */
export type JobPayload = {
  readonly version: 1
  readonly errand: Errand
  readonly cid: string
  readonly repeats?: number
}

/**
 * Errands are jobs of the engine, added inside the step's transaction by one call; those that the step takes into its
 * own hands are written as taken. These have no key: a later one does not replace what is being carried out.
 *
 * When one is due, the database decides by its own clock, so it is told how long to wait: a clock of ours that is set
 * back would make everything due at once, again and again.
 */
export function createPostgresErrands(sql: Sql, schema: string, clock: Clock, taking?: Taking): Errands {
  const jobs = `${schema}_jobs`
  const ADD = `
    select 1 from ${jobs}.add_jobs(array(
      select (j.identifier, j.payload, j.queue_name, now() + j.wait_ms * interval '1 millisecond', j.max_attempts,
              j.job_key, j.priority, null)::${jobs}.job_spec
        from json_to_recordset($1::json) j (identifier text, payload json, queue_name text, wait_ms float8,
                                            max_attempts int2, job_key text, priority int2)))`
  const TAKE = `
    insert into ${jobs}._private_jobs as job (task_id, payload, max_attempts, priority, attempts, locked_at, locked_by)
    select t.id, j.payload, j.max_attempts, j.priority, 1, now(), $2
      from json_to_recordset($1::json) j (identifier text, payload json, max_attempts int2, priority int2)
      join ${jobs}._private_tasks t using (identifier)
    returning job.id, job.payload`

  async function take(errands: readonly DueErrand[], { hands, wrote }: Taking): Promise<void> {
    if (errands.length === 0) return
    const { rows } = await sql.query<{ id: string; payload: JobPayload }>(TAKE, [
      JSON.stringify(errands.map((due) => specOf(due, clock))),
      hands,
    ])
    if (rows.length < errands.length) throw new Error('the engine does not know a kind of errand')
    wrote(
      rows.map(({ id, payload }) => {
        const job = jobOf(id, payload, 1, attemptsMaxOf(payload.errand))
        // A step draws one conversation at most.
        const drawing = errands.find(({ errand }) => errand.kind === job.errand.kind)?.drawing
        return drawing === undefined ? job : { ...job, drawing }
      }),
    )
  }

  async function leave(errands: readonly DueErrand[]): Promise<void> {
    if (errands.length > 0) await sql.query(ADD, [JSON.stringify(errands.map((due) => specOf(due, clock)))])
  }

  return {
    async add(errands) {
      const mine = new Set(errands.filter((due) => taking?.takes(due) === true))
      const others = errands.filter((due) => !mine.has(due))
      if (taking === undefined) return await leave(others)
      await Promise.all([take([...mine], taking), leave(others)])
    },
  }
}

const specOf = ({ errand, cid, at }: DueErrand, clock: Clock) => ({
  identifier: errand.kind,
  payload: { version: 1, errand, cid } satisfies JobPayload,
  queue_name: queueOf(errand),
  wait_ms: waitMs(at, clock),
  max_attempts: attemptsMaxOf(errand),
  job_key: jobKeyOf(errand),
  priority: priorityOf(errand),
})

/** How long from now; null for at once. */
export const waitMs = (at: Instant | undefined, clock: Clock): number | null =>
  at === undefined ? null : Math.max(0, at - clock.now())

export function jobOf(id: string, payload: unknown, attempt: number, attemptsMax: number): Job {
  const { version, errand, cid: story, repeats = 0 } = payload as JobPayload
  if (version !== 1) throw new Error(`an errand of version ${String(version)} is not known to this program`)
  return { id, errand, cid: cid(story), attempt, attemptsMax, repeats }
}
