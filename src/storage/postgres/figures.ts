import type pg from 'pg'
import { after, type Clock } from '../../kit/clock.ts'
import type { LossFigures } from '../../losses/loss-figures.ts'
import { shopDayAt, shopDaySpan } from '../../money/shop-day.ts'
import { type InboxFigures, inboxFigures } from './inbox-step.ts'
import { lossFigures } from './losses-admin.ts'
import { sqlOf } from './store.ts'

export type ErrandFigures = {
  readonly pendingByKind: ReadonlyMap<string, number>
  readonly pending: number
  /** When the oldest overdue errand should have begun, by the clock of this instance; milliseconds since 1970. */
  readonly oldest: number | undefined
  readonly shelved: number
}

/** Counting every job costs more than the rest of the figures together, and nobody needs it more often; nor losses. */
const slowEveryMs = 10_000
const rowMs = 24 * 3600 * 1000

/** Reads what waits, for health and metrics: the inbox along partial indexes, and every ten seconds jobs and losses. */
export function createReadFigures({
  pool,
  schema,
  timezone,
  clock,
}: {
  readonly pool: pg.Pool
  readonly schema: string
  /** Of the shop's day. */
  readonly timezone: string
  readonly clock: Clock
}): () => Promise<{ readonly inbox: InboxFigures; readonly errands: ErrandFigures; readonly losses: LossFigures }> {
  /**
   * The row without a kind counts what is shelved. Jobs are due by the clock of the database, so their age is its own
   * too: the clocks of two machines may differ.
   */
  const WAITING = `
    select task_identifier as kind, count(*) as pending,
           (extract(epoch from now() - min(run_at) filter (where run_at < now())) * 1000)::bigint as overdue_ms
      from ${schema}_jobs.jobs where attempts < max_attempts group by task_identifier
    union all
    select null, count(*), null from shelved_jobs`
  const sql = sqlOf(pool)
  let kept: { readonly errands: ErrandFigures; readonly losses: LossFigures; readonly atMs: number } | undefined

  async function readErrands(): Promise<ErrandFigures> {
    const { rows } = await pool.query<{ kind: string | null; pending: number; overdue_ms: number | null }>(WAITING)
    const kinds = rows.flatMap(({ kind, ...row }) => (kind === null ? [] : [{ kind, ...row }]))
    const overdue = kinds.flatMap(({ overdue_ms: ms }) => ms ?? [])
    return {
      pendingByKind: new Map(kinds.map(({ kind, pending }) => [kind, pending])),
      pending: kinds.reduce((sum, { pending }) => sum + pending, 0),
      oldest: overdue.length === 0 ? undefined : clock.now() - Math.max(...overdue),
      shelved: rows.find(({ kind }) => kind === null)?.pending ?? 0,
    }
  }

  async function readLosses(): Promise<LossFigures> {
    const now = clock.now()
    const day = shopDayAt(now, timezone)
    return { day, ...(await lossFigures(sql, shopDaySpan(day, timezone), { from: after(now, -rowMs), to: now })) }
  }

  async function readSlow() {
    const atMs = clock.monotonicMs()
    if (kept === undefined || atMs - kept.atMs >= slowEveryMs) {
      kept = { errands: await readErrands(), losses: await readLosses(), atMs }
    }
    return { errands: kept.errands, losses: kept.losses }
  }

  return async () => ({ inbox: await inboxFigures(pool), ...(await readSlow()) })
}
