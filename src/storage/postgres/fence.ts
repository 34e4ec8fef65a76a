import pg from 'pg'
import { FenceLost } from '../../faults.ts'
import type { Permit } from '../../permit.ts'
import { lockKeys } from './lock-keys.ts'

/**
 * The fence as SQL. A transaction holds the shared advisory lock first and looks at the permit in a later statement, which
 * has a snapshot of its own: an acquisition takes the lock exclusively, so what the look finds stays true until the commit.
 */

/** An instance may work when it lives, and shares the work or leads. `instance` is a value or a column. */
export const mayWork = (instance: string, incarnation?: number): string => `exists (
  select from instances i, leadership l
   where i.instance = ${instance} ${incarnation === undefined ? '' : `and i.incarnation = ${incarnation}`}
     and (i.work = 'shared' or (l.holder = i.instance and l.renewed_at is not null)))`

/** Selects one row while the permit holds, and none afterwards. */
export const permitHolds = (permit: Permit): string =>
  permit.kind === 'leader'
    ? `select 1 from leadership where epoch = ${permit.epoch}`
    : `select 1 where ${mayWork(pg.escapeLiteral(permit.instance), permit.incarnation)}`

/**
 * The beginning of a transaction that fails when a permit is over. While an acquisition, or the declaration of a dead
 * instance, is under way it waits; one that must not wait fails at once then (`atOnce`). A relaxed one is committed
 * without waiting for the disk.
 */
export function beginFenced(
  schema: string,
  permits: readonly Permit[],
  { atOnce = false, relaxed = false } = {},
): string {
  const [group, key] = lockKeys(schema, 'fence')
  const lock = atOnce
    ? `select 1 / pg_try_advisory_xact_lock_shared(${group}, ${key})::int`
    : `select pg_advisory_xact_lock_shared(${group}, ${key})`
  const looks = permits.map((permit) => `select 1 / count(*) from (${permitHolds(permit)}) permit;`)
  return `begin;${relaxed ? ' set local synchronous_commit = off;' : ''}
    ${lock}; ${looks.join(' ')}`
}

/** `beginFenced` fails by dividing by zero, so that the rest of its packet is not executed. */
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
