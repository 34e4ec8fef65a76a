import { createHash } from 'node:crypto'
import { type PersonId, personId } from '../../kit/ids.ts'
import { nameOfAccount, type Unit } from '../../money/account.ts'
import type { ShopDay } from '../../money/amount.ts'
import { shopDay } from '../../money/shop-day.ts'
import { type Transfer, ways } from '../../money/transfer.ts'
import { type Int8, toSafeInteger } from './safe-integer.ts'
import type { Sql } from './sql.ts'

/**
 * Writing into the books: lock the person's account, then post the transfer and move the account in one statement.
 * Nothing else inserts into `transfers` or updates `accounts`. Who needs two accounts of a person locks that of the day
 * before that without a day, so no two steps wait for each other in a circle.
 *
 * Promises: a transfer whose idempotency key is there already changes nothing; a balance moves only together with one transfer,
 * whose hash covers the whole history of the account.
 */

/** A person's account. Whoever posts holds its row lock, so nobody else moves it until the step ends. */
export type Account = {
  readonly id: number
  readonly name: string
  readonly unit: Unit
  /** Empty for an account without a day. */
  readonly day: string
  readonly balance: number
  readonly entries: number
  readonly head: Buffer
}

export type AccountRow = {
  id: Int8
  person: Int8
  unit: Unit
  day: string
  balance: Int8
  entries: Int8
  head: Buffer
}

export const accountColumns = 'id, person, unit, day, balance, entries, head'
const LOCK_OF = `select ${accountColumns} from accounts where person = $1 and unit = $2 and day = $3 for update`
const LOCK_ONE = `select ${accountColumns} from accounts where id = $1 for update`
const OPEN = `insert into accounts (person, unit, day) values ($1, $2, $3)
  on conflict on constraint accounts_once do nothing returning ${accountColumns}`

/** The person's account, locked; undefined when it was never opened. An empty day is the account without one. */
export async function lockAccountOf(
  sql: Sql,
  person: PersonId,
  unit: Unit,
  day: ShopDay | '' = '',
): Promise<Account | undefined> {
  const { rows } = await sql.query<AccountRow>(LOCK_OF, [person, unit, day])
  return rows[0] === undefined ? undefined : readAccount(rows[0])
}

export async function lockAccount(sql: Sql, id: number): Promise<Account> {
  const { rows } = await sql.query<AccountRow>(LOCK_ONE, [id])
  if (rows[0] === undefined) throw new Error(`the journal names account ${id}, which is not there`)
  return readAccount(rows[0])
}

/** The account, locked, made when it was not there; `opened` says that this step has made it. */
export async function lockOrOpenAccount(
  sql: Sql,
  person: PersonId,
  unit: Unit,
  day: ShopDay | '' = '',
): Promise<{ readonly account: Account; readonly opened: boolean }> {
  const known = await lockAccountOf(sql, person, unit, day)
  if (known !== undefined) return { account: known, opened: false }
  const { rows } = await sql.query<AccountRow>(OPEN, [person, unit, day])
  // A new row is locked by its own insert.
  if (rows[0] !== undefined) return { account: readAccount(rows[0]), opened: true }
  // Another step has opened it meanwhile; an account stays for good, so now it is found.
  const account = await lockAccountOf(sql, person, unit, day)
  if (account === undefined) throw new Error(`the ${unit} account of person ${person} could not be opened`)
  return { account, opened: false }
}

const POST = `with posted as (
    insert into transfers (cause, kind, unit, amount, source, target, account, entry, order_id, at, cid, hash)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
    on conflict on constraint transfers_cause_once do nothing
    returning id
  ), moved as (
    update accounts set balance = balance + $13, entries = $8, head = $12
    where id = $7 and exists (select from posted)
  )
  select id from posted`

/**
 * Posts a transfer with a person's account in it. The answer is the account as it stands now, or `repeat` when the
 * key was there already: then nothing has changed.
 */
export async function post(sql: Sql, transfer: Transfer, account: Account): Promise<Account | 'repeat'> {
  if (transfer.unit !== account.unit) throw new Error(`${transfer.idempotencyKey}: ${transfer.unit} on ${account.name}`)
  const { from, to } = ways[transfer.kind]
  const source = from === 'person' ? account.name : from
  const target = to === 'person' ? account.name : to
  const change = from === 'person' ? -transfer.amount : transfer.amount
  const entry = account.entries + 1
  const hash = hashOf(account.head, contentOf(transfer, source, target, entry))
  if (!(await insert(sql, transfer, source, target, hash, { id: account.id, entry, change }))) return 'repeat'
  return { ...account, balance: account.balance + change, entries: entry, head: hash }
}

/** Posts a transfer between two accounts of the shop; false when the key was there already. */
export async function postWithinShop(sql: Sql, transfer: Transfer): Promise<boolean> {
  const { from, to } = ways[transfer.kind]
  if (from === 'person' || to === 'person') throw new Error(`a ${transfer.kind} needs the account of a person`)
  const hash = hashOf(noHistory, contentOf(transfer, from, to, null))
  return await insert(sql, transfer, from, to, hash)
}

async function insert(
  sql: Sql,
  { idempotencyKey, kind, unit, amount, order, at, cid }: Transfer,
  source: string,
  target: string,
  hash: Buffer,
  moved?: { readonly id: number; readonly entry: number; readonly change: number },
): Promise<boolean> {
  if (!Number.isSafeInteger(amount) || amount <= 0)
    throw new Error(`${idempotencyKey}: ${amount} cannot be transferred`)
  const account = [moved?.id ?? null, moved?.entry ?? null]
  const values = [
    idempotencyKey,
    kind,
    unit,
    amount,
    source,
    target,
    ...account,
    order ?? null,
    at,
    cid,
    hash,
    moved?.change ?? 0,
  ]
  const { rowCount } = await sql.query(POST, values)
  return rowCount === 1
}

const contentOf = (transfer: Transfer, source: string, target: string, entry: number | null): Content => {
  const { idempotencyKey, kind, unit, amount, order, at, cid } = transfer
  return { idempotencyKey, kind, unit, amount, source, target, entry, order: order ?? null, at, cid }
}

/** What a hash covers; the seals cover the ids as well. */
export type Content = {
  readonly idempotencyKey: string
  readonly kind: string
  readonly unit: string
  readonly amount: number
  readonly source: string
  readonly target: string
  readonly entry: number | null
  readonly order: string | null
  readonly at: number
  readonly cid: string
}

/** The head of an account without history; also what stands before a transfer within the shop. */
export const noHistory = Buffer.alloc(32)

export function hashOf(previous: Buffer, content: Content): Buffer {
  const { idempotencyKey, kind, unit, amount, source, target, entry, order, at, cid } = content
  // A JSON array: no two different contents are written the same.
  const text = JSON.stringify([idempotencyKey, kind, unit, amount, source, target, entry, order, at, cid])
  return createHash('sha256').update(previous).update(text).digest()
}

export function readAccount(row: AccountRow): Account {
  const { unit, day, head } = row
  const person = personId(toSafeInteger(row.person, 'the person of an account'))
  const name = nameOfAccount({ person, unit, ...(day === '' ? {} : { day: shopDay(day) }) })
  return {
    id: toSafeInteger(row.id, 'the id of an account'),
    name,
    unit,
    day,
    balance: toSafeInteger(row.balance, `the balance of ${name}`),
    entries: toSafeInteger(row.entries, `the entries of ${name}`),
    head,
  }
}
