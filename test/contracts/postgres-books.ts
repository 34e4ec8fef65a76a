import pg from 'pg'
import { botId } from '../../src/kit/ids.ts'
import { createPostgresLedger } from '../../src/storage/postgres/ledger.ts'
import { migrate, readMigrations } from '../../src/storage/postgres/migrate.ts'
import type { Sql } from '../../src/storage/postgres/sql.ts'
import { createPostgresTopUps } from '../../src/storage/postgres/top-ups.ts'
import { verifyLedger } from '../../src/storage/postgres/verify-ledger.ts'
import { testDatabase } from '../fixtures/postgres.ts'
import type { Books } from './ledger-contract.ts'

/** The books on a real PostgreSQL, in a schema of their own, with 20 connections that work at once. */
export type PostgresBooks = Books & {
  /** One transaction with the bare connection. */
  transact<T>(work: (sql: Sql) => Promise<T>): Promise<T>
}

const connectionsMax = 20

export async function openPostgresBooks(bot = botId(1)): Promise<PostgresBooks> {
  const database = await testDatabase()
  const common = { connectionString: database.url, options: `-c search_path=${database.schema}` }
  const migrator = new pg.Client(common)
  await migrator.connect()
  await migrate(migrator, database.schema, await readMigrations())
  await migrator.end()
  const pool = new pg.Pool({ ...common, max: connectionsMax, statement_timeout: 20_000 })
  const transact = <T>(work: (sql: Sql) => Promise<T>) => inTransaction(pool, work)
  let freeDaily = 5
  return {
    transact,
    setFreeDaily: (count) => {
      freeDaily = count
    },
    step: (work) => transact((sql) => work(createPostgresLedger(sql, { bot, freeDaily: () => freeDaily }))),
    topUps: (work) => transact((sql) => work(createPostgresTopUps(sql, { bot }))),
    verify: () => transact(verifyLedger),
    async end() {
      await pool.end()
      await database.end()
    },
  }
}

async function inTransaction<T>(pool: pg.Pool, work: (sql: Sql) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  const sql: Sql = {
    query: async <Row>(text: string, values: readonly unknown[] = []) => {
      const { rows, rowCount } = await client.query(text, [...values])
      return { rows: rows as Row[], rowCount: rowCount ?? 0 }
    },
  }
  try {
    await client.query('begin')
    const answer = await work(sql)
    await client.query('commit')
    return answer
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
  }
}
