import type pg from 'pg'
import { type InboxFigures, inboxFigures } from './inbox.ts'

export type ErrandFigures = {
  readonly pendingByKind: ReadonlyMap<string, number>
  readonly pending: number
  /** When the oldest overdue errand should have begun; milliseconds since 1970. */
  readonly oldest: number | undefined
  readonly shelved: number
}

/** What waits, for health and metrics; three statements that count. */
export async function readFigures(
  pool: pg.Pool,
  schema: string,
): Promise<{ inbox: InboxFigures; errands: ErrandFigures }> {
  const WAITING = `
    select task_identifier as kind, count(*) as pending,
           (extract(epoch from min(run_at) filter (where run_at < now())) * 1000)::bigint as oldest
      from ${schema}_jobs.jobs where attempts < max_attempts group by task_identifier`
  const SHELVED = 'select count(*) as shelved from shelved_jobs'
  const inbox = await inboxFigures(pool)
  const { rows } = await pool.query<{ kind: string; pending: number; oldest: number | null }>(WAITING)
  const shelved = await pool.query<{ shelved: number }>(SHELVED)
  const overdue = rows.flatMap((row) => row.oldest ?? [])
  return {
    inbox,
    errands: {
      pendingByKind: new Map(rows.map((row) => [row.kind, row.pending])),
      pending: rows.reduce((sum, row) => sum + row.pending, 0),
      oldest: overdue.length === 0 ? undefined : Math.min(...overdue),
      shelved: shelved.rows[0]?.shelved ?? 0,
    },
  }
}
