import type { BotId, ChargeId, PersonId } from '../../kit/ids.ts'
import { kopecks } from '../../money/amount.ts'
import type { Credit, Gift, Reversal } from '../../money/ledger.ts'
import { causeOf } from '../../money/transfer.ts'
import { lockAccount, lockOrOpenAccount, post } from './journal.ts'
import { type Int8, toSafeInteger } from './safe-integer.ts'
import type { Sql } from './sql.ts'

/** Money that comes in, goes back, or is given: top-ups, reversals with their debts, gifts. */

const PAYMENT = `insert into star_payments (bot, charge, person, stars, amount_kopecks, top_up, at)
  values ($1, $2, $3, $4, $5, $6, $7)`

export async function credit(sql: Sql, bot: BotId, paid: Credit): Promise<'credited' | 'already_credited'> {
  const { person, amount, stars, topUp, at, cid } = paid
  const charge = chargeOf(bot, paid.charge)
  const entry = { unit: 'RUB', at, cid } as const
  const { account } = await lockOrOpenAccount(sql, person, 'RUB')
  const credited = await post(sql, { kind: 'credit', cause: causeOf.credit(charge), amount, ...entry }, account)
  if (credited === 'repeat') return 'already_credited'
  await sql.query(PAYMENT, [bot, paid.charge, person, stars, amount, topUp ?? null, at])
  const owed = Math.min(amount, await owedOn(sql, account.id))
  if (owed > 0)
    await post(sql, { kind: 'debt_paid', cause: causeOf.debtPaid(charge), amount: owed, ...entry }, credited)
  return 'credited'
}

const CREDIT = `select account, amount from transfers where cause = $1`
const IS_POSTED = `select 1 from transfers where cause = $1`

export async function reverse(
  sql: Sql,
  bot: BotId,
  reversal: Reversal,
): Promise<'reversed' | 'already_reversed' | 'unknown_charge'> {
  const charge = chargeOf(bot, reversal.charge)
  const entry = { unit: 'RUB', at: reversal.at, cid: reversal.cid } as const
  const { rows } = await sql.query<{ account: Int8; amount: Int8 }>(CREDIT, [causeOf.credit(charge)])
  if (rows[0] === undefined) return 'unknown_charge'
  const amount = toSafeInteger(rows[0].amount, 'a credit')
  let account = await lockAccount(sql, toSafeInteger(rows[0].account, 'the account of a credit'))
  // Asked under the lock: a second reversal must not lend what the first one has taken.
  const { rowCount } = await sql.query(IS_POSTED, [causeOf.reversal(charge)])
  if (rowCount > 0) return 'already_reversed'
  const spent = amount - account.balance
  if (spent > 0) {
    const lent = await post(sql, { kind: 'debt', cause: causeOf.debt(charge), amount: spent, ...entry }, account)
    if (lent === 'repeat') throw new Error(`${charge}: a debt without its reversal`)
    account = lent
  }
  const taken = await post(sql, { kind: 'reversal', cause: causeOf.reversal(charge), amount, ...entry }, account)
  return taken === 'repeat' ? 'already_reversed' : 'reversed'
}

export async function give(sql: Sql, { key, person, gift, at, cid }: Gift): Promise<'given' | 'already_given'> {
  const amount = gift.unit === 'RUB' ? gift.kopecks : gift.count
  const { account } = await lockOrOpenAccount(sql, person, gift.unit)
  const given = await post(sql, { kind: 'gift', cause: causeOf.gift(key), unit: gift.unit, amount, at, cid }, account)
  return given === 'repeat' ? 'already_given' : 'given'
}

const ACCOUNT = `select id from accounts where person = $1 and unit = 'RUB' and day = ''`

/** What the person owes the shop. */
export async function owedBy(sql: Sql, person: PersonId) {
  const { rows } = await sql.query<{ id: Int8 }>(ACCOUNT, [person])
  return kopecks(rows[0] === undefined ? 0 : await owedOn(sql, toSafeInteger(rows[0].id, 'the id of an account')))
}

const OWED = `select coalesce(sum(case kind when 'debt' then amount else -amount end), 0) as owed
  from transfers where account = $1 and kind in ('debt', 'debt_paid')`

async function owedOn(sql: Sql, account: number): Promise<number> {
  const { rows } = await sql.query<{ owed: Int8 }>(OWED, [account])
  return toSafeInteger(rows[0]?.owed, `the debt on account ${account}`)
}

/** Charge ids are Telegram's and belong to a bot. */
const chargeOf = (bot: BotId, charge: ChargeId): string => `${bot}:${charge}`
