import type { Clock } from '../../kit/clock.ts'
import { createPostgresErrands, readPayload } from './errands.ts'
import type { Sql } from './sql.ts'

/** What an operator does with the jobs of the queue by hand: looking, and retrying or dropping those that were shelved. */
export type WaitingJob = {
  readonly id: number
  readonly kind: string
  readonly state: 'executing' | 'failing' | 'waiting'
  readonly cid: string | null
  readonly repeats: number
  readonly failures: number
  /** Milliseconds since 1970. */
  readonly due_at: number
}
export type ShelvedJob = {
  readonly id: number
  readonly kind: string
  readonly cid: string
  readonly reason: string
  readonly attempts: number
  readonly payload: unknown
  readonly shelved_at: number
}

const flag = (name: string) =>
  `(select substr(f, ${name.length + 2}) from jsonb_object_keys(flags) f where starts_with(f, '${name}:'))`
const inMs = (at: string) => `(extract(epoch from ${at}) * 1000)::bigint`
const waiting = (schema: string) => `
  select id, task_identifier as kind, due_at, cid, repeats, failures,
         case when locked_at is not null then 'executing' when failures > 0 then 'failing' else 'waiting' end as state
    from (select id, task_identifier, locked_at, ${inMs('run_at')} as due_at, ${flag('cid')} as cid,
                 coalesce(${flag('repeats')}, '0')::int as repeats, coalesce(${flag('failures')}, '0')::int as failures
            from ${schema}_jobs.jobs where attempts < max_attempts) j`
const SHELVED = `
  select id, kind, cid, reason, attempts, payload, ${inMs('shelved_at')} as shelved_at from shelved_jobs`
const REMOVE = `delete from shelved_jobs where id = $1 returning kind, cid, payload`

/** At most a hundred, the next one first. */
export async function listWaitingJobs(sql: Sql, schema: string): Promise<readonly WaitingJob[]> {
  return (await sql.query<WaitingJob>(`${waiting(schema)} order by due_at, id limit 100`)).rows
}

/** At most a hundred, oldest first. */
export async function listShelvedJobs(sql: Sql): Promise<readonly ShelvedJob[]> {
  return (await sql.query<ShelvedJob>(`${SHELVED} order by shelved_at, id limit 100`)).rows
}

export async function readWaitingJob(sql: Sql, schema: string, id: number): Promise<WaitingJob | undefined> {
  return (await sql.query<WaitingJob>(`${waiting(schema)} where id = $1`, [id])).rows[0]
}

export async function readShelvedJob(sql: Sql, id: number): Promise<ShelvedJob | undefined> {
  return (await sql.query<ShelvedJob>(`${SHELVED} where id = $1`, [id])).rows[0]
}

export type Removed = Pick<ShelvedJob, 'kind' | 'cid' | 'payload'>

export async function dropShelvedJob(sql: Sql, id: number): Promise<Removed | undefined> {
  return (await sql.query<Removed>(REMOVE, [id])).rows[0]
}

/**
 * Adds it to the queue as if it were new; to be called inside a transaction. `unreadable`: the payload has a version that
 * this program does not know, and the job stays shelved.
 */
export async function retryShelvedJob(
  sql: Sql,
  schema: string,
  id: number,
  clock: Clock,
): Promise<Removed | 'unreadable' | undefined> {
  const shelved = await readShelvedJob(sql, id)
  if (shelved === undefined) return undefined
  const read = readPayload(shelved.payload)
  if (read === undefined) return 'unreadable'
  const removed = await dropShelvedJob(sql, id)
  if (removed === undefined) return undefined
  await createPostgresErrands(sql, schema, clock).add([{ errand: read.errand, cid: read.cid }])
  return removed
}
