import { createHash } from 'node:crypto'
import type pg from 'pg'
import type { ReadPorts } from '../../dispatch/reads.ts'
import { FenceLost, StorageFault } from '../../faults.ts'
import type { Clock } from '../../kit/clock.ts'
import type { BotId } from '../../kit/ids.ts'
import type { Permit } from '../../permit.ts'
import type { Store, Tx } from '../../store.ts'
import { messageWithCauses } from '../../telemetry/telemetry.ts'
import { createPostgresAlerts } from './alerts.ts'
import { asStorageFault, type Database, isSilence } from './database.ts'
import { createPostgresErrands } from './errands.ts'
import { permitHolds } from './fence.ts'
import { createPostgresInboxStep } from './inbox-step.ts'
import { createPostgresLedger } from './ledger.ts'
import { lockKeys } from './lock-keys.ts'
import { createPostgresLosses } from './losses.ts'
import { createPostgresOrders } from './orders.ts'
import { createPostgresPeople } from './people.ts'
import { createPostgresRefunds } from './refunds.ts'
import { createPostgresSessions } from './sessions.ts'
import type { Sql } from './sql.ts'
import { createPostgresSubmitSlots } from './submit-slots.ts'
import { createPostgresTopUps } from './top-ups.ts'
import { createPostgresUnheardAlerts } from './unheard-alerts.ts'
import { createPostgresWaits } from './waits.ts'

/**
 * Steps on PostgreSQL. The fence is the first thing in every transaction: the shared advisory lock, and then, as a
 * statement with a snapshot of its own, what the permit names: the epoch, or the incarnation of a living instance. An
 * acquisition takes the lock exclusively, and so does declaring an instance dead: it waits for the steps that are under
 * way and lets none of a later moment through.
 */
export function createPostgresStore({
  database,
  bot,
  freeDaily,
}: {
  readonly database: Database
  readonly bot: BotId
  readonly freeDaily: () => number
}): Store {
  const [group, key] = lockKeys(database.schema, 'fence')
  const BEGIN = `begin; select pg_advisory_xact_lock_shared(${group}, ${key});`
  const nameOf = createStatementNames()
  const shop: Shop = { schema: database.schema, bot, freeDaily, clock: database.clock }

  async function fence(client: pg.PoolClient, permit: Permit): Promise<void> {
    const { text, values } = permitHolds(permit)
    const [, { rows }] = await Promise.all([client.query(BEGIN), client.query({ name: nameOf(text), text, values })])
    if (rows.length === 1) return
    throw new FenceLost(
      permit.kind === 'leader' ? `epoch ${permit.epoch} is over` : `instance ${permit.instance} may not work any more`,
    )
  }

  return {
    async transact(permit, work) {
      const client = await database.take().catch((cause: unknown) => {
        throw new StorageFault(`no database connection: ${messageWithCauses(cause)}`, { cause })
      })
      const step = openStep(client, nameOf)
      let broken = false
      try {
        const result = await step.together(() => [fence(client, permit), work(portsOn(step, shop))] as const)
        await step.commit()
        return result
      } catch (error) {
        const cause = await step.causeOf(error)
        broken = isSilence(cause) || !(await rolledBack(client))
        throw asStorageFault(cause, 'in a step')
      } finally {
        client.release(broken)
      }
    },
  }
}

/** Names of prepared statements; they follow from the text, so that programs that share a connection agree on them. */
export function createStatementNames(): (text: string) => string {
  const names = new Map<string, string>()
  return (text) => {
    const known = names.get(text)
    if (known !== undefined) return known
    const name = `trt_${createHash('sha256').update(text).digest('hex').slice(0, 24)}`
    names.set(text, name)
    return name
  }
}

/**
 * One transaction on its way. Statements that are sent in one turn of the loop travel in one piece: each piece wakes
 * the server once, and each answer that is waited for costs as much as the work.
 */
type Step = {
  /** Statements that must be on the disk when the commit is answered, because orders or money depend on them. */
  readonly durable: Sql
  /**
   * Statements about conversations only. A step of these is committed without waiting for the disk: should the machine
   * lose its power in that moment, the update of the step is in the inbox, which is on the disk, and is handled again.
   */
  readonly relaxed: Sql
  closeWith(statements: readonly Promise<unknown>[]): void
  /** The first must succeed before anything is committed; the second's first statements do not wait for its answer. */
  together<T>(start: () => readonly [Promise<void>, Promise<T>]): Promise<T>
  commit(): Promise<void>
  /** Waits for what is still on its way; which of the failures was the first one, that made the others fail. */
  causeOf(error: unknown): Promise<unknown>
}

