import type { Instant } from '../../kit/clock.ts'
import type { Cid, OrderId, PersonId } from '../../kit/ids.ts'
import { type Kopecks, kopecks } from '../../money/amount.ts'
import { idempotencyKeyOf } from '../../money/transfer.ts'
import { type Account, post } from './journal.ts'
import { type Int8, toSafeInteger } from './safe-integer.ts'
import type { Sql } from './sql.ts'

/** What people owe after Stars that they had spent were given back, and how it is paid. */

/** Money that has just come into a locked account of roubles. `of` is its charge or its idempotency key. */
export type Income = {
  readonly of: string
  readonly amount: number
  readonly order?: OrderId
  readonly at: Instant
  readonly cid: Cid
}

/** Pays what is owed out of money that has just come in or back; at most all of that money. */
export async function payDebt(sql: Sql, account: Account, { of, amount, order, at, cid }: Income): Promise<void> {
  const paid = Math.min(amount, await owedOn(sql, account.id))
  if (paid === 0) return
  const entry = { unit: 'RUB', at, cid, ...(order === undefined ? {} : { order }) } as const
  const posted = await post(
    sql,
    { kind: 'debt_paid', idempotencyKey: idempotencyKeyOf.debtPaid(of), amount: paid, ...entry },
    account,
  )
  if (posted === 'repeat') throw new Error(`${of} has paid a debt before it came in`)
}

const ACCOUNT = `select id from accounts where person = $1 and unit = 'RUB' and day = ''`

/** What the person owes the shop. */
export async function owedBy(sql: Sql, person: PersonId): Promise<Kopecks> {
  const { rows } = await sql.query<{ id: Int8 }>(ACCOUNT, [person])
  return kopecks(rows[0] === undefined ? 0 : await owedOn(sql, toSafeInteger(rows[0].id, 'the id of an account')))
}

const OWED = `select coalesce(sum(case kind when 'debt' then amount else -amount end), 0) as owed
  from transfers where account = $1 and kind in ('debt', 'debt_paid')`

async function owedOn(sql: Sql, account: number): Promise<number> {
  const { rows } = await sql.query<{ owed: Int8 }>(OWED, [account])
  return toSafeInteger(rows[0]?.owed, `the debt on account ${account}`)
}

const PAID_BY = `select coalesce(sum(amount), 0) as paid from transfers where order_id = $1 and kind = 'debt_paid'`

/** How much of what an order gave back has paid a debt. */
export async function debtPaidBy(sql: Sql, order: OrderId): Promise<Kopecks> {
  const { rows } = await sql.query<{ paid: Int8 }>(PAID_BY, [order])
  return kopecks(toSafeInteger(rows[0]?.paid, `the debt that order ${order} has paid`))
}
