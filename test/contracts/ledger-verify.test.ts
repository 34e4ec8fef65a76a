import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { instant } from '../../src/kit/clock.ts'
import { botId, newOrderId, newTopUpId, type OrderId, type PersonId } from '../../src/kit/ids.ts'
import { kopecks, stars } from '../../src/money/amount.ts'
import { hashOf, lockOrOpenAccount, noHistory, post } from '../../src/storage/postgres/journal.ts'
import { createPostgresLedger } from '../../src/storage/postgres/ledger.ts'
import { sealJournal } from '../../src/storage/postgres/seal-journal.ts'
import { shopSums } from '../../src/storage/postgres/shop-sums.ts'
import type { Sql } from '../../src/storage/postgres/sql.ts'
import { verifyLedger } from '../../src/storage/postgres/verify-ledger.ts'
import { onThisMachine } from '../fixtures/patience.ts'
import {
  assertSound,
  endSound,
  entry,
  hold,
  newCharge,
  oneFree,
  rub,
  somebody,
  today,
  topUp,
} from './ledger-contract.ts'
import { openPostgresBooks, type PostgresBooks } from './postgres-books.ts'

const minute = 60_000
const day = 24 * 60 * minute

/** One person with a top-up, an order with a rest, a released one, an open one, a free one; all of it sealed. */
async function sealedBooks() {
  const books = await openPostgresBooks()
  const person = somebody()
  const [captured, released, open, free] = [newOrderId(), newOrderId(), newOrderId(), newOrderId()]
  await books.step(topUp(person, 1_000))
  for (const order of [captured, released, open]) await books.step(hold(person, order, rub(100)))
  await books.step(hold(person, free, oneFree))
  await books.step((ledger) => ledger.capture({ order: captured, ...entry, amount: kopecks(70) }))
  await books.step((ledger) => ledger.release({ order: released, ...entry }))
  await books.step((ledger) => ledger.capture({ order: free, ...entry }))
  await books.transact((sql) => sealJournal(sql, entry.at))
  return { books, person, captured, released, open, free, account: `person:${person}/RUB` }
}
type Sealed = Awaited<ReturnType<typeof sealedBooks>>

const guarded = ['accounts', 'transfers', 'seals', 'shop_checkpoints', 'star_payments']

/** Changes the books behind their back, as only the owner of the tables can. */
async function tamper(sql: Sql, change: (sql: Sql) => Promise<unknown>): Promise<void> {
  for (const table of guarded) await sql.query(`alter table ${table} disable trigger user`)
  await change(sql)
}

