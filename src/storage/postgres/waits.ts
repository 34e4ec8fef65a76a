import type { Waits } from '../../delivery/waits.ts'
import type { Sql } from './sql.ts'

// By the clock of the database: those of instances differ, and may be set back.
const NOW = '(extract(epoch from clock_timestamp()) * 1000)::bigint'
const SET = `
  insert into waits (scope, until) values ($1, ${NOW} + $2)
  on conflict (scope) do update set until = greatest(waits.until, excluded.until)`
const FORGET = `delete from waits where until <= ${NOW}`
const ALL = `select scope, (until - ${NOW})::float8 as left_ms from waits`

export function createPostgresWaits(sql: Sql): Waits {
  return {
    async set(scope, ms) {
      await sql.query(SET, [scope, Math.round(ms)])
    },
    async all() {
      await sql.query(FORGET)
      const { rows } = await sql.query<{ scope: string; left_ms: number }>(ALL)
      return rows.map(({ scope, left_ms: leftMs }) => ({ scope, leftMs }))
    },
  }
}
