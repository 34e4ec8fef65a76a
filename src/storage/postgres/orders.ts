import { type OrderId, orderId } from '../../kit/ids.ts'
import { unreachable } from '../../kit/unreachable.ts'
import type { Order } from '../../orders/order.ts'
import type { OrderStore } from '../../orders/order-store.ts'
import { readOrder, storedOrder, UnreadableOrder } from '../../orders/read-order.ts'
import type { Sql } from './sql.ts'

const ADD = `
  insert into orders (id, person, status, offer, quote, cid, body, placed_at, updated_at)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $8)
  on conflict (quote) do nothing`
const BY_QUOTE = 'select id from orders where quote = $1'
const GET = 'select body from orders where id = $1'
const LOCK = `${GET} for update`
const SAVE = `
  update orders set status = $2, task = $3, body = $4, updated_at = $5, took_ms = $6 where id = $1`
const BY_TASK = 'select id from orders where task = $1'
const RECENT = 'select body from orders where person = $1 order by placed_at desc, id offset $2 limit $3'
const OWNS_MESSAGE = `
  select 1 from (select body from orders where person = $1 order by placed_at desc limit 50) latest
   where $2 in ((body->'order'->>'progressMessage')::bigint, (body->'order'->'receipt'->>'message')::bigint) limit 1`
const RUNNING = `
  select count(*) as n from orders
   where person = $1 and status in ('placed', 'submitting', 'uncertain', 'generating', 'delivering')`
const DURATIONS = `
  select count(*) as n,
         percentile_disc(0.5) within group (order by took_ms) as p50,
         percentile_disc(0.9) within group (order by took_ms) as p90
    from (select took_ms from orders where offer = $1 and took_ms is not null order by updated_at desc limit 200) t`
/** Fewer measurements than this are no basis for a promise. */
const durationsMin = 5

type Row = { body: unknown }

export function createPostgresOrders(sql: Sql): OrderStore {
  const one = async (text: string, id: OrderId) => {
    const row = (await sql.query<Row>(text, [id])).rows[0]
    if (row === undefined) return undefined
    const read = readOrder(row.body)
    if (read.kind === 'unreadable') throw new UnreadableOrder(`order ${id} cannot be read: ${read.why}`)
    return read.order
  }
  return {
    async add(order, quote) {
      const added = await sql.query(ADD, [
        order.id,
        order.person,
        order.status,
        order.offer,
        quote,
        order.cid,
        stored(order),
        order.placedAt,
      ])
      if (added.rowCount === 1) return { kind: 'added' }
      const by = (await sql.query<{ id: string }>(BY_QUOTE, [quote])).rows[0]
      if (by === undefined) throw new Error(`order ${order.id} could not be added`)
      return { kind: 'quote_used', by: orderId(by.id) }
    },
    lock: (id) => one(LOCK, id),
    get: (id) => one(GET, id),
    async save(order) {
      const tookMs = 'producedAt' in order && order.producedAt !== undefined ? order.producedAt - order.placedAt : null
      const task = 'task' in order ? (order.task ?? null) : null
      await sql.query(SAVE, [order.id, order.status, task, stored(order), changedAt(order), tookMs])
    },
    async byQuote(quote) {
      const row = (await sql.query<{ id: string }>(BY_QUOTE, [quote])).rows[0]
      return row === undefined ? undefined : orderId(row.id)
    },
    async byTask(task) {
      const row = (await sql.query<{ id: string }>(BY_TASK, [task])).rows[0]
      return row === undefined ? undefined : orderId(row.id)
    },
    async recent(person, { skip, take }) {
      const { rows } = await sql.query<Row>(RECENT, [person, skip, take])
      return rows.map(({ body }) => readOrder(body)).flatMap((read) => (read.kind === 'read' ? [read.order] : []))
    },
    async ownsMessage(person, message) {
      return (await sql.query(OWNS_MESSAGE, [person, message])).rowCount > 0
    },
    async running(person) {
      return (await sql.query<{ n: number }>(RUNNING, [person])).rows[0]?.n ?? 0
    },
    async durations(offer) {
      const row = (await sql.query<{ n: number; p50: number; p90: number }>(DURATIONS, [offer])).rows[0]
      return row === undefined || row.n < durationsMin ? undefined : { p50Ms: row.p50, p90Ms: row.p90 }
    },
  }
}

const stored = (order: Order): string => JSON.stringify(storedOrder(order))

function changedAt(order: Order): number {
  switch (order.status) {
    case 'completed':
      return order.completedAt
    case 'refunded':
      return order.refundedAt
    case 'released':
      return order.releasedAt
    case 'delivering':
      return order.producedAt
    case 'generating':
      return order.submittedAt
    case 'submitting':
    case 'uncertain':
      return order.since
    case 'placed':
      return order.placedAt
    default:
      return unreachable(order, 'changedAt')
  }
}
