import assert from 'node:assert/strict'
import { it } from 'node:test'
import type pg from 'pg'
import { createClock } from '../../src/kit/clock.ts'
import { botId, cid, laneOfPerson, personId } from '../../src/kit/ids.ts'
import { createPostgresStore } from '../../src/storage/postgres/store.ts'
import { openStorage } from '../fixtures/storage.ts'
import { stepsOn } from './steps.ts'

/** The step of /start on a real database that holds a busy shop, with every statement of it counted. */
const storage = await openStorage()
const clock = createClock()
const anna = personId(1)
const people = 3_000
const statementsMax = 12
const rowsMax = 12

const asked: string[] = []
function counted(client: pg.PoolClient): pg.PoolClient {
  return new Proxy(client, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key)
      if (typeof value !== 'function') return value
      const call = value.bind(target)
      if (key !== 'query') return call
      return (...given: readonly unknown[]) => {
        asked.push(JSON.stringify(given[0]))
        return call(...given)
      }
    },
  })
}
const updates = stepsOn(
  createPostgresStore({
    database: { ...storage.database, take: async () => counted(await storage.database.take()) },
    bot: botId(1),
    freeDaily: () => 5,
  }),
  clock,
)

let ids = 0
async function start(): Promise<void> {
  ids += 1
  const from = { id: anna, is_bot: false, first_name: 'Анна', language_code: 'ru' }
  const message = { message_id: ids, date: 1, text: '/start', chat: { id: anna, type: 'private' }, from }
  const item = await storage.inbox.store(
    {
      bot: botId(1),
      updateId: ids,
      lane: laneOfPerson(anna),
      kind: 'message',
      cid: cid('abc123ff'),
      body: JSON.stringify({ update_id: ids, message }),
      receivedAt: clock.now(),
    },
    'claim',
  )
  assert.ok(typeof item === 'object')
  await updates.handle(storage.permit, item)
}

/** Rows that statements have read in our tables, as PostgreSQL counts them once a session has ended. */
async function rowsRead(): Promise<number> {
  await storage.cut()
  const [row] = await storage.rows<{ read: string }>(
    `select sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)) as read
       from pg_stat_user_tables where schemaname = $1`,
    [storage.schema],
  )
  return Number(row?.read)
}

it('/start is one step of a dozen statements that read a handful of rows, however many people there are', async () => {
  await start()
  await storage.rows(
    `insert into people (id, language, language_chosen, first_name, first_seen_at)
     select 1000 + n, 'ru', false, 'Гость', 1 from generate_series(1, $1) n`,
    [people],
  )
  await storage.rows(
    `insert into inbox (bot, update_id, lane, kind, cid, body, received_at, finished_at)
     select 1, 100000 + n, 'p:' || 1000 + n, 'message', 'abc123ff', '{}', 1, 2 from generate_series(1, $1) n`,
    [people],
  )
  await storage.rows("insert into accounts (person, unit) select 1000 + n, 'RUB' from generate_series(1, $1) n", [
    people,
  ])
  await storage.rows('analyze')
  const before = await rowsRead()
  asked.length = 0
  await start()
  assert.ok(asked.length <= statementsMax, `${asked.length} statements:\n${asked.join('\n')}`)
  assert.equal(asked.filter((statement) => statement.startsWith('"begin')).length, 1, 'one step')
  const read = (await rowsRead()) - before
  assert.ok(read <= rowsMax, `${read} rows were read`)
})
