import type { FoundOrder, OpenOrders } from '../../generation/sweep-orders.ts'
import { orderId } from '../../kit/ids.ts'
import { readOrder } from '../../orders/read-order.ts'
import type { Sql } from './sql.ts'

/** Exactly the condition of the index `orders_open`. */
const OPEN = `(status in ('placed', 'submitting', 'uncertain', 'generating', 'delivering')
     or (status = 'released' and body -> 'order' ->> 'gift' = 'delivering'))`
/** `since`: for each status, the newest moment of interest. The page begins after the order that $2 to $4 name. */
export const OPEN_SINCE = `
  select found.id, found.status, found.updated_at, found.body
    from json_to_recordset($1::json) as since (status text, moment bigint)
   cross join lateral (
      select id, orders.status, updated_at, body from orders
       where orders.status = since.status and updated_at <= since.moment and ${OPEN}
         and (orders.status, updated_at, id) > ($2::text, $3::bigint, $4::text)
       order by orders.status, updated_at, id limit $5) found
   order by found.status, found.updated_at, found.id limit $5`
const pageRows = 100

/** The orders that wait for something, read without locking. */
export function createPostgresOpenOrders(sql: Sql, schema: string): OpenOrders {
  const WITHOUT_JOB = `
    select wanted.key from unnest($1::text[]) as wanted (key)
     where not exists (select from ${schema}_jobs.jobs where jobs.key = wanted.key)`
  return {
    async *since(moments) {
      const since = JSON.stringify(Object.entries(moments).map(([status, moment]) => ({ status, moment })))
      let last = { id: '', status: '', updated_at: 0 }
      for (;;) {
        type Row = typeof last & { body: unknown }
        const values = [since, last.status, last.updated_at, last.id, pageRows]
        const { rows } = await sql.query<Row>(OPEN_SINCE, values)
        for (const row of rows) yield foundIn(row)
        const newest = rows.at(-1)
        if (newest === undefined || rows.length < pageRows) return
        last = newest
      }
    },
    async withoutJob(keys) {
      if (keys.length === 0) return new Set()
      return new Set((await sql.query<{ key: string }>(WITHOUT_JOB, [keys])).rows.map(({ key }) => key))
    },
  }
}

function foundIn({ id, body }: { readonly id: string; readonly body: unknown }): FoundOrder {
  const read = readOrder(body)
  return read.kind === 'read' ? read : { ...read, id: orderId(id) }
}
