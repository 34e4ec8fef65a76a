import type pg from 'pg'

/** An update that a check from outside posted, as it is kept. */
export type Probe = {
  readonly update_id: number
  readonly cid: string
  readonly isHandled: boolean
  /** Why handling failed; null when it did not. */
  readonly error: string | null
}

const PROBES = `
  select update_id, cid, finished_at is not null as "isHandled", last_error as error
    from inbox where bot = (select bot from world) and update_id = any($1::bigint[])`

export async function readProbes(client: pg.Client, ids: readonly number[]): Promise<readonly Probe[]> {
  return (await client.query<Probe>(PROBES, [[...ids]])).rows
}

/** One step of a person's journey, as it is kept. */
export type Step = {
  readonly kind: string
  readonly cid: string
  readonly isHandled: boolean
  readonly error: string | null
}
export type KeptOrder = {
  readonly id: string
  readonly cid: string
  readonly status: string
  readonly transfers: number
}

const STEPS = `
  select kind, cid, finished_at is not null as "isHandled", last_error as error
    from inbox where lane = $1 order by id`
const ORDERS = `
  select id, cid, status,
         (select count(*) from transfers t where t.order_id = o.id and t.cid = o.cid)::int as transfers
    from orders o where person = $1 order by placed_at`

/** Everything of one person: their updates in order of arrival, and their orders. */
export async function readJourney(
  client: pg.Client,
  person: number,
): Promise<{ readonly steps: readonly Step[]; readonly orders: readonly KeptOrder[] }> {
  const steps = await client.query<Step>(STEPS, [`p:${person}`])
  const orders = await client.query<KeptOrder>(ORDERS, [person])
  return { steps: steps.rows, orders: orders.rows }
}
