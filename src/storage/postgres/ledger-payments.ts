import type { Instant } from '../../kit/clock.ts'
import { type BotId, type ChargeId, type Cid, cid, personId } from '../../kit/ids.ts'
import { kopecks, stars } from '../../money/amount.ts'
import type { Credit, Gift, Payment, Reversal } from '../../money/ledger.ts'
import { idempotencyKeyOf } from '../../money/transfer.ts'
import { type Account, lockAccount, lockOrOpenAccount, post } from './journal.ts'
import { payDebt } from './ledger-debts.ts'
import { type Int8, toSafeInteger } from './safe-integer.ts'
import type { Sql } from './sql.ts'

/** Money that comes in, goes back, or is given: top-ups, reversals with their debts, gifts. */

const PAYMENT = `insert into star_payments (bot, charge, person, stars, amount_kopecks, top_up, at)
  values ($1, $2, $3, $4, $5, $6, $7)`

export async function credit(
  sql: Sql,
  bot: BotId,
  paid: Credit,
): Promise<'credited' | 'credited_and_reversed' | 'already_credited'> {
  const { person, amount, stars, topUp, at, cid } = paid
  const charge = chargeOf(bot, paid.charge)
  await lockCharge(sql, charge)
  const { account } = await lockOrOpenAccount(sql, person, 'RUB')
  const credited = await post(
    sql,
    { kind: 'credit', idempotencyKey: idempotencyKeyOf.credit(charge), unit: 'RUB', amount, at, cid },
    account,
  )
  if (credited === 'repeat') return 'already_credited'
  await sql.query(PAYMENT, [bot, paid.charge, person, stars, amount, topUp ?? null, at])
  const { rowCount } = await sql.query(IS_EARLY, [bot, paid.charge])
  if (rowCount > 0) {
    await takeBack(sql, credited, { charge, amount, at, cid })
    return 'credited_and_reversed'
  }
  await payDebt(sql, credited, { of: charge, amount, at, cid })
  return 'credited'
}

const CREDIT = `select account, amount from transfers where cause = $1`
const IS_POSTED = `select 1 from transfers where cause = $1`
const IS_EARLY = `select 1 from early_refunds where bot = $1 and charge = $2`
const NOTE_EARLY = `insert into early_refunds (bot, charge, at, cid) values ($1, $2, $3, $4) on conflict do nothing`

export async function reverse(
  sql: Sql,
  bot: BotId,
  reversal: Reversal,
): Promise<'reversed' | 'already_reversed' | 'noted_early'> {
  const { at, cid } = reversal
  const charge = chargeOf(bot, reversal.charge)
  await lockCharge(sql, charge)
  const { rows } = await sql.query<{ account: Int8; amount: Int8 }>(CREDIT, [idempotencyKeyOf.credit(charge)])
  if (rows[0] === undefined) {
    const { rowCount } = await sql.query(NOTE_EARLY, [bot, reversal.charge, at, cid])
    return rowCount === 1 ? 'noted_early' : 'already_reversed'
  }
  const amount = toSafeInteger(rows[0].amount, 'a credit')
  const account = await lockAccount(sql, toSafeInteger(rows[0].account, 'the account of a credit'))
  const { rowCount } = await sql.query(IS_POSTED, [idempotencyKeyOf.reversal(charge)])
  if (rowCount > 0) return 'already_reversed'
  await takeBack(sql, account, { charge, amount, at, cid })
  return 'reversed'
}

type Back = { readonly charge: string; readonly amount: number; readonly at: Instant; readonly cid: Cid }

/** Takes the money of a charge from a locked account; what is not there any more is lent first. */
async function takeBack(sql: Sql, from: Account, { charge, amount, at, cid }: Back): Promise<void> {
  const entry = { unit: 'RUB', at, cid } as const
  let account = from
  const spent = amount - account.balance
  if (spent > 0) {
    const lent = await post(
      sql,
      { kind: 'debt', idempotencyKey: idempotencyKeyOf.debt(charge), amount: spent, ...entry },
      account,
    )
    if (lent === 'repeat') throw new Error(`${charge}: a debt without its reversal`)
    account = lent
  }
  const taken = await post(
    sql,
    { kind: 'reversal', idempotencyKey: idempotencyKeyOf.reversal(charge), amount, ...entry },
    account,
  )
  if (taken === 'repeat') throw new Error(`${charge}: it was reversed a moment ago`)
}

const PAID = `select p.person, p.amount_kopecks, p.stars, t.cid,
    exists (select from transfers where cause = $4) as is_reversed
  from star_payments p join transfers t on t.cause = $3 where p.bot = $1 and p.charge = $2`

export async function paymentOf(sql: Sql, bot: BotId, id: ChargeId): Promise<Payment | undefined> {
  type Row = { person: Int8; amount_kopecks: Int8; stars: Int8; cid: string; is_reversed: boolean }
  const charge = chargeOf(bot, id)
  const { rows } = await sql.query<Row>(PAID, [
    bot,
    id,
    idempotencyKeyOf.credit(charge),
    idempotencyKeyOf.reversal(charge),
  ])
  if (rows[0] === undefined) return undefined
  const { person, amount_kopecks: amount, stars: paid, cid: story, is_reversed: isReversed } = rows[0]
  return {
    person: personId(toSafeInteger(person, `the payer of ${charge}`)),
    amount: kopecks(toSafeInteger(amount, `the amount of ${charge}`)),
    stars: stars(toSafeInteger(paid, `the Stars of ${charge}`)),
    isReversed,
    cid: cid(story),
  }
}

export async function give(sql: Sql, { key, person, gift, at, cid }: Gift): Promise<'given' | 'already_given'> {
  const amount = gift.unit === 'RUB' ? gift.kopecks : gift.count
  const { account } = await lockOrOpenAccount(sql, person, gift.unit)
  const given = await post(
    sql,
    { kind: 'gift', idempotencyKey: idempotencyKeyOf.gift(key), unit: gift.unit, amount, at, cid },
    account,
  )
  return given === 'repeat' ? 'already_given' : 'given'
}

/** Charge ids are Telegram's and belong to a bot. */
const chargeOf = (bot: BotId, charge: ChargeId): string => `${bot}:${charge}`

/**
 * A payment and its refund may be handled at once, each before the other is committed: they wait for one another here,
 * before any account is locked.
 */
async function lockCharge(sql: Sql, charge: string): Promise<void> {
  await sql.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`charge:${charge}`])
}
