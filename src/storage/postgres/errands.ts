import type { Errand, Errands } from '../../errands/errand.ts'
import { attemptsMaxOf, jobKeyOf, priorityOf, queueOf } from '../../errands/errand-jobs.ts'
import type { Sql } from './sql.ts'

/** One job of the engine (graphile-worker); `payload` is versioned because it outlives a deploy. */
export type JobPayload = { readonly version: 1; readonly errand: Errand; readonly cid: string }

/** Errands are jobs of the engine, added inside the step's transaction by one call. */
export function createPostgresErrands(sql: Sql, schema: string): Errands {
  const jobs = `${schema}_jobs`
  const ADD = `
    select 1 from ${jobs}.add_jobs(array(
      select (j.identifier, j.payload, j.queue_name, j.run_at, j.max_attempts, j.job_key, j.priority, j.flags)::${jobs}.job_spec
        from json_populate_recordset(null::${jobs}.job_spec, $1::json) j))`
  return {
    async add(errands) {
      if (errands.length === 0) return
      const specs = errands.map(({ errand, cid, at }) => ({
        identifier: errand.kind,
        payload: { version: 1, errand, cid } satisfies JobPayload,
        queue_name: queueOf(errand),
        run_at: at === undefined ? null : new Date(at).toISOString(),
        max_attempts: attemptsMaxOf(errand),
        job_key: jobKeyOf(errand),
        priority: priorityOf(errand),
        flags: null,
      }))
      await sql.query(ADD, [JSON.stringify(specs)])
    },
  }
}
