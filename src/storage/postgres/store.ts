import { createHash } from 'node:crypto'
import type pg from 'pg'
import type { BotId } from '../../kit/ids.ts'
import { FenceLost, type Permit, StorageFault, type Store, type Tx } from '../../store.ts'
import { messageWithCauses } from '../../telemetry/telemetry.ts'
import { asStorageFault, type Database, isSilence } from './database.ts'
import type { ErrandHandOver, Taking } from './errand-hand-over.ts'
import { createPostgresErrands } from './errands.ts'
import { createPostgresInboxStep } from './inbox.ts'
import { createPostgresLedger } from './ledger.ts'
import { lockKeys } from './lock-keys.ts'
import { createPostgresOrders } from './orders.ts'
import { createPostgresPeople } from './people.ts'
import { createPostgresSessions } from './sessions.ts'
import type { Sql } from './sql.ts'
import { createPostgresSubmitSlots } from './submit-slots.ts'
import { createPostgresTopUps } from './top-ups.ts'
import { createPostgresWaits } from './waits.ts'

/**
 * Steps on PostgreSQL. The fence is the first thing in every transaction: the shared advisory lock, and then, as a
 * statement with a snapshot of its own, the epoch. An acquisition takes the lock exclusively, so it waits for the
 * steps of the former leader and lets none of a later moment through.
 */
export function createPostgresStore({
  database,
  bot,
  freeDaily,
  handOver,
}: {
  readonly database: Database
  readonly bot: BotId
  readonly freeDaily: () => number
  /** Takes from a step what a person waits for; without one, all errands are left to the engine. */
  readonly handOver?: ErrandHandOver
}): Store {
  const [group, key] = lockKeys(database.schema, 'fence')
  const BEGIN = `begin; select pg_advisory_xact_lock_shared(${group}, ${key}); select epoch from leadership`
  const nameOf = createStatementNames()
  const shop: Shop = { schema: database.schema, bot, freeDaily }

  async function fence(client: pg.PoolClient, permit: Permit): Promise<void> {
    // Three statements in one message: the answers come as a list, which pg's types do not say.
    const answers: unknown = await client.query(BEGIN)
    const last = Array.isArray(answers) ? (answers[2] as pg.QueryResult<{ epoch: number }>) : undefined
    const epoch = last?.rows[0]?.epoch
    if (epoch !== permit.epoch) throw new FenceLost(`epoch ${permit.epoch} is over; now ${epoch}`)
  }

  return {
    async transact(permit, work) {
      const client = await database.take().catch((cause: unknown) => {
        throw new StorageFault(`no database connection: ${messageWithCauses(cause)}`, { cause })
      })
      const taking = handOver?.begin()
      let broken = false
      let end: Parameters<Taking['end']>[0] = 'rolled_back'
      try {
        // The first statements of the work travel behind the fence, without waiting for its answer; the commit waits.
        const passed = fence(client, permit)
        const worked = work(portsOn(sqlOf(client, nameOf), { ...shop, ...(taking === undefined ? {} : { taking }) }))
        await settled([passed, worked])
        await passed
        const result = await worked
        end = 'unknown'
        await commit(client)
        end = 'committed'
        return result
      } catch (error) {
        broken = isSilence(error) || !(await rolledBack(client))
        throw asStorageFault(error, 'in a step')
      } finally {
        client.release(broken)
        taking?.end(end)
      }
    },
    async read(look) {
      try {
        return await look({ sessions: createPostgresSessions(sqlOf(database.work, nameOf)) })
      } catch (error) {
        throw asStorageFault(error, 'reading')
      }
    },
  }
}

/** Names of prepared statements; they follow from the text, so that programs that share a connection agree on them. */
function createStatementNames(): (text: string) => string {
  const names = new Map<string, string>()
  return (text) => {
    const known = names.get(text)
    if (known !== undefined) return known
    const name = `trt_${createHash('sha256').update(text).digest('hex').slice(0, 24)}`
    names.set(text, name)
    return name
  }
}

/** Until all have ended, however: a connection is given back only when nobody uses it any more. */
const settled = async (all: readonly Promise<unknown>[]): Promise<void> => void (await Promise.allSettled(all))

/** PostgreSQL answers the commit of a transaction that had failed with a rollback, and calls that a success. */
async function commit(client: pg.PoolClient): Promise<void> {
  const { command } = await client.query('commit')
  if (command !== 'COMMIT') throw new Error('the step went on after a statement of it had failed; nothing is written')
}

async function rolledBack(client: pg.PoolClient): Promise<boolean> {
  return await client.query('rollback').then(
    () => true,
    () => false,
  )
}

type Shop = { readonly schema: string; readonly bot: BotId; readonly freeDaily: () => number }

function portsOn(sql: Sql, { schema, bot, freeDaily, taking }: Shop & { readonly taking?: Taking }): Tx {
  return {
    inbox: createPostgresInboxStep(sql),
    people: createPostgresPeople(sql),
    sessions: createPostgresSessions(sql),
    orders: createPostgresOrders(sql),
    ledger: createPostgresLedger(sql, { bot, freeDaily }),
    topUps: createPostgresTopUps(sql, { bot }),
    submitSlots: createPostgresSubmitSlots(sql),
    waits: createPostgresWaits(sql),
    errands: createPostgresErrands(sql, schema, taking),
  }
}

/** A connection as the ports see it. With names, the server parses and plans each statement once a connection. */
export function sqlOf(client: pg.PoolClient | pg.Client | pg.Pool, nameOf?: (text: string) => string): Sql {
  return {
    async query<Row>(text: string, values: readonly unknown[] = []) {
      const result = await client.query({
        text,
        values: [...values],
        ...(nameOf === undefined ? {} : { name: nameOf(text) }),
      })
      return { rows: result.rows as Row[], rowCount: result.rowCount ?? 0 }
    },
  }
}

/** A transaction of upkeep: it moves no money and needs no permit, because doing it twice changes nothing. */
export async function inTransaction<T>(pool: pg.Pool, work: (sql: Sql) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  let broken = false
  try {
    await client.query('begin')
    const result = await work(sqlOf(client))
    await commit(client)
    return result
  } catch (error) {
    broken = isSilence(error) || !(await rolledBack(client))
    throw error
  } finally {
    client.release(broken)
  }
}
