import type pg from 'pg'
import type { Clock } from '../../kit/clock.ts'
import { type InboxFigures, inboxFigures } from './inbox-step.ts'

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
  /** The row without a kind counts what is shelved. */
  const WAITING = `
    select task_identifier as kind, count(*) as pending,
           (extract(epoch from min(run_at) filter (where run_at < now())) * 1000)::bigint as oldest
      from ${schema}_jobs.jobs where attempts < max_attempts group by task_identifier
    union all
    select null, count(*), null from shelved_jobs`
  let kept: { readonly errands: ErrandFigures; readonly atMs: number } | undefined

  async function readErrands(): Promise<ErrandFigures> {
    const atMs = clock.monotonicMs()
    if (kept !== undefined && atMs - kept.atMs < errandsEveryMs) return kept.errands
    const { rows } = await pool.query<{ kind: string | null; pending: number; oldest: number | null }>(WAITING)
    const kinds = rows.flatMap(({ kind, pending, oldest }) => (kind === null ? [] : [{ kind, pending, oldest }]))
    const overdue = kinds.flatMap(({ oldest }) => oldest ?? [])
    const errands = {
      pendingByKind: new Map(kinds.map(({ kind, pending }) => [kind, pending])),
      pending: kinds.reduce((sum, { pending }) => sum + pending, 0),
      oldest: overdue.length === 0 ? undefined : Math.min(...overdue),
      shelved: rows.find(({ kind }) => kind === null)?.pending ?? 0,
    }
    kept = { errands, atMs }
    return errands
  }

  return async () => ({ inbox: await inboxFigures(pool), errands: await readErrands() })
}
