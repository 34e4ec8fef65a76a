import type pg from 'pg'
import type { DatabaseFacts, SchemaFacts } from '../../preflight/preflight.ts'
import type { Milestone } from '../../webhook/webhook.ts'
import { type LeaderFacts, silentMaxMs } from '../../webhook/webhook-verdicts.ts'
import { lockKeys } from './lock-keys.ts'

/** What a preflight looks at in the database. Only reads, except `noteMilestone`; makes nothing that is not there. */
export type Connect = () => Promise<pg.Client>

const SERVER = `
  select current_setting('server_version_num')::int as version,
         pg_is_in_recovery() as read_only,
         current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as server_limit,
         (select rolconnlimit from pg_roles where rolname = current_user) as role_limit,
         (select datconnlimit from pg_database where datname = current_database()) as database_limit,
         (select coalesce(sum(numbackends), 0) from pg_stat_database)::int as used,
         (select count(*) from pg_stat_activity where application_name like $1)::int as ours,
         (extract(epoch from clock_timestamp()) * 1000)::bigint as now,
         to_regclass('migrations') is not null as is_made`
const MIGRATIONS = 'select max(number) as applied, max(oldest_program) as oldest_program from migrations'
const WORLD = 'select kind, bot from world'

type ServerRow = {
  version: number
  read_only: boolean
  server_limit: number
  role_limit: number | null
  database_limit: number | null
  used: number
  ours: number
  now: number
  is_made: boolean
}

/** Takes two connections at a time. `now` is our clock, asked at the moment the database tells its own. */
export async function readDatabaseFacts(connect: Connect, schema: string, now: () => number): Promise<DatabaseFacts> {
  const client = await connect()
  try {
    const asked = now()
    const row = (await client.query<ServerRow>(SERVER, [`trt ${schema}%`])).rows[0]
    if (row === undefined) throw new Error('the database told nothing of itself')
    const answered = now()
    const limits = [row.server_limit, row.role_limit ?? -1, row.database_limit ?? -1].filter((limit) => limit >= 0)
    const facts = {
      version: row.version,
      readOnly: row.read_only,
      room: { limit: Math.min(...limits), others: Math.max(0, row.used - row.ours) },
      aheadMs: row.now - (asked + answered) / 2,
      sessionStays: await isOneSession(client, connect, schema),
    }
    const made = row.is_made ? await readSchema(client) : undefined
    return made === undefined ? facts : { ...facts, schema: made }
  } finally {
    await client.end().catch(() => undefined)
  }
}

/**
 * Whether our connection has a server process of its own, with the settings it asked for. While it is quiet, another one
 * begins a transaction: a pooler in transaction mode then lends it our process, or gives us another one in turn.
 */
async function isOneSession(client: pg.Client, connect: Connect, schema: string): Promise<boolean> {
  const mine = [await backendOf(client)]
  const other = await connect()
  try {
    await other.query('begin')
    const lent = (await backendOf(other)).pid
    mine.push(await backendOf(client))
    await other.query('rollback')
    mine.push(await backendOf(client), await backendOf(client))
    return mine.every(({ pid, path }) => pid === mine[0]?.pid && pid !== lent && path === schema)
  } finally {
    await other.end().catch(() => undefined)
  }
}

const BACKEND = "select pg_backend_pid() as pid, current_setting('search_path') as path"

async function backendOf(client: pg.Client): Promise<{ readonly pid: number; readonly path: string }> {
  const row = (await client.query<{ pid: number; path: string }>(BACKEND)).rows[0]
  if (row === undefined) throw new Error('the database told nothing of its session')
  return row
}

async function readSchema(client: pg.Client): Promise<SchemaFacts | undefined> {
  const row = (await client.query<{ applied: number | null; oldest_program: number | null }>(MIGRATIONS)).rows[0]
  if (row === undefined || row.applied === null) return undefined
  const world = (await client.query<{ kind: string; bot: number }>(WORLD)).rows[0]
  return {
    applied: row.applied,
    oldestProgram: row.oldest_program ?? 0,
    ...(world === undefined ? {} : { world }),
  }
}

// A lock of PostgreSQL is held by a session; a key in Redis is seen here by its renewals. `backend` is not there before
// the schema is brought up to date.
const LEADER = `
  select epoch, holder, host, pid, coalesce(to_jsonb(leadership)->>'backend', 'postgres') as backend,
         (extract(epoch from acquired_at) * 1000)::bigint as since,
         (extract(epoch from renewed_at) * 1000)::bigint as renewed_at,
         (extract(epoch from clock_timestamp() - renewed_at) * 1000)::bigint as silent_ms,
         case to_jsonb(leadership)->>'backend' when 'redis'
         then coalesce(renewed_at > clock_timestamp() - $3 * interval '1 millisecond', false)
         else exists (
           select from pg_locks
            where locktype = 'advisory' and granted and objsubid = 2
              and database = (select oid from pg_database where datname = current_database())
              and classid::bigint = $1::bigint & 4294967295 and objid::bigint = $2::bigint & 4294967295
         ) end as is_held,
         to_regclass('leader_deeds') is not null as has_milestones
    from leadership`
const MILESTONES = 'select deed as milestone, epoch, at from leader_deeds'

type LeaderRow = {
  epoch: number
  holder: string | null
  host: string | null
  pid: number | null
  backend: 'postgres' | 'redis'
  since: number | null
  renewed_at: number | null
  silent_ms: number | null
  is_held: boolean
  has_milestones: boolean
}

/** Who leads, by either authority, and the milestones that the leaders have recorded. */
export async function readLeader(client: pg.Client | pg.Pool, schema: string): Promise<LeaderFacts | undefined> {
  const row = (await client.query<LeaderRow>(LEADER, [...lockKeys(schema, 'leader'), silentMaxMs])).rows[0]
  if (row === undefined) return undefined
  const milestones: { -readonly [Key in Milestone]?: { epoch: number; at: number } } = {}
  if (row.has_milestones) {
    const { rows } = await client.query<{ milestone: Milestone; epoch: number; at: number }>(MILESTONES)
    for (const { milestone, epoch, at } of rows) milestones[milestone] = { epoch, at }
  }
  return {
    epoch: row.epoch,
    backend: row.backend,
    isHeld: row.is_held,
    milestones,
    ...(row.holder === null ? {} : { instance: row.holder }),
    ...(row.host === null ? {} : { host: row.host }),
    ...(row.pid === null ? {} : { pid: row.pid }),
    ...(row.since === null ? {} : { since: row.since }),
    ...(row.renewed_at === null ? {} : { renewedAt: row.renewed_at }),
    ...(row.silent_ms === null ? {} : { silentMs: row.silent_ms }),
  }
}

const NOTE = `
  insert into leader_deeds (deed, epoch, at) values ($1, $2, $3)
  on conflict (deed) do update set epoch = excluded.epoch, at = excluded.at
   where leader_deeds.epoch <= excluded.epoch`

/** Records that the leader of `epoch` has done it; a leader of an earlier epoch changes nothing. */
export async function noteMilestone(pool: pg.Pool, milestone: Milestone, epoch: number, at: number): Promise<void> {
  await pool.query(NOTE, [milestone, epoch, at])
}

const LAST_UPDATE = 'select max(received_at) as at from (select received_at from inbox order by id desc limit 1) newest'

export async function lastUpdateAt(client: pg.Client): Promise<number | undefined> {
  return (await client.query<{ at: number | null }>(LAST_UPDATE)).rows[0]?.at ?? undefined
}
