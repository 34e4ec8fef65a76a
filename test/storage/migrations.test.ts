import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { after, describe, it } from 'node:test'
import pg from 'pg'
import { createClock } from '../../src/kit/clock.ts'
import { lockKeys } from '../../src/storage/postgres/lock-keys.ts'
import { type Migration, migrate, readMigrations } from '../../src/storage/postgres/migrate.ts'
import { createTestClock } from '../fixtures/clock.ts'
import { until } from '../fixtures/person.ts'
import { type TestDatabase, testDatabase } from '../fixtures/postgres.ts'
import { dumpSchema } from './schema-dump.ts'

const clock = createClock()
const shipped = await readMigrations()
const program = shipped.length
const open: (() => Promise<void>)[] = []
after(async () => {
  for (const end of open.reverse()) await end()
})

async function freshDatabase(): Promise<TestDatabase> {
  const database = await testDatabase()
  open.push(database.end)
  return database
}

async function connect({ url, schema }: TestDatabase): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, options: `-c search_path=${schema}` })
  await client.connect()
  open.push(() => client.end())
  return client
}

const next = (sql: string, oldestProgram = 1): Migration => ({
  number: program + 1,
  name: 'next.sql',
  sql,
  oldestProgram,
})

const applied = async (client: pg.Client): Promise<number> =>
  (await client.query<{ number: number }>('select number from migrations')).rows.length

describe('migrations', () => {
  it('are applied once when several programs start at once', async () => {
    const database = await freshDatabase()
    const clients = await Promise.all(Array.from({ length: 5 }, () => connect(database)))
    const results = await Promise.all(clients.map((client) => migrate(client, database.schema, shipped, { clock })))
    assert.ok(results.every((result) => result.kind === 'ready' && result.to === program))
    assert.equal(results.filter((result) => result.kind === 'ready' && result.from === 0).length, 1)
    for (const client of clients.slice(0, 1)) assert.equal(await applied(client), program)
  })

  it('refuse a program that is older than the schema allows, and say how old it may be', async () => {
    const database = await freshDatabase()
    const client = await connect(database)
    await migrate(client, database.schema, [...shipped, next('create table contracted ()', program + 1)], { clock })
    const refused = await migrate(client, database.schema, shipped, { clock })
    assert.deepEqual(refused, { kind: 'refused', program, oldest: program + 1, schema: program + 1 })
    assert.equal(await applied(client), program + 1)
  })

  it('let a program back in that knows less, as long as what it does not know allows it', async () => {
    const database = await freshDatabase()
    const client = await connect(database)
    await migrate(client, database.schema, [...shipped, next('create table expanded ()', program)], { clock })
    const rolledBack = await migrate(client, database.schema, shipped, { clock })
    assert.deepEqual(rolledBack, { kind: 'ready', from: program + 1, to: program + 1 })
    const again = await migrate(client, database.schema, [...shipped, next('create table expanded ()', program)], {
      clock,
    })
    assert.deepEqual(again, { kind: 'ready', from: program + 1, to: program + 1 })
  })

  it('leave the schema as it was when one of them fails, name it, and keep nobody out afterwards', async () => {
    const database = await freshDatabase()
    const client = await connect(database)
    const bad = next('create table half (); insert into world (kind, bot) values (null, null)')
    await assert.rejects(migrate(client, database.schema, [...shipped, bad], { clock }), /next\.sql/)
    assert.equal(await applied(client), program)
    // The same when its work is done and only the note of it cannot be written.
    const known = { ...next('create table half ()'), number: 1 }
    await assert.rejects(migrate(client, database.schema, [...shipped, known], { clock }), /next\.sql/)
    const half = await client.query("select to_regclass('half') as half")
    assert.equal(half.rows[0]?.half, null)
    const other = await connect(database)
    assert.equal(
      (await migrate(other, database.schema, [...shipped, next('create table whole ()')], { clock })).kind,
      'ready',
    )
  })

  it('give way to whoever has a table, and leave them a pause before they begin anew', async () => {
    const database = await freshDatabase()
    const [client, works] = [await connect(database), await connect(database)]
    await migrate(client, database.schema, shipped, { clock })
    await works.query('begin; lock table world in access share mode')
    const still = createTestClock()
    const column = next('alter table world add column wanted integer')
    const migrated = migrate(client, database.schema, [...shipped, column], { clock: still })
    try {
      await until(() => still.sleepers().length === 1, 'it pauses')
      assert.deepEqual(still.sleepers(), [500])
    } finally {
      await works.query('rollback')
      await still.advance(500)
      assert.equal((await migrated).kind, 'ready')
    }
  })

  it('end when they are called off: while they wait for those of another program, and in the middle of one', async () => {
    const database = await freshDatabase()
    const other = await connect(database)
    await migrate(other, database.schema, shipped, { clock })
    const begin = async (sql: string) => {
      const client = await connect(database)
      const calling = new AbortController()
      const seen = { isEnded: false, isRejected: false }
      client.once('end', () => {
        seen.isEnded = true
      })
      const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
      const { signal } = calling
      const migrated = migrate(client, database.schema, [...shipped, next(sql)], { clock, signal })
      migrated.catch(() => {
        seen.isRejected = true
      })
      return { pid: rows[0]?.pid, calling, seen }
    }
    const statement = async (pid: number | undefined) =>
      (await other.query<{ query: string }>('select query from pg_stat_activity where pid = $1', [pid])).rows[0]?.query
    const calledOff = async ({ calling, seen }: Awaited<ReturnType<typeof begin>>) => {
      calling.abort('SIGTERM')
      await until(() => seen.isRejected && seen.isEnded, 'it has ended')
    }

    const keys = [...lockKeys(database.schema, 'migrations')]
    await other.query('select pg_advisory_lock($1, $2)', keys)
    const waits = await begin('create table never ()')
    try {
      await until(async () => (await statement(waits.pid))?.includes('advisory') === true, 'it waits')
      await calledOff(waits)
    } finally {
      await other.query('select pg_advisory_unlock($1, $2)', keys)
    }

    const works = await begin('create table half (); select pg_sleep(60)')
    try {
      await until(async () => (await statement(works.pid))?.includes('pg_sleep') === true, 'it works')
      await calledOff(works)
    } finally {
      await other.query('select pg_terminate_backend($1)', [works.pid])
    }
    assert.equal(await applied(other), program)
  })

  it('are never changed once they are shipped', async () => {
    const file = new URL('../fixtures/migrations.sha256', import.meta.url)
    const lines = shipped
      .map(({ name, sql }) => `${createHash('sha256').update(sql).digest('hex')}  ${name}\n`)
      .join('')
    await compare(file, lines, 'Write a new migration instead; for a new one, add its line')
  })

  it('make the schema that stands in the fixtures', async () => {
    const database = await freshDatabase()
    const client = await connect(database)
    await migrate(client, database.schema, shipped, { clock })
    const dump = await dumpSchema(client, database.schema)
    await compare(new URL('../fixtures/schema.sql', import.meta.url), dump, 'If the change is meant, write it down')
  })
})

/** `TRT_WRITE_FIXTURES=1` writes what is, after you have looked at what was. */
async function compare(file: URL, is: string, todo: string): Promise<void> {
  if (process.env['TRT_WRITE_FIXTURES'] === '1') await writeFile(file, is)
  const name = file.pathname.split('/').at(-1)
  assert.equal(is, await readFile(file, 'utf8'), `${todo}: TRT_WRITE_FIXTURES=1 writes test/fixtures/${name}.`)
}
