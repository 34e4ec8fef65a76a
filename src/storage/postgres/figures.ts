import type pg from 'pg'
import type { Clock } from '../../kit/clock.ts'
import { type InboxFigures, inboxFigures } from './inbox.ts'

export type ErrandFigures = {
  readonly pendingByKind: ReadonlyMap<string, number>
  readonly pending: number
  /** When the oldest overdue errand should have begun; milliseconds since 1970. */
  readonly oldest: number | undefined
  readonly shelved: number
}

/** Counting every job costs more than the rest of the figures together, and nobody needs it more often. */
const errandsEveryMs = 10_000

/** Reads what waits, for health and metrics: the inbox along partial indexes, and every ten seconds the jobs. */
export function createReadFigures({
  pool,
  schema,
  clock,
}: {
  readonly pool: pg.Pool
  readonly schema: string
  readonly clock: Clock
}): () => Promise<{ readonly inbox: InboxFigures; readonly errands: ErrandFigures }> {
  const ERRANDS = `
    select task_identifier as kind,
           count(*) filter (where attempts < max_attempts) as pending,
           count(*) filter (where attempts >= max_attempts and locked_at is null) as shelved,
           (extract(epoch from min(run_at) filter (where attempts < max_attempts and run_at < now())) * 1000)::bigint as oldest
      from ${schema}_jobs.jobs
     group by task_identifier`
  let kept: { readonly errands: ErrandFigures; readonly atMs: number } | undefined

  async function readErrands(): Promise<ErrandFigures> {
    const atMs = clock.monotonicMs()
    if (kept !== undefined && atMs - kept.atMs < errandsEveryMs) return kept.errands
    const { rows } = await pool.query<{ kind: string; pending: number; shelved: number; oldest: number | null }>(
      ERRANDS,
    )
    const overdue = rows.flatMap((row) => row.oldest ?? [])
    const errands = {
      pendingByKind: new Map(rows.map((row) => [row.kind, row.pending])),
      pending: rows.reduce((sum, row) => sum + row.pending, 0),
      oldest: overdue.length === 0 ? undefined : Math.min(...overdue),
      shelved: rows.reduce((sum, row) => sum + row.shelved, 0),
    }
    kept = { errands, atMs }
    return errands
  }

  return async () => ({ inbox: await inboxFigures(pool), errands: await readErrands() })
}
