import pg from 'pg'
import { createClock } from '../../src/kit/clock.ts'
import { type BotId, botId } from '../../src/kit/ids.ts'
import type { Ledger } from '../../src/money/ledger.ts'
import type { TopUps } from '../../src/money/top-up.ts'
import { createPostgresLedger } from '../../src/storage/postgres/ledger.ts'
import { migrate, readMigrations } from '../../src/storage/postgres/migrate.ts'
import type { Sql } from '../../src/storage/postgres/sql.ts'
import { createPostgresTopUps } from '../../src/storage/postgres/top-ups.ts'
import { verifyLedger } from '../../src/storage/postgres/verify-ledger.ts'
import { patience } from '../fixtures/patience.ts'
import { testDatabase } from '../fixtures/postgres.ts'
import type { Books } from './ledger-contract.ts'

/** The books on a real PostgreSQL, in a schema of their own, with 20 connections that work at once. */
export type PostgresBooks = Books & {
  /** One transaction with the bare connection. */
  transact<T>(work: (sql: Sql) => Promise<T>): Promise<T>
  /** The same, on one unchanging view, and everything is undone at the end. */
  tryOut<T>(work: (sql: Sql) => Promise<T>): Promise<T>
  ofAnotherBot<T>(work: (ledger: Ledger, topUps: TopUps) => Promise<T>): Promise<T>
}

const connectionsMax = 20

export async function openPostgresBooks(): Promise<PostgresBooks> {
  const database = await testDatabase()
  const common = { connectionString: database.url, options: `-c search_path=${database.schema}` }
  const migrator = new pg.Client(common)
  await migrator.connect()
  await migrate(migrator, database.schema, await readMigrations(), { clock: createClock() })
  await migrator.end()
  const pool = new pg.Pool({ ...common, max: connectionsMax, statement_timeout: patience(20_000) })
  const transact = <T>(work: (sql: Sql) => Promise<T>) => inTransaction(pool, 'begin', work, 'commit')
  let freeDaily = 5
  const ledger = (sql: Sql, bot: BotId) => createPostgresLedger(sql, { bot, freeDaily: () => freeDaily })
  const topUps = (sql: Sql, bot: BotId) => createPostgresTopUps(sql, { bot })
  return {
    transact,
    tryOut: (work) => inTransaction(pool, 'begin isolation level repeatable read', work, 'rollback'),
    setFreeDaily: (count) => {
      freeDaily = count
    },
    step: (work) => transact((sql) => work(ledger(sql, botId(1)))),
    topUps: (work) => transact((sql) => work(topUps(sql, botId(1)))),
    ofAnotherBot: (work) => transact((sql) => work(ledger(sql, botId(2)), topUps(sql, botId(2)))),
    verify: () => transact(verifyLedger),
    async end() {
      await pool.end()
      await database.end()
    },
  }
}

async function inTransaction<T>(pool: pg.Pool, begin: string, work: (sql: Sql) => Promise<T>, end: string): Promise<T> {
  const client = await pool.connect()
  const sql: Sql = {
    query: async <Row>(text: string, values: readonly unknown[] = []) => {
      const { rows, rowCount } = await client.query(text, [...values])
      return { rows: rows as Row[], rowCount: rowCount ?? 0 }
    },
  }
  try {
    await client.query(begin)
    const answer = await work(sql)
    await client.query(end)
    return answer
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
  }
}
