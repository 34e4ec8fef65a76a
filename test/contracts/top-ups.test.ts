import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import pg from 'pg'
import { createClock } from '../../src/kit/clock.ts'
import { botId, chargeId, messageId, newTopUpId, personId } from '../../src/kit/ids.ts'
import { kopecks, stars } from '../../src/money/amount.ts'
import { migrate, readMigrations } from '../../src/storage/postgres/migrate.ts'
import { sqlOf } from '../../src/storage/postgres/store.ts'
import { createPostgresTopUps } from '../../src/storage/postgres/top-ups.ts'
import { type TestDatabase, testDatabase } from '../fixtures/postgres.ts'

/** Two steps about one top-up: its invoice was shown, and it was paid. */
let database: TestDatabase
const clients: pg.Client[] = []

before(async () => {
  database = await testDatabase()
  await migrate(await connect(), database.schema, await readMigrations(), { clock: createClock() })
})
after(async () => {
  await Promise.all(clients.map((client) => client.end()))
  await database.end()
})

async function connect(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: database.url, options: `-c search_path=${database.schema}` })
  await client.connect()
  clients.push(client)
  return client
}

it('a payment that is taken while its invoice is noted as shown stays taken', async () => {
  const [one, two] = [await connect(), await connect()]
  const [shown, paid] = [one, two].map((client) => createPostgresTopUps(sqlOf(client), { bot: botId(1) }))
  assert.ok(shown !== undefined && paid !== undefined)
  const id = newTopUpId()
  const fresh = { id, person: personId(1), amount: kopecks(5000), stars: stars(80), madeAt: createClock().now() }
  await shown.add({ ...fresh, state: 'open' })

  await one.query('begin')
  const seenByShown = await shown.lock(id)
  await two.query('begin')
  const payment = (async () => {
    const seen = await paid.lock(id)
    assert.ok(seen !== undefined)
    await paid.save({ ...seen, state: 'paid', charge: chargeId('charge') })
    await two.query('commit')
  })()
  assert.ok(seenByShown !== undefined)
  await shown.save({ ...seenByShown, message: messageId(7) })
  await one.query('commit')
  await payment

  const end = await shown.get(id)
  assert.deepEqual({ state: end?.state, message: end?.message }, { state: 'paid', message: 7 })
})
