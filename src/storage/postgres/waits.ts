import type { Waits } from '../../delivery/pacing.ts'
import { instant } from '../../kit/clock.ts'
import type { Sql } from './sql.ts'

const SET = `
  insert into waits (scope, until) values ($1, $2)
  on conflict (scope) do update set until = greatest(waits.until, excluded.until)`
const FORGET = 'delete from waits where until <= $1'
const ALL = 'select scope, until from waits'

export function createPostgresWaits(sql: Sql): Waits {
  return {
    async set(scope, until) {
      await sql.query(SET, [scope, until])
    },
    async all(now) {
      await sql.query(FORGET, [now])
      const { rows } = await sql.query<{ scope: string; until: number }>(ALL)
      return rows.map(({ scope, until }) => ({ scope, until: instant(until) }))
    },
  }
}
