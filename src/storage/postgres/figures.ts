import type pg from 'pg'
import { type InboxFigures, inboxFigures } from './inbox.ts'

export type ErrandFigures = {
  readonly pendingByKind: ReadonlyMap<string, number>
  readonly pending: number
  /** When the oldest overdue errand should have begun; milliseconds since 1970. */
  readonly oldest: number | undefined
  readonly shelved: number
}

/** What waits, for health and metrics; two statements that count along partial indexes. */
export async function readFigures(
  pool: pg.Pool,
  schema: string,
): Promise<{ inbox: InboxFigures; errands: ErrandFigures }> {
  const ERRANDS = `
    select t.identifier as kind,
           count(*) filter (where j.attempts < j.max_attempts) as pending,
           count(*) filter (where j.attempts >= j.max_attempts and j.locked_at is null) as shelved,
           (extract(epoch from min(j.run_at) filter (where j.attempts < j.max_attempts and j.run_at < now())) * 1000)::bigint as oldest
      from ${schema}_jobs._private_jobs j
      join ${schema}_jobs._private_tasks t on t.id = j.task_id
     group by t.identifier`
  const inbox = await inboxFigures(pool)
  const { rows } = await pool.query<{ kind: string; pending: number; shelved: number; oldest: number | null }>(ERRANDS)
  const overdue = rows.flatMap((row) => row.oldest ?? [])
  return {
    inbox,
    errands: {
      pendingByKind: new Map(rows.map((row) => [row.kind, row.pending])),
      pending: rows.reduce((sum, row) => sum + row.pending, 0),
      oldest: overdue.length === 0 ? undefined : Math.min(...overdue),
      shelved: rows.reduce((sum, row) => sum + row.shelved, 0),
    },
  }
}
