import type pg from 'pg'
import { instant } from '../../kit/clock.ts'
import { cid, type PersonId, personId } from '../../kit/ids.ts'
import type { UnheardAlerts } from '../../operators/operators.ts'
import type { Sql } from './sql.ts'

/** Of each operator so many are kept. */
const keptMax = 100

const KEEP = 'insert into unheard_alerts (operator, says, cid, at) values ($1, $2, $3, $4)'
const FORGET_OLDEST = `
  delete from unheard_alerts where operator = $1
    and id <= (select id from unheard_alerts where operator = $1 order by id desc offset ${keptMax} limit 1)`
// Whoever pressed Start is known, and whoever came back has not blocked the bot.
const OF_REACHED = `
  operator = any ($1::bigint[]) and operator in (select id from people where blocked_bot_at is null)`
// Asked on a connection that must never wait for a step, so it looks at no table that steps lock.
const ARE_THERE = 'select exists (select from unheard_alerts where operator = any ($1::bigint[])) as are_there'
const TAKE = `
  with taken as (delete from unheard_alerts where ${OF_REACHED} returning id, operator, says, cid, at)
  select operator, says, cid, at from taken order by id`

export async function areThereUnheardAlerts(client: pg.Pool, operators: readonly PersonId[]): Promise<boolean> {
  return (await client.query<{ are_there: boolean }>(ARE_THERE, [operators])).rows[0]?.are_there === true
}

export function createPostgresUnheardAlerts(sql: Sql): UnheardAlerts {
  return {
    async keep({ operator, says, cid: story, at }) {
      await sql.query(KEEP, [operator, says, story, at])
      await sql.query(FORGET_OLDEST, [operator])
    },
    async take(operators) {
      type Row = { operator: number; says: string; cid: string; at: number }
      const { rows } = await sql.query<Row>(TAKE, [operators])
      return rows.map(({ operator, says, cid: story, at }) => ({
        operator: personId(operator),
        says,
        cid: cid(story),
        at: instant(at),
      }))
    },
  }
}
