import type { OrderId } from '../../kit/ids.ts'
import { unreachable } from '../../kit/unreachable.ts'
import type { Unit } from '../../money/account.ts'
import { kopecks } from '../../money/amount.ts'
import type { Hold, HoldOutcome, OrderEntry, Part } from '../../money/ledger.ts'
import { amountOf, idempotencyKeyOf, type Transfer, type TransferKind } from '../../money/transfer.ts'
import { type Account, lockAccount, lockAccountOf, lockOrOpenAccount, post, postWithinShop } from './journal.ts'
import { payDebt } from './ledger-debts.ts'
import { type Int8, toSafeInteger } from './safe-integer.ts'
import type { Sql } from './sql.ts'

/**
 * The money of an order: hold, then capture or release, then perhaps a refund. Nothing about it is stored but the
 * transfers: a hold is open while there is no `settle:<order>`, and that key exists once.
 */

/** Holds the price, or says why not. A repeat with other content is a fault: two orders would share an id. */
export async function hold(sql: Sql, wanted: Hold, freeDaily: () => number): Promise<HoldOutcome> {
  return wanted.price.unit === 'RUB' ? await holdMoney(sql, wanted) : await holdFree(sql, wanted, freeDaily)
}

async function holdMoney(sql: Sql, wanted: Hold): Promise<HoldOutcome> {
  const transfer = holdTransfer(wanted)
  const account = await lockAccountOf(sql, wanted.person, 'RUB')
  const missing = transfer.amount - (account?.balance ?? 0)
  if (account !== undefined && missing <= 0 && (await post(sql, transfer, account)) !== 'repeat')
    return { kind: 'held' }
  if (await isHeld(sql, wanted)) return { kind: 'already_held' }
  return { kind: 'not_enough_money', missing: kopecks(missing) }
}

async function holdFree(sql: Sql, wanted: Hold, freeDaily: () => number): Promise<HoldOutcome> {
  // The day's own ones first: they are gone tomorrow, those without a day stay.
  const today = await lockDay(sql, wanted, freeDaily)
  const account = today.balance > 0 ? today : await lockAccountOf(sql, wanted.person, 'GEN')
  const left = account !== undefined && account.balance > 0
  if (left && (await post(sql, holdTransfer(wanted), account)) !== 'repeat') return { kind: 'held' }
  return (await isHeld(sql, wanted)) ? { kind: 'already_held' } : { kind: 'no_free_left' }
}

/** The account of the day, locked. Its first use makes it, with all that the day has. */
async function lockDay(sql: Sql, { person, day, at, cid }: Hold, freeDaily: () => number): Promise<Account> {
  const { account, opened } = await lockOrOpenAccount(sql, person, 'GEN', day)
  const amount = freeDaily()
  if (!opened || amount === 0) return account
  const grant = {
    kind: 'free_day',
    idempotencyKey: idempotencyKeyOf.freeDay(person, day),
    unit: 'GEN',
    amount,
    at,
    cid,
  } as const
  const granted = await post(sql, grant, account)
  if (granted === 'repeat') throw new Error(`the free generations of ${account.name} were given before it was opened`)
  return granted
}

function holdTransfer({ order, price, at, cid }: Hold): Transfer {
  return { kind: 'hold', idempotencyKey: idempotencyKeyOf.hold(order), ...amountOf(price), order, at, cid }
}

const HELD = `select t.unit, t.amount, a.person from transfers t join accounts a on a.id = t.account where t.cause = $1`

async function isHeld(sql: Sql, { order, person, price }: Hold): Promise<boolean> {
  const { rows } = await sql.query<{ unit: Unit; amount: Int8; person: Int8 }>(HELD, [idempotencyKeyOf.hold(order)])
  if (rows[0] === undefined) return false
  const { unit, amount } = amountOf(price)
  const same =
    rows[0].unit === unit &&
    toSafeInteger(rows[0].amount, 'a hold') === amount &&
    toSafeInteger(rows[0].person, 'a person') === person
  if (!same) throw new Error(`order ${order} holds something else already: ${rows[0].amount} ${rows[0].unit}`)
  return true
}

export async function capture(
  sql: Sql,
  entry: OrderEntry & Part,
): Promise<'captured' | 'already_captured' | 'already_released'> {
  const { order, at, cid } = entry
  const held = await readOrder(sql, order)
  if (held.settled !== undefined) return already(held.settled)
  const amount = partOf(held.amount, held.unit, entry)
  const rest = held.amount - amount
  // Locked before settling, as a release does, so that the two never wait for each other in a circle.
  const account = rest > 0 ? await lockAccount(sql, held.account) : undefined
  const settlement = { idempotencyKey: idempotencyKeyOf.settlement(order), unit: held.unit, amount, order, at, cid }
  if (!(await postWithinShop(sql, { kind: 'capture', ...settlement }))) return already(await settlementOf(sql, order))
  if (account !== undefined) {
    const back = { idempotencyKey: idempotencyKeyOf.rest(order), unit: held.unit, amount: rest, order, at, cid }
    if (!(await giveBack(sql, { kind: 'rest', ...back }, account))) throw new Error(`the rest of ${order} is back`)
  }
  return 'captured'
}

