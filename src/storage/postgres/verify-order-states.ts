import type { Sql } from './sql.ts'
import { Difference } from './verify-transfer.ts'

/** Where the money of an order in this state is: `open` while it is held. */
const MONEY_OF_STATE = `
  case status when 'completed' then 'captured' when 'released' then 'released' when 'refunded' then 'refunded'
    else 'open' end`
/** Only of the stored versions that are known; of another one the price cannot be read. */
const PRICE = `
  case when body ->> 'version' in ('1', '2')
    then (body -> 'order' -> 'price' ->> case body #>> '{order,price,unit}' when 'RUB' then 'kopecks' else 'count' end)::bigint
  end`
const DIFFERENT = `
  select * from (
    select coalesce(orders.id, order_id) as id, status, person, holder, held, held_unit, state, captured,
           ${PRICE} as price, (body #>> '{order,paid}')::bigint as part, body #>> '{order,price,unit}' as price_unit, ${MONEY_OF_STATE} as wanted, placed_at, first
      from orders full join (
        select order_id, min(transfers.id) as first,
               max(accounts.person) filter (where kind = 'hold') as holder,
               max(transfers.unit) filter (where kind = 'hold') as held_unit,
               coalesce(sum(amount) filter (where kind = 'hold'), 0) as held,
               coalesce(sum(amount) filter (where kind = 'capture'), 0) as captured,
               case when bool_or(kind = 'refund') then 'refunded' when bool_or(kind = 'capture') then 'captured'
                 when bool_or(kind = 'release') then 'released' else 'open' end as state
          from transfers left join accounts on accounts.id = transfers.account
         where order_id is not null group by order_id) money on order_id = orders.id) both_sides
   where status is null or state is null or state <> wanted or holder <> person
      or (price is not null and (held <> price or held_unit <> price_unit))
      or (price is not null and status in ('completed', 'refunded') and captured <> coalesce(part, price))
   order by coalesce(placed_at, 0), first, id limit 1`

type Row = {
  readonly id: string
  readonly status: string | null
  readonly person: unknown
  readonly holder: unknown
  readonly held: unknown
  readonly held_unit: string | null
  readonly captured: unknown
  readonly price: unknown
  /** What was paid, when it is less than the price. */
  readonly part: unknown
  readonly price_unit: string | null
  readonly state: string | null
  readonly wanted: string
}

/**
 * Every order has its money where its state says, its price held from its own person, and of it captured what it says it
 * was paid; and every hold has an order.
 */
export async function verifyOrderStates(sql: Sql): Promise<void> {
  const row = (await sql.query<Row>(DIFFERENT)).rows[0]
  if (row !== undefined) throw new Difference(sentenceOf(row))
}

function sentenceOf(row: Row): string {
  const { id, status, person, holder, held, held_unit, captured, price, price_unit, part, state, wanted } = row
  if (status === null) return `there is money of order ${id}, and no such order`
  if (state === null) return `order ${id} is ${status} and was never held for`
  if (state !== wanted) return `order ${id} is ${status}, so its hold should be ${wanted}, and it is ${state}`
  if (holder !== person) return `order ${id} is of person ${person}, and person ${holder} was held for it`
  if (String(held) === String(price) && held_unit === price_unit) {
    return `order ${id} was paid with ${part ?? price} ${price_unit}, and ${captured} ${held_unit} were captured for it`
  }
  return `order ${id} costs ${price} ${price_unit}, and ${held} ${held_unit} were held for it`
}
