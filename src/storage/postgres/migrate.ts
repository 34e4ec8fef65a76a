import { readdir, readFile } from 'node:fs/promises'
import type pg from 'pg'
import type { Clock } from '../../kit/clock.ts'
import { endOnAbort } from './end-on-abort.ts'
import { lockKeys } from './lock-keys.ts'

/**
 * Brings a schema up to date, one numbered file after the other, under a lock, each file in its own transaction.
 *
 * Every file names the oldest program that may run on its result (`-- oldest program: N`, a program's number is the
 * last migration it ships). So an old instance works on while a newer one has migrated, and a rollback works; only a
 * program older than that is refused.
 */
export type Migration = {
  readonly number: number
  readonly name: string
  readonly sql: string
  readonly oldestProgram: number
}
export type Migrated =
  | { readonly kind: 'ready'; readonly from: number; readonly to: number }
  | { readonly kind: 'refused'; readonly program: number; readonly oldest: number; readonly schema: number }
/** What it waits by, and what ends its waiting. */
type Patience = { readonly clock: Clock; readonly signal?: AbortSignal | undefined }

const folder = new URL('../migrations/', import.meta.url)

/** The shipped migrations in order. Throws when a number is missing or twice, or a file names no oldest program. */
export async function readMigrations(): Promise<readonly Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort()
  return Promise.all(
    names.map(async (name, index) => {
      const sql = await readFile(new URL(name, folder), 'utf8')
      const number = Number(/^(\d{4})-/.exec(name)?.[1])
      const oldest = /^-- oldest program: (\d+)$/m.exec(sql)?.[1]
      if (number !== index + 1) throw new Error(`migrations: ${name} should have the number ${index + 1}`)
      if (oldest === undefined) throw new Error(`migrations: ${name} does not say its oldest program`)
      return { number, name, sql, oldestProgram: Number(oldest) }
    }),
  )
}

const CREATE_TABLE = `
  create table if not exists migrations (
    number integer primary key,
    name text not null,
    oldest_program integer not null,
    applied_at timestamptz not null default clock_timestamp()
  )`
const APPLIED = 'select number, oldest_program from migrations order by number'
const RECORD = 'insert into migrations (number, name, oldest_program) values ($1, $2, $3)'

/** Another program migrates; it is looked again whether it has ended. */
const lookEveryMs = 250

/**
 * `client` is a connection of its own; its `search_path` is the schema, which is created when it is missing. An aborted
 * `signal` ends the connection, whatever it waits for, and rejects; the schema is as it was before the file in hand.
 */
export async function migrate(
  client: pg.Client,
  schema: string,
  migrations: readonly Migration[],
  { clock, signal }: Patience,
): Promise<Migrated> {
  const keys = lockKeys(schema, 'migrations')
  endOnAbort(signal, client)
  await takeLock(client, keys, { clock, signal })
  try {
    return await bringUp(client, schema, migrations, { clock, signal })
  } finally {
    // A session that ends gives it back by itself.
    if (!signal?.aborted) await client.query('select pg_advisory_unlock($1, $2)', [...keys])
  }
}

async function bringUp(
  client: pg.Client,
  schema: string,
  migrations: readonly Migration[],
  patience: Patience,
): Promise<Migrated> {
  await client.query(`create schema if not exists ${schema}`)
  await client.query(CREATE_TABLE)
  const applied = await client.query<{ number: number; oldest_program: number }>(APPLIED)
  const program = migrations.length
  const schemaIs = applied.rows.at(-1)?.number ?? 0
  const oldest = Math.max(0, ...applied.rows.map((row) => row.oldest_program))
  if (program < oldest) return { kind: 'refused', program, oldest, schema: schemaIs }
  for (const migration of migrations.slice(schemaIs)) await apply(client, migration, patience)
  return { kind: 'ready', from: schemaIs, to: Math.max(schemaIs, program) }
}

/** Asks again and again: whoever waits within the database hears nothing else. */
async function takeLock(client: pg.Client, keys: readonly [number, number], { clock, signal }: Patience) {
  for (;;) {
    signal?.throwIfAborted()
    const { rows } = await client.query<{ taken: boolean }>('select pg_try_advisory_lock($1, $2) as taken', [...keys])
    if (rows[0]?.taken === true) return
    await clock.sleep(lookEveryMs, signal)
  }
}

/**
 * While others work, a migration gives way: it waits for a table shorter than PostgreSQL waits before it looks for a
 * deadlock, leaves them as long for themselves, and begins anew, so that steps stand still for moments only and none is
 * broken off for it.
 */
const lockMs = 500
const pauseMs = 500
const attemptsMax = 40

async function apply(client: pg.Client, migration: Migration, { clock, signal }: Patience): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted()
    await client.query('begin')
    try {
      await client.query(`set local lock_timeout = ${lockMs}`)
      await client.query(migration.sql)
      await client.query(RECORD, [migration.number, migration.name, migration.oldestProgram])
      await client.query('commit')
      return
    } catch (cause) {
      signal?.throwIfAborted()
      await client.query('rollback')
      if (!isInTheWay(cause) || attempt === attemptsMax) {
        throw new Error(`migration ${migration.name} failed; the schema is as it was before it`, { cause })
      }
      await clock.sleep(pauseMs, signal)
    }
  }
}

/** Somebody has a table that it needs, or they have each other's. */
const isInTheWay = (cause: unknown): boolean =>
  cause instanceof Error && 'code' in cause && (cause.code === '55P03' || cause.code === '40P01')