export async function release(
  sql: Sql,
  { order, at, cid }: OrderEntry,
): Promise<'released' | 'already_released' | 'already_captured'> {
  const held = await readOrder(sql, order)
  if (held.settled !== undefined) return already(held.settled)
  const account = await lockAccount(sql, held.account)
  const settlement = {
    idempotencyKey: idempotencyKeyOf.settlement(order),
    unit: held.unit,
    amount: held.amount,
    order,
    at,
    cid,
  }
  if (await giveBack(sql, { kind: 'release', ...settlement }, account)) return 'released'
  return already(await settlementOf(sql, order))
}

export async function refund(
  sql: Sql,
  entry: OrderEntry & Part,
): Promise<'refunded' | 'already_refunded' | 'nothing_captured'> {
  const { order, at, cid } = entry
  const held = await readOrder(sql, order)
  if (held.settled?.kind !== 'capture') return 'nothing_captured'
  if (held.refunded) return 'already_refunded'
  const amount = partOf(held.settled.amount, held.unit, entry)
  const account = await lockAccount(sql, held.account)
  const back = { idempotencyKey: idempotencyKeyOf.refund(order), unit: held.unit, amount, order, at, cid }
  return (await giveBack(sql, { kind: 'refund', ...back }, account)) ? 'refunded' : 'already_refunded'
}

/** Posts money that comes back to a person; roubles pay a debt before they can be spent. False when it was back already. */
async function giveBack(sql: Sql, transfer: Transfer & { readonly order: OrderId }, to: Account): Promise<boolean> {
  const account = await post(sql, transfer, to)
  if (account === 'repeat') return false
  const { idempotencyKey, amount, order, at, cid } = transfer
  if (transfer.unit === 'RUB') await payDebt(sql, account, { of: idempotencyKey, amount, order, at, cid })
  return true
}

type Settled = { readonly kind: 'capture' | 'release'; readonly amount: number }
type Held = {
  readonly unit: Unit
  readonly amount: number
  /** Where it came from, and where everything that goes back goes to. */
  readonly account: number
  readonly settled?: Settled
  readonly refunded: boolean
}

const ORDER = `select kind, unit, amount, account from transfers where cause in ($1, $2, $3)`

async function readOrder(sql: Sql, order: OrderId): Promise<Held> {
  type Row = { kind: TransferKind; unit: Unit; amount: Int8; account: Int8 | null }
  const causes = [idempotencyKeyOf.hold(order), idempotencyKeyOf.settlement(order), idempotencyKeyOf.refund(order)]
  const { rows } = await sql.query<Row>(ORDER, causes)
  const held = rows.find(({ kind }) => kind === 'hold')
  if (held === undefined) throw new Error(`order ${order} has no hold`)
  const settled = rows.map(readSettled).find((each) => each !== undefined)
  return {
    unit: held.unit,
    amount: toSafeInteger(held.amount, `the hold of order ${order}`),
    account: toSafeInteger(held.account, `the account of order ${order}`),
    ...(settled === undefined ? {} : { settled }),
    refunded: rows.some(({ kind }) => kind === 'refund'),
  }
}

const readSettled = ({ kind, amount }: { kind: TransferKind; amount: Int8 }): Settled | undefined =>
  kind === 'capture' || kind === 'release' ? { kind, amount: toSafeInteger(amount, 'a settlement') } : undefined

async function settlementOf(sql: Sql, order: OrderId): Promise<Settled> {
  const { settled } = await readOrder(sql, order)
  if (settled === undefined) throw new Error(`order ${order} was settled a moment ago and is not any more`)
  return settled
}

function already({ kind }: Settled): 'already_captured' | 'already_released' {
  switch (kind) {
    case 'capture':
      return 'already_captured'
    case 'release':
      return 'already_released'
    default:
      return unreachable(kind, 'already')
  }
}

function partOf(all: number, unit: Unit, { order, amount }: OrderEntry & Part): number {
  if (amount === undefined) return all
  if (unit === 'GEN') throw new Error(`order ${order}: a free generation has no parts`)
  if (amount <= 0 || amount > all) throw new Error(`order ${order}: ${amount} is not more than 0 and at most ${all}`)
  return amount
}
