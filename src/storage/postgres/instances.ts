import type pg from 'pg'
import { type InstanceId, instanceId } from '../../kit/ids.ts'
import type { Beat, Instances } from '../../lifecycle/instances.ts'
import type { Role } from '../../lifecycle/lifecycle.ts'
import { mayWork } from './fence.ts'
import { lockKeys } from './lock-keys.ts'
import { inTransaction, sqlOf } from './store.ts'

/** How long a declaration waits for steps that are under way; everybody's steps wait with it, so it is short. */
const fenceMs = 2_000

const ANNOUNCE = `
  insert into instances (instance, incarnation, host, pid, work, role) values ($1, $2, $3, $4, $5, $6)
  on conflict (instance) do update
    set incarnation = excluded.incarnation, work = excluded.work, role = excluded.role, beat_at = clock_timestamp()`
/** Deaths are remembered for so long. */
const deathsKept = `interval '10 minutes'`
const BEAT = `
  update instances set beat_at = clock_timestamp(), role = $3 where instance = $1 and incarnation = $2
  returning (
    select (extract(epoch from clock_timestamp() - max(at)) * 1000)::float8 from instance_deaths
     where at > clock_timestamp() - ${deathsKept}) as death_ms_ago,
    not exists (select from instances where instance <> $1) as is_alone`
const LEAVE = 'delete from instances where instance = $1'
const WAITS = 'finished_at is null and shelved_at is null'
const FREE_OF = `update inbox set claimed_by = null where claimed_by = $1 and ${WAITS}`
const INTERRUPT_OF = `
  update inbox set claimed_by = null, interrupted = interrupted + 1 where claimed_by = any($1) and ${WAITS}`
const INTERRUPT_OF_NOBODY = `
  update inbox set claimed_by = null, interrupted = interrupted + 1
   where claimed_by is not null and ${WAITS} and not ${mayWork('claimed_by')}`
const NOTE_DEATHS = 'insert into instance_deaths (instance) select unnest($1::text[])'
const FORGET_DEATHS = `delete from instance_deaths where at < clock_timestamp() - ${deathsKept}`
const SILENT_MS = '(extract(epoch from clock_timestamp() - beat_at) * 1000)::float8'
const SILENT = `
  select instance, ${SILENT_MS} as silent_ms from instances
   where instance <> $1 and beat_at < clock_timestamp() - $2 * interval '1 millisecond'`
const DECLARE = `
  delete from instances
   where instance = any($1) and beat_at < clock_timestamp() - $2 * interval '1 millisecond'
  returning instance, ${SILENT_MS} as silent_ms`
const ALL = `
  select instance, host, pid, work, role, (extract(epoch from started_at) * 1000)::bigint as since,
         ${SILENT_MS} as silent_ms
    from instances order by started_at`

export type InstancesDeps = {
  /** For what is said every second; a busy step must not keep it. */
  readonly monitor: pg.Pool
  readonly steps: pg.Pool
  readonly schema: string
  readonly instance: InstanceId
  readonly host: string
  readonly pid: number
}

export function createPostgresInstances({ monitor, steps, schema, instance, host, pid }: InstancesDeps): Instances {
  const fence = lockKeys(schema, 'fence')
  let isBeatOnLooks = false

  async function say(pool: pg.Pool, incarnation: number, role: Role): Promise<Beat> {
    type Row = { death_ms_ago: number | null; is_alone: boolean }
    const { rows } = await pool.query<Row>(BEAT, [instance, incarnation, role])
    const [row] = rows
    return {
      isAlive: row !== undefined,
      deathMsAgo: row?.death_ms_ago ?? undefined,
      isAlone: row?.is_alone ?? false,
    }
  }

  return {
    async announce(incarnation, about) {
      await inTransaction(steps, async (sql) => {
        await sql.query(ANNOUNCE, [instance, incarnation, host, pid, about.work, about.role])
        await sql.query(FREE_OF, [instance])
      })
    },
    async beat(incarnation, role) {
      // The monitor have one connection: a beat that is still unanswered there would keep the next one from being said.
      if (isBeatOnLooks) return await say(steps, incarnation, role)
      isBeatOnLooks = true
      try {
        return await say(monitor, incarnation, role)
      } finally {
        isBeatOnLooks = false
      }
    },
    async leave() {
      await inTransaction(steps, async (sql) => {
        await sql.query(LEAVE, [instance])
        await sql.query(FREE_OF, [instance])
      })
    },
    async silent(forMs) {
      const { rows } = await monitor.query<{ instance: string; silent_ms: number }>(SILENT, [instance, forMs])
      return rows.map((row) => ({ instance: instanceId(row.instance), silentMs: row.silent_ms }))
    },
    async declareDead(suspects, silentMs) {
      return await inTransaction(steps, async (sql) => {
        await sql.query(`set local lock_timeout = ${fenceMs}`)
        await sql.query('select pg_advisory_xact_lock($1, $2)', fence)
        type Row = { instance: string; silent_ms: number }
        const { rows } = await sql.query<Row>(DECLARE, [suspects, silentMs])
        const dead = rows.map((row) => row.instance)
        await sql.query(INTERRUPT_OF, [dead])
        await sql.query(NOTE_DEATHS, [dead])
        await sql.query(FORGET_DEATHS)
        return rows.map((row) => ({ instance: instanceId(row.instance), silentMs: row.silent_ms }))
      })
    },
    async freeLanes() {
      return (await monitor.query(INTERRUPT_OF_NOBODY)).rowCount ?? 0
    },
  }
}

export type InstanceFacts = {
  readonly instance: string
  readonly host: string
  readonly pid: number
  readonly work: 'exclusive' | 'shared'
  readonly role: string
  readonly since: number
  readonly silentMs: number
}

/** Every instance that has a row, the oldest first; none before the schema is brought up to date. */
export async function readInstances(pool: pg.Pool | pg.Client): Promise<readonly InstanceFacts[]> {
  const made = await pool.query<{ is_made: boolean }>(`select to_regclass('instances') is not null as is_made`)
  if (!made.rows[0]?.is_made) return []
  type Row = Omit<InstanceFacts, 'silentMs'> & { readonly silent_ms: number }
  const { rows } = await sqlOf(pool).query<Row>(ALL)
  return rows.map(({ silent_ms: silentMs, ...row }) => ({ ...row, silentMs }))
}
