import { type SubmitSlots, submitsPerWindow, submitWindowMs } from '../../generation/submit-slots.ts'
import { after, instant } from '../../kit/clock.ts'
import type { Sql } from './sql.ts'

// The row lock of the oldest counted submit is no gate for an empty table, so the table itself is locked for a moment.
const LOCK = 'lock table kie_submits in share row exclusive mode'
// One that seems to be further ahead than a window was counted before somebody set the clock back.
const FORGET = 'delete from kie_submits where at <= $1 or at > $2'
const COUNT = 'select count(*) as n, min(at) as oldest from kie_submits'
const TAKE = 'insert into kie_submits (order_id, at) values ($1, $2)'

export function createPostgresSubmitSlots(sql: Sql): SubmitSlots {
  return {
    async take(order, now) {
      await sql.query(LOCK)
      await sql.query(FORGET, [now - submitWindowMs, now + submitWindowMs])
      const { n = 0, oldest } = (await sql.query<{ n: number; oldest: number | null }>(COUNT)).rows[0] ?? {}
      if (n >= submitsPerWindow) return { kind: 'full', until: after(instant(oldest ?? now), submitWindowMs) }
      await sql.query(TAKE, [order, now])
      return { kind: 'taken' }
    },
  }
}
