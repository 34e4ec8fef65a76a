import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import pg from 'pg'
import { createClock } from '../../src/kit/clock.ts'
import { botId, newCid, type PersonId, personId } from '../../src/kit/ids.ts'
import { generations, kopecks } from '../../src/money/amount.ts'
import { type GiftByHand, type GivenByHand, giveByHand, IN_JOURNAL } from '../../src/storage/postgres/gifts-by-hand.ts'
import { createPostgresLedger } from '../../src/storage/postgres/ledger.ts'
import { migrate, readMigrations } from '../../src/storage/postgres/migrate.ts'
import { sqlOf } from '../../src/storage/postgres/store.ts'
import { testDatabase } from '../fixtures/postgres.ts'
import { openPostgresBooks, type PostgresBooks } from './postgres-books.ts'

/** A key gives once, whatever reasons are typed under it, and from however many connections at once. */
let books: PostgresBooks
let people = 0
before(async () => {
  books = await openPostgresBooks()
})
after(() => books.end())

const somebody = () => personId(100 + people++)
const roubles = (count: number) => ({ unit: 'RUB', kopecks: kopecks(count * 100) }) as const
const at = createClock().now()
const wish = (key: string, person: PersonId, more: Partial<GiftByHand> = {}): GiftByHand => ({
  key,
  person,
  gift: roubles(5),
  why: 'a spoilt picture',
  at,
  cid: newCid(),
  ...more,
})
const give = (gift: GiftByHand) =>
  books.transact((sql) => giveByHand(sql, createPostgresLedger(sql, { bot: botId(1), freeDaily: () => 5 }), gift))
const balanceOf = (person: PersonId) => books.step((ledger) => ledger.balance(person))
const kinds = (all: readonly GivenByHand[]) => all.map(({ kind }) => kind).sort()

describe('a gift by hand', () => {
  it('is given once by 20 connections at once, each with another reason for the same key', async () => {
    for (let round = 0; round < 5; round++) {
      const anna = somebody()
      const typed = Array.from({ length: 20 }, (_, index) => wish(`at-once-${round}`, anna, { why: `reason ${index}` }))
      const ended = await Promise.all(typed.map(give))
      assert.deepEqual(kinds(ended), ['given', ...Array(19).fill('given_before')])
      assert.equal(await balanceOf(anna), 500)
      const first = typed[ended.findIndex(({ kind }) => kind === 'given')]
      for (const each of ended) if (each.kind === 'given_before') assert.equal(each.before.why, first?.why)
    }
    assert.equal((await books.verify()).ok, true)
  })

  it('of an older program is found in the journal, by an index in every collation', async () => {
    const [anna, key] = [somebody(), 'of-an-older-program']
    const typed = wish(key, anna)
    await books.step((ledger) => ledger.give({ ...typed, key: `operator:${key}:${typed.why}` }))
    await books.step((ledger) => ledger.give({ ...typed, key: `operator:${key}-2:${typed.why}` }))
    const again = await give(typed)
    assert.ok(again.kind === 'given_before' && again.before.why === typed.why && again.before.person === anna)
    assert.equal((await give(wish(`${key}-3`, anna))).kind, 'given')

    const plan = await books.tryOut(async (sql) => {
      await sql.query('alter table transfers alter column cause type text collate "und-x-icu"')
      await sql.query('set local enable_seqscan = off')
      return await sql.query(`explain (format json) ${IN_JOURNAL}`, [`gift:operator:${key}:`, `gift:operator:${key};`])
    })
    assert.match(JSON.stringify(plan.rows), /"Index Name":"transfers_gifts"[^}]*"Index Cond":"[^"]*>=[^"]*</)
  })

  it('is one of several when 20 connections name one key for different people and sums', async () => {
    const crowd = Array.from({ length: 20 }, (_, index) => wish('crowd', somebody(), { gift: roubles(1 + index) }))
    const ended = await Promise.all(crowd.map(give))
    assert.deepEqual(kinds(ended), ['given', ...Array(19).fill('key_is_taken')])
    const balances = await Promise.all(crowd.map(({ person }) => balanceOf(person)))
    assert.equal(balances.filter((balance) => balance > 0).length, 1)
  })

  it('is the same one for the same person and sum only', async () => {
    const boris = somebody()
    assert.equal((await give(wish('same', boris))).kind, 'given')
    assert.equal((await give(wish('same', boris, { why: 'other words' }))).kind, 'given_before')
    const others = [
      wish('same', somebody()),
      wish('same', boris, { gift: roubles(6) }),
      wish('same', boris, { gift: { unit: 'GEN', count: generations(500) } }),
    ]
    for (const other of others) {
      const refused = await give(other)
      assert.ok(refused.kind === 'key_is_taken')
      assert.deepEqual(refused.by, { person: boris, unit: 'RUB', amount: 500, why: 'a spoilt picture', at })
    }
    assert.equal(await balanceOf(boris), 500)
  })

  it('that was not committed leaves its key free', async () => {
    const vera = somebody()
    const gift = wish('undone', vera)
    const undone = await books.tryOut((sql) =>
      giveByHand(sql, createPostgresLedger(sql, { bot: botId(1), freeDaily: () => 5 }), gift),
    )
    assert.equal(undone.kind, 'given')
    assert.equal(await balanceOf(vera), 0)
    assert.equal((await give(gift)).kind, 'given')
  })

  it('that is written down stays as it is', async () => {
    await give(wish('stays', somebody()))
    for (const change of ["update gifts_by_hand set why = 'x'", 'delete from gifts_by_hand', 'truncate gifts_by_hand'])
      await assert.rejects(
        books.transact((sql) => sql.query(change)),
        /what was given stays written down/,
      )
  })
})

describe('a gift of before the table', () => {
  it('is known by its key: where it was written before the schema was brought up, and after a rollback', async () => {
    const database = await testDatabase()
    const client = new pg.Client({ connectionString: database.url, options: `-c search_path=${database.schema}` })
    try {
      await client.connect()
      const sql = sqlOf(client)
      const shipped = await readMigrations()
      await migrate(client, database.schema, shipped.slice(0, 6), { clock: createClock() })
      const anna = personId(7)
      const ledger = createPostgresLedger(sql, { bot: botId(1), freeDaily: () => 5 })
      const asBefore = (key: string) =>
        ledger.give({ key: `operator:${key}:a: b`, person: anna, gift: roubles(5), at, cid: newCid() })
      await asBefore('old')
      await migrate(client, database.schema, shipped, { clock: createClock() })
      await asBefore('rolled-back')
      const rows = (await client.query('select key, why from gifts_by_hand')).rows
      assert.deepEqual(rows, [{ key: 'old', why: 'a: b' }])
      for (const key of ['old', 'rolled-back']) {
        const again = await giveByHand(sql, ledger, wish(key, anna))
        assert.ok(again.kind === 'given_before')
        assert.equal(again.before.why, 'a: b')
        assert.equal((await giveByHand(sql, ledger, wish(key, anna, { gift: roubles(6) }))).kind, 'key_is_taken')
      }
      assert.equal(await ledger.balance(anna), 1000)
    } finally {
      await client.end()
      await database.end()
    }
  })
})
