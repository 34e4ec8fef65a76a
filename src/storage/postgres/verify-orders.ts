import type { Sql } from './sql.ts'
import { Difference } from './verify-transfer.ts'

const WRONG_ORDER = `
  select * from (
    select order_id, min(id) as first, count(distinct unit) as units, count(distinct account) as accounts,
      count(*) filter (where kind = 'hold') as holds,
      count(*) filter (where kind in ('capture', 'release')) as settlements,
      coalesce(sum(amount) filter (where kind = 'hold'), 0) as held,
      coalesce(sum(amount) filter (where kind = 'capture'), 0) as captured,
      coalesce(sum(amount) filter (where kind = 'release'), 0) as released,
      coalesce(sum(amount) filter (where kind = 'rest'), 0) as rest,
      coalesce(sum(amount) filter (where kind = 'refund'), 0) as refunded
    from transfers where order_id is not null group by order_id
  ) orders_money
  where holds <> 1 or settlements > 1 or units > 1 or accounts > 1 or refunded > captured
    or (settlements = 0 and rest > 0) or (settlements = 1 and captured + released + rest <> held)
  order by first limit 1`

/** Every order has one hold, settled at most once and whole, into the account it came from, and refunded within that. */
export async function verifyOrders(sql: Sql): Promise<void> {
  const { rows } = await sql.query<Record<'order_id' | 'holds' | 'settlements' | Amount, unknown>>(WRONG_ORDER)
  const wrong = rows[0]
  if (wrong === undefined) return
  const amounts = (['held', 'captured', 'released', 'rest', 'refunded'] as const).map(
    (name) => `${name} ${wrong[name]}`,
  )
  throw new Difference(
    `the money of order ${wrong.order_id} does not come out: ` +
      `${wrong.holds} holds, ${wrong.settlements} settlements, ${amounts.join(', ')}`,
  )
}
type Amount = 'held' | 'captured' | 'released' | 'rest' | 'refunded'

const WRONG_PAYMENT = `
  select p.bot || ':' || p.charge as charge, p.amount_kopecks as paid, t.amount as credited
  from star_payments p full join (select * from transfers where kind = 'credit') t
    on t.cause = 'credit:' || p.bot || ':' || p.charge
  where p.amount_kopecks is distinct from t.amount
  limit 1`

/** Every payment was credited once, with its amount, and nothing else was. */
export async function verifyPayments(sql: Sql): Promise<void> {
  const { rows } = await sql.query<{ charge: unknown; paid: unknown; credited: unknown }>(WRONG_PAYMENT)
  if (rows[0] === undefined) return
  const { charge, paid, credited } = rows[0]
  throw new Difference(
    `the payment ${charge ?? 'of no known charge'} is ${paid ?? 0} and was credited with ${credited ?? 0}`,
  )
}
