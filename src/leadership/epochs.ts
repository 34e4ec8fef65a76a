import type pg from 'pg'
import type { Clock } from '../kit/clock.ts'
import type { InstanceId } from '../kit/ids.ts'
import type { Holder } from '../lifecycle/leadership.ts'
import { answered } from './answered.ts'

/**
 * The epoch of the leadership, in PostgreSQL whoever the authority is: it is what the fence compares. Raising it takes
 * the fence exclusively, so it waits for the steps of the former leader and lets none of it begin any more.
 *
 * The row beside it tells who leads and when that was last renewed. An authority that forgot its holder (a Redis whose
 * memory is gone) or another one than the holder's (LOCK_BACKEND was changed while a former instance still runs) gives
 * the leadership away while somebody believes in it: the epoch then stays until that lease is over or given back.
 */
export type EpochDeps = {
  readonly backend: 'postgres' | 'redis'
  readonly clock: Clock
  readonly instance: InstanceId
  readonly host: string
  readonly pid: number
  readonly fenceKeys: readonly [number, number]
  /** Whoever did not renew for so long does not believe in the lease any more. */
  readonly leaseMs: number
  /** The database answers within this, besides what it was told to wait; else it is taken for gone. */
  readonly answerMs: number
}

export type Raised = {
  readonly epoch: number
  /** By the monotonic clock, from before the question. */
  readonly renewedMs: number
  /** Who led before and did not give it back, if anybody. */
  readonly silenced?: { readonly holder: string; readonly silentMs: number }
}

/** Longer than any step of the former leader can last: a statement has 8 s, and its program 5 s to go on. */
const fenceMs = 15_000

const FORMER = `
  select holder, backend, acquired_at, (extract(epoch from clock_timestamp() - renewed_at) * 1000)::bigint as silent_ms
    from leadership`
const ACQUIRED = `
  update leadership set epoch = epoch + 1, holder = $1, host = $2, pid = $3, backend = $4,
    backend_pid = case $4 when 'postgres' then pg_backend_pid() end,
    backend_start = case $4 when 'postgres' then
      (select backend_start from pg_stat_activity where pid = pg_backend_pid()) end,
    acquired_at = clock_timestamp(), renewed_at = clock_timestamp()
  returning epoch`
const NOTE_DEATH = 'insert into instance_deaths (instance) values ($1)'
const RENEWED = 'update leadership set renewed_at = clock_timestamp() where epoch = $1 and holder = $2'
const GIVEN_BACK = 'update leadership set renewed_at = null where epoch = $1 and holder = $2'

type Former = {
  holder: string | null
  backend: string | null
  acquired_at: Date | null
  silent_ms: number | null
}

/** Asks on this connection; `waitMs` is how long the database was told to wait before it answers. */
export function createAsk(
  client: pg.Client,
  { clock, answerMs }: Pick<EpochDeps, 'clock' | 'answerMs'>,
  signal?: AbortSignal,
) {
  return <Row extends pg.QueryResultRow>(text: string, values: unknown[] = [], waitMs = 0) =>
    answered('the database', client.query<Row>(text, values), clock, answerMs + waitMs, signal)
}

/** Who holds the leadership by the row, whether or not it is still believed in. */
export async function holderOf(client: pg.Client, deps: EpochDeps): Promise<Holder> {
  return named((await createAsk(client, deps)<Former>(FORMER)).rows[0])
}

/**
 * Raises the epoch and writes this instance down as the leader. While a former leader may still believe in its lease
 * and the lock did not say that it is gone, nothing is raised, and it is named instead.
 */
export async function raiseEpoch(client: pg.Client, deps: EpochDeps): Promise<Raised | { readonly ledBy: Holder }> {
  const { instance, host, pid, backend, fenceKeys, clock } = deps
  const ask = createAsk(client, deps)
  // Looked at before the fence is taken, so that nobody's steps stand still for an answer that is a no.
  const early = (await ask<Former>(FORMER)).rows[0]
  if (mayStillLead(early, deps)) return { ledBy: named(early) }
  await ask(`set lock_timeout = ${fenceMs}`)
  await ask('begin')
  await ask('select pg_advisory_xact_lock($1, $2)', [...fenceKeys], fenceMs)
  const former = (await ask<Former>(`${FORMER} for update`)).rows[0]
  if (mayStillLead(former, deps)) {
    await ask('rollback')
    return { ledBy: named(former) }
  }
  // The lease runs from before the question: whoever is frozen until the answer must not take it for a fresh one.
  const renewedMs = clock.monotonicMs()
  const raised = await ask<{ epoch: number }>(ACQUIRED, [instance, host, pid, backend])
  const silenced = silencedBy(former, instance)
  if (silenced.silenced !== undefined) await ask(NOTE_DEATH, [silenced.silenced.holder])
  await ask('commit')
  const epoch = raised.rows[0]?.epoch
  if (epoch === undefined) throw new Error('the leadership row is missing; the schema is not migrated')
  return { epoch, renewedMs, ...silenced }
}

/** Notes a renewal; false when another instance leads by now. */
export async function noteRenewal(
  client: pg.Client,
  deps: EpochDeps,
  epoch: number,
  signal?: AbortSignal,
): Promise<boolean> {
  return (await createAsk(client, deps, signal)(RENEWED, [epoch, deps.instance])).rowCount === 1
}

/** Notes that nobody believes in this lease any more. */
export async function noteGivenBack(client: pg.Client, deps: EpochDeps, epoch: number): Promise<void> {
  await createAsk(client, deps)(GIVEN_BACK, [epoch, deps.instance])
}

/**
 * A lock of PostgreSQL is free only when the session of its holder is gone. For any other pair of authorities only the
 * age of the lease tells.
 */
function mayStillLead(former: Former | undefined, { backend, instance, leaseMs }: EpochDeps): boolean {
  if (former === undefined || former.silent_ms === null || former.holder === instance) return false
  if (backend === 'postgres' && former.backend !== 'redis') return false
  return former.silent_ms < leaseMs
}

const silencedBy = (former: Former | undefined, instance: InstanceId): Pick<Raised, 'silenced'> =>
  former?.holder == null || former.silent_ms === null || former.holder === instance
    ? {}
    : { silenced: { holder: former.holder, silentMs: former.silent_ms } }

const named = (row: Former | undefined): Holder => ({
  instance: row?.holder ?? 'unknown',
  since: row?.acquired_at?.toISOString() ?? 'unknown',
})