function openStep(client: pg.PoolClient, nameOf: (text: string) => string): Step {
  const { stream } = client.connection
  const sql = sqlOf(client, nameOf)
  const closing: Promise<unknown>[] = []
  let isDurable = false
  let isPacking = false
  const packed = <T>(send: () => T): T => {
    if (!isPacking) {
      isPacking = true
      stream.cork()
      process.nextTick(() => {
        isPacking = false
        stream.uncork()
      })
    }
    return send()
  }
  return {
    relaxed: { query: (text, values) => packed(() => sql.query(text, values)) },
    durable: {
      query(text, values) {
        isDurable ||= !onlyReads.test(text)
        return packed(() => sql.query(text, values))
      },
    },
    closeWith(statements) {
      closing.push(...statements)
      // They are looked at in the end, whatever comes before it.
      for (const each of statements) each.catch(() => undefined)
    },
    async together(start) {
      const [first, second] = packed(start)
      // A connection is given back only when nobody uses it any more, so both are waited for, however they end.
      await Promise.allSettled([first, second])
      await first
      return await second
    },
    async commit() {
      const committed = packed(() => client.query(isDurable ? COMMIT : COMMIT_RELAXED))
      await Promise.allSettled([...closing, committed])
      await Promise.all(closing)
      // PostgreSQL answers the commit of a transaction that had failed with a rollback, and calls that a success.
      if (!commandsOf(await committed).includes('COMMIT')) {
        throw new Error('the step went on after a statement of it had failed; nothing is written')
      }
    },
    async causeOf(error) {
      const ends = await Promise.allSettled(closing)
      const failures = [error, ...ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []))]
      return failures.find((each) => !isAftermath(each)) ?? error
    },
  }
}

/** A statement that was refused because another one of its transaction had failed. */
const isAftermath = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === '25P02'

const COMMIT = 'commit'
const COMMIT_RELAXED = 'set local synchronous_commit = off; commit'
const onlyReads = /^\s*select\b(?!.*\bfor (update|share)\b)/is

/** Several statements in one message are answered with a list, which pg's types do not say. */
const commandsOf = (answer: unknown): readonly unknown[] =>
  (Array.isArray(answer) ? answer : [answer]).map((each: pg.QueryResult) => each.command)

async function commit(client: pg.PoolClient): Promise<void> {
  const { command } = await client.query('commit')
  if (command !== 'COMMIT') throw new Error('the work went on after a statement of it had failed; nothing is written')
}

async function rolledBack(client: pg.PoolClient): Promise<boolean> {
  return await client.query('rollback').then(
    () => true,
    () => false,
  )
}

type Shop = {
  readonly schema: string
  readonly bot: BotId
  readonly freeDaily: () => number
  readonly clock: Clock
}

function portsOn({ relaxed, durable, closeWith }: Step, { schema, bot, freeDaily, clock }: Shop): Tx {
  return {
    inbox: createPostgresInboxStep(relaxed),
    people: createPostgresPeople(relaxed),
    sessions: createPostgresSessions(relaxed),
    orders: createPostgresOrders(durable),
    ledger: createPostgresLedger(durable, { bot, freeDaily }),
    topUps: createPostgresTopUps(durable, { bot }),
    refunds: createPostgresRefunds(durable, { bot }),
    losses: createPostgresLosses(durable, { bot }),
    submitSlots: createPostgresSubmitSlots(durable),
    waits: createPostgresWaits(durable),
    alerts: createPostgresAlerts(relaxed),
    unheardAlerts: createPostgresUnheardAlerts(relaxed),
    errands: createPostgresErrands(relaxed, schema, clock),
    closeWith,
  }
}

/** Reads outside of any step, each of what is committed at its moment. */
export const readPortsOn = (sql: Sql, options: Pick<Shop, 'bot' | 'freeDaily'>): ReadPorts => ({
  orders: createPostgresOrders(sql),
  ledger: createPostgresLedger(sql, options),
})

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
