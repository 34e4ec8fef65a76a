import { instant } from '../../kit/clock.ts'
import { type BotId, chargeId, messageId, personId, type TopUpId, topicId, topUpId } from '../../kit/ids.ts'
import { kopecks, stars } from '../../money/amount.ts'
import type { TopUp, TopUps } from '../../money/top-up.ts'
import { type Int8, toSafeInteger } from './safe-integer.ts'
import type { Sql } from './sql.ts'

const ADD = `insert into top_ups (id, bot, person, amount_kopecks, stars, made_at, state, charge, message, topic)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
const GET = `select id, person, amount_kopecks, stars, made_at, state, charge, message, topic from top_ups
  where id = $1 and bot = $2`
const LOCK = `${GET} for update`
const HAS_OPEN = `select 1 from top_ups
  where bot = $1 and person = $2 and made_at >= $3 and state = 'open' and amount_kopecks = $4 limit 1`
const SAVE = `update top_ups set state = $3, charge = $4, message = $5 where id = $1 and bot = $2`

/**
 * Top-ups on PostgreSQL. `get` is one read by the primary key, so the fast lane may use it too. Invoices, charges and
 * messages belong to a bot: those of another one are unknown here.
 */
export function createPostgresTopUps(sql: Sql, { bot }: { readonly bot: BotId }): TopUps {
  return {
    async add({ id, person, amount, stars: price, madeAt, state, charge, message, topic }) {
      const known = [charge ?? null, message ?? null, topic ?? null]
      await sql.query(ADD, [id, bot, person, amount, price, madeAt, state, ...known])
    },
    async get(id) {
      const { rows } = await sql.query<Row>(GET, [id, bot])
      return rows[0] === undefined ? undefined : readTopUp(rows[0])
    },
    async hasOpen({ person, amount, since }) {
      return (await sql.query(HAS_OPEN, [bot, person, since, amount])).rowCount > 0
    },
    async lock(id) {
      const { rows } = await sql.query<Row>(LOCK, [id, bot])
      return rows[0] === undefined ? undefined : readTopUp(rows[0])
    },
    async save({ id, state, charge, message }) {
      // Amount, Stars, payer and topic are fixed when the invoice is made and are not written again.
      const { rowCount } = await sql.query(SAVE, [id, bot, state, charge ?? null, message ?? null])
      if (rowCount !== 1) throw new Error(`top-up ${id} is not there`)
    },
  }
}

type Row = {
  id: string
  person: Int8
  amount_kopecks: Int8
  stars: Int8
  made_at: Int8
  state: TopUp['state']
  charge: string | null
  message: Int8 | null
  topic: Int8 | null
}

function readTopUp(row: Row): TopUp {
  const id: TopUpId = topUpId(row.id)
  return {
    id,
    person: personId(toSafeInteger(row.person, `the payer of top-up ${id}`)),
    amount: kopecks(toSafeInteger(row.amount_kopecks, `the amount of top-up ${id}`)),
    stars: stars(toSafeInteger(row.stars, `the Stars of top-up ${id}`)),
    madeAt: instant(toSafeInteger(row.made_at, `the time of top-up ${id}`)),
    state: row.state,
    ...(row.charge === null ? {} : { charge: chargeId(row.charge) }),
    ...(row.message === null ? {} : { message: messageId(toSafeInteger(row.message, `the message of top-up ${id}`)) }),
    ...(row.topic === null ? {} : { topic: topicId(toSafeInteger(row.topic, `the topic of top-up ${id}`)) }),
  }
}
