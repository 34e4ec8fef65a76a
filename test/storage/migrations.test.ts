import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { after, describe, it } from 'node:test'
import pg from 'pg'
import { type Migration, migrate, readMigrations } from '../../src/storage/postgres/migrate.ts'
import { type TestDatabase, testDatabase } from '../fixtures/postgres.ts'
import { dumpSchema } from './schema-dump.ts'

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
    const results = await Promise.all(clients.map((client) => migrate(client, database.schema, shipped)))
    assert.ok(results.every((result) => result.kind === 'ready' && result.to === program))
    assert.equal(results.filter((result) => result.kind === 'ready' && result.from === 0).length, 1)
    for (const client of clients.slice(0, 1)) assert.equal(await applied(client), program)
  })

  it('refuse a program that is older than the schema allows, and say how old it may be', async () => {
    const database = await freshDatabase()
    const client = await connect(database)
    await migrate(client, database.schema, [...shipped, next('create table contracted ()', program + 1)])
    const refused = await migrate(client, database.schema, shipped)
    assert.deepEqual(refused, { kind: 'refused', program, oldest: program + 1, schema: program + 1 })
    assert.equal(await applied(client), program + 1)
  })

  it('let a program back in that knows less, as long as what it does not know allows it', async () => {
    const database = await freshDatabase()
    const client = await connect(database)
    await migrate(client, database.schema, [...shipped, next('create table expanded ()', program)])
    const rolledBack = await migrate(client, database.schema, shipped)
    assert.deepEqual(rolledBack, { kind: 'ready', from: program + 1, to: program + 1 })
    const again = await migrate(client, database.schema, [...shipped, next('create table expanded ()', program)])
    assert.deepEqual(again, { kind: 'ready', from: program + 1, to: program + 1 })
  })

  it('leave the schema as it was when one of them fails, name it, and keep nobody out afterwards', async () => {
    const database = await freshDatabase()
    const client = await connect(database)
    const bad = next('create table half (); insert into world (kind, bot) values (null, null)')
    await assert.rejects(migrate(client, database.schema, [...shipped, bad]), /next\.sql/)
    assert.equal(await applied(client), program)
    // The same when its work is done and only the note of it cannot be written.
    const known = { ...next('create table half ()'), number: 1 }
    await assert.rejects(migrate(client, database.schema, [...shipped, known]), /next\.sql/)
    const half = await client.query("select to_regclass('half') as half")
    assert.equal(half.rows[0]?.half, null)
    const other = await connect(database)
    assert.equal((await migrate(other, database.schema, [...shipped, next('create table whole ()')])).kind, 'ready')
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
    await migrate(client, database.schema, shipped)
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
