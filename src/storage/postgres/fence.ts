import type pg from 'pg'
import { FenceLost } from '../../faults.ts'
import type { Permit, WorkerPermit } from '../../permit.ts'
import { lockKeys } from './lock-keys.ts'

/**
 * The fence as SQL. A transaction holds the shared advisory lock first and looks at the permit in a later statement, which
 * has a snapshot of its own: an acquisition takes the lock exclusively, so what the look finds stays true until the commit.
 */

/** An instance may work when it lives, and shares the work or leads. `instance` is a value or a column. */
export const mayWork = (instance: string, incarnation?: string): string => `exists (
  select from instances i, leadership l
   where i.instance = ${instance} ${incarnation === undefined ? '' : `and i.incarnation = ${incarnation}`}
     and (i.work = 'shared' or (l.holder = i.instance and l.renewed_at is not null)))`

const LEADS = 'select 1 from leadership where epoch = $1'
const WORKS = `select 1 where ${mayWork('$1', '$2')}`

/** Selects one row while the permit holds, and none afterwards. */
export const permitHolds = (permit: Permit): { readonly text: string; readonly values: unknown[] } =>
  permit.kind === 'leader'
    ? { text: LEADS, values: [permit.epoch] }
    : { text: WORKS, values: [permit.instance, permit.incarnation] }

/** The permits of the work in one statement, as two columns for `allHold`. */
export const permitColumns = (permits: readonly WorkerPermit[]): readonly [readonly string[], readonly number[]] => [
  permits.map(({ instance }) => instance),
  permits.map(({ incarnation }) => incarnation),
]

/**
 * A common table expression of one row for a statement of a fenced packet, whose parameters have the `permitColumns`. It
 * fails when any permit is over, and must be joined by what is written: what nobody reads is not looked at.
 */
export const allHold = (instances: string, incarnations: string): string => `
  permit as materialized (
    select 1 / (count(*) = 0)::int as holds
      from unnest(${instances}::text[], ${incarnations}::int[]) as p (instance, incarnation)
     where not ${mayWork('p.instance', 'p.incarnation')})`

/**
 * The beginning of a transaction whose statement looks at its permits (`allHold`). While an acquisition, or the declaration
 * of a dead instance, is under way it waits; one that must not wait fails at once then (`atOnce`). A relaxed one is
 * committed without waiting for the disk.
 */
export function beginFenced(schema: string, { atOnce = false, relaxed = false } = {}): string {
  const [group, key] = lockKeys(schema, 'fence')
  const lock = atOnce
    ? `select 1 / pg_try_advisory_xact_lock_shared(${group}, ${key})::int`
    : `select pg_advisory_xact_lock_shared(${group}, ${key})`
  return `begin;${relaxed ? ' set local synchronous_commit = off;' : ''} ${lock}`
}

/** The lock and the look fail by dividing by zero, so that nothing of the packet is written. */
const isPermitOver = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === '22012'

/**
 * Sends a whole transaction in one packet and waits for all answers. The first failure is thrown; the transaction is over
 * in any case, unless the connection broke.
 */
export async function inOnePacket<Row extends pg.QueryResultRow>(
  client: pg.PoolClient,
  begin: string,
  statement: pg.QueryConfig,
): Promise<pg.QueryResult<Row>> {
  const { stream } = client.connection
  stream.cork()
  const sent = [client.query(begin), client.query<Row>(statement), client.query('commit')] as const
  stream.uncork()
  const answers = await Promise.allSettled(sent)
  for (const answer of answers) {
    if (answer.status === 'fulfilled') continue
    const { reason } = answer
    throw isPermitOver(reason) ? new FenceLost('the permit is over', { cause: reason }) : reason
  }
  // All of them are answered; this only takes the result out.
  return await sent[1]
}
