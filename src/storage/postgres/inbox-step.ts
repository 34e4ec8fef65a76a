import type pg from 'pg'
import { AlreadyFinished, type InboxStep } from '../../inbox/inbox.ts'
import type { Sql } from './sql.ts'

/** Of what went wrong with an item, so much is kept. */
const errorLengthMax = 2_000

const MUST_FINISH = `
  with finished as (
    update inbox set finished_at = $2 where id = $1 and finished_at is null and shelved_at is null returning id)
  select 1 / count(*) from finished`
const RETRY_LATER = `
  update inbox set attempts = attempts + 1, not_before = $2, last_error = $3, claimed_by = null
   where id = $1 and finished_at is null and shelved_at is null`
const SHELVE = `
  update inbox set shelved_at = $2, last_error = $3, claimed_by = null where id = $1 and finished_at is null`

const isDivisionByZero = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === '22012'

export function createPostgresInboxStep(sql: Sql): InboxStep {
  return {
    async mustFinish(id, at) {
      try {
        await sql.query(MUST_FINISH, [id, at])
      } catch (cause) {
        throw isDivisionByZero(cause) ? new AlreadyFinished(`item ${id} is finished already`, { cause }) : cause
      }
    },
    async retryLater(id, { until, error }) {
      await sql.query(RETRY_LATER, [id, until, keptText(error)])
    },
    async shelve(id, at, error) {
      await sql.query(SHELVE, [id, at, keptText(error)])
    },
  }
}

/** PostgreSQL's text holds no NUL. */
export const keptText = (error: string): string => error.replaceAll('\0', '').slice(0, errorLengthMax)

// Looked for among the oldest, which are the first to be old enough: an index on the time would cost every update.
const PRUNE = `
  delete from inbox where id in (
    select id from (select id, finished_at from inbox order by id limit 10000) oldest where finished_at < $1)`

/** Removes handled items older than `before`; says how many. Shelved ones stay until a person has looked. */
export async function pruneInbox(pool: pg.Pool, before: number): Promise<number> {
  return (await pool.query(PRUNE, [before])).rowCount ?? 0
}

// Each part has a partial index; one condition for both would read every row that is kept.
const FIGURES = `
  select pending, oldest, shelved, (select received_at from inbox order by id desc limit 1) as newest,
         current_setting('transaction_read_only') = 'on' as is_read_only
    from (select count(*) as pending, min(received_at) as oldest from inbox
           where finished_at is null and shelved_at is null) waiting,
         (select count(*) as shelved from inbox where finished_at is null and shelved_at is not null) aside`

export type InboxFigures = {
  readonly pending: number
  readonly oldest: number | undefined
  readonly shelved: number
  /** When the newest update was stored, handled or not. */
  readonly newest: number | undefined
  /** The database answers and stores nothing: a standby, a full disk at a host that locks it, or somebody's setting. */
  readonly isReadOnly: boolean
}
type FiguresRow = {
  readonly pending: number
  readonly oldest: number | null
  readonly shelved: number
  readonly newest: number | null
  readonly is_read_only: boolean
}
export async function inboxFigures(pool: pg.Pool): Promise<InboxFigures> {
  const row = (await pool.query<FiguresRow>(FIGURES)).rows[0]
  return {
    pending: row?.pending ?? 0,
    oldest: row?.oldest ?? undefined,
    shelved: row?.shelved ?? 0,
    newest: row?.newest ?? undefined,
    isReadOnly: row?.is_read_only ?? false,
  }
}
