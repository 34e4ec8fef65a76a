import { instant } from '../../kit/clock.ts'
import { type BotId, chargeId, cid, orderId, personId } from '../../kit/ids.ts'
import type { Refund, Refunds } from '../../money/refund.ts'
import { type Int8, toSafeInteger } from './safe-integer.ts'
import type { Sql } from './sql.ts'

const ADD = `insert into refunds (bot, what, id, person, why, is_forced, state, at, cid)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing`
const LOCK = `select person, why, is_forced, state, at, cid from refunds
  where bot = $1 and what = $2 and id = $3 for update`
const SAVE = `update refunds set why = $4, is_forced = $5, state = $6 where bot = $1 and what = $2 and id = $3`

/** Refunds on PostgreSQL. Those of another bot are unknown here. */
export function createPostgresRefunds(sql: Sql, { bot }: { readonly bot: BotId }): Refunds {
  async function lock(of: Refund['of']): Promise<Refund | undefined> {
    const { rows } = await sql.query<Row>(LOCK, [bot, of.what, of.id])
    return rows[0] === undefined ? undefined : readRefund(of, rows[0])
  }
  return {
    async ask(refund) {
      const { of, person, why, isForced, state, at, cid } = refund
      const { rowCount } = await sql.query(ADD, [bot, of.what, of.id, person, why, isForced, state, at, cid])
      if (rowCount === 1) return 'asked'
      const before = await lock(of)
      if (before === undefined) throw new Error(`the refund of ${of.what} ${of.id} was there and is not`)
      return before
    },
    lock,
    async save({ of, why, isForced, state }) {
      const { rowCount } = await sql.query(SAVE, [bot, of.what, of.id, why, isForced, state])
      if (rowCount !== 1) throw new Error(`there is no refund of ${of.what} ${of.id}`)
    },
  }
}

type Row = {
  person: Int8
  why: string
  is_forced: boolean
  state: Refund['state']
  at: Int8
  cid: string
}

function readRefund(of: Refund['of'], row: Row): Refund {
  const name = `the refund of ${of.what} ${of.id}`
  return {
    of: of.what === 'order' ? { what: 'order', id: orderId(of.id) } : { what: 'payment', id: chargeId(of.id) },
    person: personId(toSafeInteger(row.person, `the person of ${name}`)),
    why: row.why,
    isForced: row.is_forced,
    state: row.state,
    at: instant(toSafeInteger(row.at, `the time of ${name}`)),
    cid: cid(row.cid),
  }
}
