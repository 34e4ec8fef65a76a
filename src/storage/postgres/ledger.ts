import { instant } from '../../kit/clock.ts'
import { type BotId, cid, orderId, type PersonId } from '../../kit/ids.ts'
import { generations, kopecks, type ShopDay } from '../../money/amount.ts'
import type { FreeLeft, Ledger, Transaction } from '../../money/ledger.ts'
import { type TransferKind, ways } from '../../money/transfer.ts'
import { debtPaidBy, owedBy } from './ledger-debts.ts'
import { capture, hold, refund, release } from './ledger-orders.ts'
import { credit, give, paymentOf, reverse } from './ledger-payments.ts'
import { type Int8, toSafeInteger } from './safe-integer.ts'
import type { Sql } from './sql.ts'

export type LedgerOptions = {
  /** Charges belong to a bot: the same charge of another bot is another one. */
  readonly bot: BotId
  /** How many free generations a day has that nobody has used yet. */
  readonly freeDaily: () => number
}

/**
 * The books on PostgreSQL, inside a step's transaction (READ COMMITTED: who waited for a row sees what was waited for).
 *
 * Where a balance decides, its row is locked first and the decision comes after. Where a repeat decides, the unique
 * idempotency key of the transfer does: `on conflict do nothing`, and then a new statement reads what is there.
 */
export function createPostgresLedger(sql: Sql, { bot, freeDaily }: LedgerOptions): Ledger {
  return {
    balance: (person) => balanceOf(sql, person),
    free: (person, day) => freeOf(sql, person, day, freeDaily),
    hold: (wanted) => hold(sql, wanted, freeDaily),
    capture: (entry) => capture(sql, entry),
    release: (entry) => release(sql, entry),
    refund: (entry) => refund(sql, entry),
    credit: (paid) => credit(sql, bot, paid),
    reverse: (reversal) => reverse(sql, bot, reversal),
    payment: (charge) => paymentOf(sql, bot, charge),
    give: (gift) => give(sql, gift),
    debt: (person) => owedBy(sql, person),
    debtPaidBy: (order) => debtPaidBy(sql, order),
    transactionsOf: (person, limit) => transactionsOf(sql, person, limit),
  }
}

const BALANCE = `select balance from accounts where person = $1 and unit = 'RUB' and day = ''`

async function balanceOf(sql: Sql, person: PersonId) {
  const { rows } = await sql.query<{ balance: Int8 }>(BALANCE, [person])
  return kopecks(rows[0] === undefined ? 0 : toSafeInteger(rows[0].balance, `the balance of person ${person}`))
}

const FREE = `select day, balance from accounts where person = $1 and unit = 'GEN' and day in ($2, '')`

async function freeOf(sql: Sql, person: PersonId, day: ShopDay, freeDaily: () => number): Promise<FreeLeft> {
  const { rows } = await sql.query<{ day: string; balance: Int8 }>(FREE, [person, day])
  const left = new Map(
    rows.map((row) => [row.day, toSafeInteger(row.balance, `the free generations of person ${person}`)]),
  )
  return { today: generations(left.get(day) ?? freeDaily()), extra: generations(left.get('') ?? 0) }
}

const TRANSACTIONS = `select kind, amount, order_id, at, cid from transfers
  where account = (select id from accounts where person = $1 and unit = 'RUB' and day = '')
  order by entry desc limit $2`

async function transactionsOf(sql: Sql, person: PersonId, limit: number): Promise<readonly Transaction[]> {
  type Row = { kind: TransferKind; amount: Int8; order_id: string | null; at: Int8; cid: string }
  const { rows } = await sql.query<Row>(TRANSACTIONS, [person, limit])
  return rows.map((row) => {
    const amount = toSafeInteger(row.amount, 'the amount of a transfer')
    return {
      kind: row.kind,
      change: kopecks(ways[row.kind].from === 'person' ? -amount : amount),
      ...(row.order_id === null ? {} : { order: orderId(row.order_id) }),
      at: instant(toSafeInteger(row.at, 'the time of a transfer')),
      cid: cid(row.cid),
    }
  })
}
