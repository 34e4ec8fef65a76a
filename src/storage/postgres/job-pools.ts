import type pg from 'pg'
import type { InstanceId } from '../../kit/ids.ts'
import { attemptsMax } from './errands.ts'
import { mayWork } from './fence.ts'
import type { Sql } from './sql.ts'
import { inTransaction } from './store.ts'

/**
 * The locks of the queue. A job that is handed out is locked in the name of a pool, one for each start of an engine. The
 * pools are kept in a table of ours, with the instance, so that a lock can be given to nobody when its instance is gone.
 */
export type JobPools = {
  /** Before the engine takes its first job. */
  add(pool: string): Promise<void>
  /** After the engine has ended and holds nothing. */
  remove(pool: string): Promise<void>
  /**
   * When this instance begins to work: unlocks what engines hold that may not work any more, also earlier ones of this
   * process. Says how many held something.
   */
  unlockFormer(): Promise<number>
  /** Unlocks what other instances hold that may not work any more. Says how many engines held some. */
  unlockGone(): Promise<number>
}

export function createJobPools({
  pool: connections,
  schema,
  instance,
}: {
  readonly pool: pg.Pool
  readonly schema: string
  readonly instance: InstanceId
}): JobPools {
  const jobs = `${schema}_jobs`
  const ADD = 'insert into job_pools (pool, instance) values ($1, $2)'
  const REMOVE = 'delete from job_pools where pool = $1'
  const GONE = `p.instance <> $1 and not ${mayWork('p.instance')}`
  const FORMER = `p.instance = $1 or not ${mayWork('p.instance')}`
  const unlock = (which: string) => `
    with former as (delete from job_pools p where ${which} returning pool, instance),
         held as (select id, locked_by, attempts from ${jobs}.jobs where locked_by is not null),
         unlocked as (
           select pool from former
           union
           -- A pool is known for as long as it may hold something, so this is a lock that nobody will end.
           select locked_by from held where not exists (select from job_pools where pool = locked_by))
    select (select count(distinct locked_by) from held where locked_by = any(array_agg(pool)))::int as pools,
           -- A process that lives was not ended by what it executed.
           array(select id from held join former on locked_by = former.pool
                  where instance = $1 and attempts < ${attemptsMax}) as innocent,
           ${jobs}.force_unlock_workers(coalesce(array_agg(pool), '{}'))
      from unlocked`
  const NO_DEATHS = `select 1 from ${jobs}.reschedule_jobs($1::bigint[], attempts => 0)`
  // A job that a newer one replaced while it was executed, and that was unlocked then.
  const REPLACED = `
    select 1 from ${jobs}.complete_jobs(array(
      select id from ${jobs}.jobs where attempts = ${attemptsMax} and max_attempts = ${attemptsMax} and locked_at is null))`

  async function unlockPools(sql: Sql, statement: string): Promise<number> {
    const { rows } = await sql.query<{ pools: number; innocent: readonly string[] }>(statement, [instance])
    const [{ pools, innocent } = { pools: 0, innocent: [] }] = rows
    if (innocent.length > 0) await sql.query(NO_DEATHS, [innocent])
    await sql.query(REPLACED)
    return pools
  }

  return {
    async add(pool) {
      await connections.query(ADD, [pool, instance])
    },
    async remove(pool) {
      await connections.query(REMOVE, [pool])
    },
    unlockFormer: () => inTransaction(connections, (sql) => unlockPools(sql, unlock(FORMER))),
    unlockGone: () => inTransaction(connections, (sql) => unlockPools(sql, unlock(GONE))),
  }
}