describe('verifying the books', () => {
  let at: Sealed
  before(async () => {
    at = await sealedBooks()
  })
  after(() => endSound(at.books))

  /** Plants one difference into sound books, expects the sentence that names it, and takes it back. */
  const names = (
    what: string,
    change: (sql: Sql, at: Sealed) => Promise<unknown>,
    difference: (at: Sealed) => RegExp,
  ) =>
    it(`names ${what}`, async () => {
      const verified = await at.books.tryOut(async (sql) => {
        await tamper(sql, (own) => change(own, at))
        return await verifyLedger(sql)
      })
      assert.match(verified.ok ? 'no difference' : verified.difference, difference(at))
    })
  const of = (order: OrderId, kind: string) => [`${kind}:${order}`]

  names(
    'a transfer whose amount was changed',
    (sql, { open }) => sql.query('update transfers set amount = 1 where cause = $1', of(open, 'hold')),
    ({ open }) => new RegExp(`^transfer \\d+ \\(hold:${open}\\) is not what its hash says`),
  )
  names(
    'the transfer after one that was changed together with its own hash',
    (sql, { person, account }) => {
      const changed = {
        idempotencyKey: 'x',
        kind: 'credit',
        unit: 'RUB',
        amount: 5_000,
        entry: 1,
        order: null,
        ...entry,
      }
      const hash = hashOf(noHistory, { ...changed, source: 'shop:top-ups', target: account })
      const values = [person, hash]
      return sql.query(
        `update transfers set cause = 'x', amount = 5000, hash = $2
          where kind = 'credit' and account = (select id from accounts where person = $1 and unit = 'RUB')`,
        values,
      )
    },
    ({ captured }) => new RegExp(`\\(hold:${captured}\\) is not what its hash says`),
  )
  names(
    'a transfer that is missing in the middle of an account',
    (sql, { released }) => sql.query('delete from transfers where cause = $1', of(released, 'hold')),
    ({ account }) => new RegExp(`^${account} has no transfer number 3`),
  )
  names(
    'the newest transfer of an account that is missing',
    (sql, { released }) => sql.query('delete from transfers where cause = $1', of(released, 'settle')),
    ({ account }) => new RegExp(`^${account} counts 6 transfers, the journal has 5`),
  )
  names(
    'a stored balance that was changed',
    (sql, { person }) => sql.query('update accounts set balance = 9999 where person = $1 and day = $2', [person, '']),
    ({ account }) => new RegExp(`^${account} has a stored balance of 9999, its transfers make 830`),
  )
  names(
    'an account whose chain ends elsewhere',
    (sql, { person }) =>
      sql.query('update accounts set head = $2 where person = $1 and day = $3', [person, noHistory, '']),
    ({ account }) => new RegExp(`^${account} does not end in the hash of its last transfer`),
  )
  for (const unit of ['RUB', 'GEN'] as const) {
    names(
      `the transfers of a ${unit} account that is gone`,
      async (sql, { person }) => {
        await sql.query('alter table transfers drop constraint transfers_account_fkey')
        await sql.query('delete from accounts where person = $1 and unit = $2', [person, unit])
      },
      () => /belongs to an account that is not there$/,
    )
  }
  names(
    'an account that spent what it did not have, and got it later',
    async (sql, { person }) => {
      await sql.query('alter table accounts drop constraint accounts_balance_check')
      const { account } = await lockOrOpenAccount(sql, person, 'RUB')
      const transfer = { unit: 'RUB', amount: 5_000, ...entry } as const
      const below = await post(sql, { kind: 'hold', idempotencyKey: 'too-much', ...transfer }, account)
      if (below !== 'repeat') await post(sql, { kind: 'gift', idempotencyKey: 'too-late', ...transfer }, below)
    },
    ({ account }) => new RegExp(`^${account} falls to -4170 by transfer \\d+ \\(too-much\\)`),
  )
  names(
    'generations that were moved on an account of roubles',
    async (sql, { person }) => {
      const { account } = await lockOrOpenAccount(sql, person, 'RUB')
      await post(
        sql,
        { kind: 'gift', idempotencyKey: 'mixed', unit: 'GEN', amount: 1, ...entry },
        { ...account, unit: 'GEN' },
      )
    },
    ({ account }) => new RegExp(`\\(mixed\\) moves GEN on ${account}$`),
  )
  names(
    'a capture whose amount was changed',
    (sql, { captured }) => sql.query('update transfers set amount = 1 where cause = $1', of(captured, 'settle')),
    ({ captured }) => new RegExp(`\\(settle:${captured}\\) is not what its hash says`),
  )
  names(
    'the seal that covers a capture which is missing',
    (sql, { free }) => sql.query('delete from transfers where cause = $1', of(free, 'settle')),
    () => /^seal 1 covers 10 transfers up to \d+, there are 9$/,
  )
  names(
    'the seal that covers a transfer which was exchanged with a flawless one',
    async (sql, { free }) => {
      const content = {
        idempotencyKey: `settle:${free}`,
        kind: 'capture',
        unit: 'GEN',
        amount: 1,
        entry: null,
        order: free,
      }
      const hash = hashOf(noHistory, { ...content, source: 'shop:holds', target: 'shop:income', at: 0, cid: entry.cid })
      await sql.query('update transfers set at = 0, hash = $2 where cause = $1', [content.idempotencyKey, hash])
    },
    () => /^seal 1 does not fit the transfers up to \d+/,
  )
  names(
    'a seal that is missing',
    async (sql) => {
      await sql.query('delete from shop_checkpoints')
      await sql.query('update seals set number = 2')
    },
    () => /^seal 1 is missing$/,
  )
  names(
    'a checkpoint of the shop that was changed',
    (sql) => sql.query(`update shop_checkpoints set total = 71 where account = 'shop:income' and unit = 'RUB'`),
    () => /^the checkpoint at seal 1 says 71 for shop:income\/RUB, the journal 70$/,
  )
  names(
    'an order that was settled twice',
    async (sql, { captured }) => {
      const content = { idempotencyKey: 'again', kind: 'capture', unit: 'RUB', amount: 30, order: captured, ...entry }
      const way = { source: 'shop:holds', target: 'shop:income' }
      const hash = hashOf(noHistory, { ...content, ...way, entry: null })
      await sql.query(
        `insert into transfers (cause, kind, unit, amount, source, target, order_id, at, cid, hash)
          values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
        [content.idempotencyKey, 'capture', 'RUB', 30, way.source, way.target, captured, entry.at, entry.cid, hash],
      )
    },
    ({ captured }) => new RegExp(`^the money of order ${captured} does not come out: 1 holds, 2 settlements`),
  )
  names(
    'a transfer between accounts that do not go together',
    async (sql) => {
      const content = {
        idempotencyKey: 'odd',
        kind: 'capture',
        unit: 'RUB',
        amount: 30,
        order: null,
        entry: null,
        ...entry,
      }
      const hash = hashOf(noHistory, { ...content, source: 'shop:income', target: 'shop:losses' })
      await sql.query(
        `insert into transfers (cause, kind, unit, amount, source, target, at, cid, hash)
          values ('odd', 'capture', 'RUB', 30, 'shop:income', 'shop:losses', $1, $2, $3)`,
        [entry.at, entry.cid, hash],
      )
    },
    () => /\(odd\) is a capture from shop:income to shop:losses, which cannot be$/,
  )
  names(
    'a payment that was not credited with its amount',
    (sql) => sql.query('update star_payments set amount_kopecks = 7'),
    () => /^the payment 1:charge-\d+ is 7 and was credited with 1000$/,
  )
})

describe('the journal', () => {
  let at: Sealed
  before(async () => {
    at = await sealedBooks()
  })
  after(() => endSound(at.books))

  const refused = (what: string, text: string, message: RegExp) =>
    it(`refuses ${what}`, async () => {
      await assert.rejects(
        at.books.transact((sql) => sql.query(text)),
        message,
      )
      await assertSound(at.books)
    })
  refused('a changed transfer', 'update transfers set amount = 1', /update of "transfers" refused: .* only ever added/)
  refused('a removed transfer', 'delete from transfers', /delete of "transfers" refused/)
  refused('being emptied', 'truncate transfers', /truncate of "transfers" refused/)
  refused('a changed seal', 'update seals set at = 0', /update of "seals" refused/)
  refused('a removed checkpoint', 'delete from shop_checkpoints', /delete of "shop_checkpoints" refused/)
  refused('a removed account', 'delete from accounts', /delete of "accounts" refused|foreign key/)
  refused('a removed payment', 'delete from star_payments', /delete of "star_payments" refused/)
  refused('a balance without a transfer', 'update accounts set balance = 0', /moves only together with one transfer/)
  refused(
    'a negative balance',
    `update accounts set balance = -1, entries = entries + 1, head = '\\x00'`,
    /accounts_balance_check/,
  )
})

describe('sealing the journal', () => {
  let books: PostgresBooks
  let person: PersonId
  const seal = (at: number) => books.transact((sql) => sealJournal(sql, instant(at)))
  const transfers = async (n: number) => {
    for (let i = 0; i < n; i += 1) await books.step(topUp(person, 10))
  }
  before(async () => {
    books = await openPostgresBooks()
    person = somebody()
  })
  after(() => endSound(books))

  it('covers what came since the last seal, and does nothing when nothing came', async () => {
    assert.deepEqual(await seal(0), { kind: 'nothing_new' })
    await transfers(3)
    assert.deepEqual(await seal(0), { kind: 'sealed', number: 1, transfers: 3 })
    assert.deepEqual(await seal(minute), { kind: 'nothing_new' })
    await transfers(2)
    assert.deepEqual(await seal(2 * minute), { kind: 'sealed', number: 2, transfers: 2 })
    await transfers(1)
    const verified = await books.verify()
    assert.deepEqual(verified, { ok: true, accounts: 1, transfers: 6, seals: 2, unsealed: 1 })
    assert.deepEqual(await seal(3 * minute), { kind: 'sealed', number: 3, transfers: 1 })
  })

  it('waits for a transfer that was numbered before others and is committed after them', async () => {
    const other = somebody()
    await books.step(topUp(other, 10))
    await books.step(async (ledger) => {
      await topUp(person, 10)(ledger)
      await books.step(topUp(other, 10))
      assert.deepEqual(await seal(4 * minute), { kind: 'busy' })
    })
    assert.deepEqual(await seal(5 * minute), { kind: 'sealed', number: 4, transfers: 3 })
  })

  it('keeps nobody waiting once it knows how far to seal', async () => {
    await transfers(1)
    await books.transact(async (sql) => {
      assert.equal((await sealJournal(sql, instant(6 * minute))).kind, 'sealed')
      await transfers(1)
    })
  })

  it('covers no more at once than it may, and the rest the next time', async () => {
    await transfers(7)
    const few = { transfersMax: 5, pageRows: 2 }
    const covered = []
    for (let again = 0; again < 3; again += 1) {
      const sealed = await books.transact((sql) => sealJournal(sql, instant(6 * minute), few))
      covered.push(sealed.kind === 'sealed' ? sealed.transfers : 0)
    }
    // One transfer was left by the writer that was not kept waiting.
    assert.deepEqual(covered, [5, 3, 0])
    await assertSound(books)
  })

  it('fails aloud when it is not waiting that failed', async () => {
    await books.tryOut(async (sql) => {
      await sql.query('alter table transfers rename to hidden')
      await assert.rejects(sealJournal(sql, instant(0)), /"transfers" does not exist/)
    })
  })

  it('waits for who was writing, while everybody else moves money without waiting', async () => {
    await transfers(1)
    await books.step(async (ledger) => {
      await topUp(person, 10)(ledger)
      let isSealing = true
      const sealing = seal(6 * minute).finally(() => {
        isSealing = false
      })
      let moved = 0
      for (const other = somebody(); isSealing; moved += 1) await books.transact(atOnce(other))
      assert.deepEqual(await sealing, { kind: 'busy' })
      assert.ok(moved > 5, `${moved} others moved money`)
    })
  })

  it('leaves out no transfer, and keeps nobody waiting, while 20 workers write without a pause', async () => {
    const people = Array.from({ length: 20 }, somebody)
    let writing = people.length
    let seals = 0
    const sealing = async () => {
      for (let at = 7; writing > 0; at += 1) if ((await seal(at * minute)).kind === 'sealed') seals += 1
    }
    const work = async (worker: PersonId) => {
      for (let i = 0; i < 30; i += 1) await books.transact(atOnce(worker))
      writing -= 1
    }
    await Promise.all([sealing(), ...people.map(work)])
    assert.ok(seals > 1, `sealed ${seals} times in the middle of it`)
    const last = await seal(500 * minute)
    assert.notEqual(last.kind, 'busy')
    const verified = await books.verify()
    assert.ok(verified.ok, verified.ok ? '' : verified.difference)
    assert.equal(verified.unsealed, 0)
  })

  /** A top-up that fails where it would have to wait for a lock; a table grows under one, for a moment. */
  const atOnce = (worker: PersonId) => async (sql: Sql) => {
    await sql.query(`set local lock_timeout = '${onThisMachine(20)}ms'`)
    await topUp(worker, 10)(createPostgresLedger(sql, { bot: botId(1), freeDaily: () => 5 }))
  }

  it('writes down what the shop holds once a day, and sums from there', async () => {
    const checkpoints = async () =>
      (await books.transact((sql) => sql.query('select distinct seal from shop_checkpoints'))).rows.length
    assert.equal(await checkpoints(), 1)
    await transfers(1)
    await seal(day - 1)
    assert.equal(await checkpoints(), 1)
    await transfers(1)
    await seal(day)
    assert.equal(await checkpoints(), 2)
    const order = newOrderId()
    await books.step(hold(person, order, rub(4)))
    await books.step(hold(person, newOrderId(), oneFree, today))
    await books.step((ledger) => ledger.capture({ order, ...entry, amount: kopecks(3) }))
    const sums = await books.transact(shopSums)
    const total = sums.find(({ account }) => account === 'shop:top-ups')?.total
    assert.deepEqual(sums, [
      { unit: 'GEN', account: 'shop:free-issue', total: -5 },
      { unit: 'GEN', account: 'shop:holds', total: 1 },
      { unit: 'RUB', account: 'shop:holds', total: 0 },
      { unit: 'RUB', account: 'shop:income', total: 3 },
      { unit: 'RUB', account: 'shop:top-ups', total },
    ])
    assert.equal(total, -10 * (await credits()))
  })
  const credits = async (): Promise<number> => {
    const { rows } = await books.transact((sql) => sql.query<{ n: unknown }>(`select count(*) as n from star_payments`))
    return Number(rows[0]?.n)
  }
})

describe('two bots of one shop', () => {
  let books: PostgresBooks
  before(async () => {
    books = await openPostgresBooks()
  })
  after(() => endSound(books))

  it('have charges of their own, even with the same text, for one balance', async () => {
    const person = somebody()
    const charge = newCharge()
    assert.equal(await books.step(topUp(person, 10, charge)), 'credited')
    assert.equal(await books.ofAnotherBot(topUp(person, 10, charge)), 'credited')
    assert.equal(await books.step((ledger) => ledger.reverse({ charge, ...entry })), 'reversed')
    assert.equal(await books.step((ledger) => ledger.reverse({ charge, ...entry })), 'already_reversed')
    assert.equal(await books.step((ledger) => ledger.balance(person)), 10)
  })

  it('do not know the invoices of one another', async () => {
    const open = { id: newTopUpId(), person: somebody(), amount: kopecks(100), stars: stars(2), madeAt: entry.at }
    await books.topUps((topUps) => topUps.add({ ...open, state: 'open' }))
    assert.equal(await books.ofAnotherBot((_, topUps) => topUps.get(open.id)), undefined)
  })
})
