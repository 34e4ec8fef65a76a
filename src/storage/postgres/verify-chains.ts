import type { Unit } from '../../money/account.ts'
import { ways } from '../../money/transfer.ts'
import { type Account, type AccountRow, accountColumns, noHistory, readAccount } from './journal.ts'
import { toSafeInteger } from './safe-integer.ts'
import type { Sql } from './sql.ts'
import { streamRows } from './stream-rows.ts'
import {
  Difference,
  isKind,
  nameOfTransfer,
  type TransferRow,
  transferColumns,
  verifyTransfer,
} from './verify-transfer.ts'

const ACCOUNTS = `select ${accountColumns} from accounts order by id`
const TRANSFERS = `select ${transferColumns} from transfers where account is not null order by account, entry`

type Chains = { readonly accounts: number; readonly balances: ReadonlyMap<Unit, number> }

/** Replays the chain of every person's account and compares its end with the stored balance, length and head. */
export async function verifyChains(sql: Sql): Promise<Chains> {
  const transfers = streamRows<TransferRow>(sql, 'chains', TRANSFERS)
  let next = await transfers.next()
  let accounts = 0
  const balances = new Map<Unit, number>([
    ['RUB', 0],
    ['GEN', 0],
  ])
  for await (const row of streamRows<AccountRow>(sql, 'accounts_in_order', ACCOUNTS)) {
    const account = readAccount(row)
    let replayed: Replayed = { balance: 0, entries: 0, head: noHistory }
    while (!next.done && ownerOf(next.value) <= account.id) {
      if (ownerOf(next.value) < account.id) throw orphan(next.value)
      replayed = replay(account, replayed, next.value)
      next = await transfers.next()
    }
    compare(account, replayed)
    accounts += 1
    balances.set(account.unit, (balances.get(account.unit) ?? 0) + account.balance)
  }
  if (!next.done) throw orphan(next.value)
  return { accounts, balances }
}

const ownerOf = (row: TransferRow): number => toSafeInteger(row.account, `the account of ${nameOfTransfer(row)}`)

const orphan = (row: TransferRow) => new Difference(`${nameOfTransfer(row)} belongs to an account that is not there`)

type Replayed = Pick<Account, 'balance' | 'entries' | 'head'>

function replay({ name, unit }: Account, { balance, entries, head }: Replayed, row: TransferRow): Replayed {
  const entry = entries + 1
  if (row.entry === null || toSafeInteger(row.entry, 'an entry') !== entry) {
    throw new Difference(`${name} has no transfer number ${entry}: after ${entries} comes ${nameOfTransfer(row)}`)
  }
  const { amount } = verifyTransfer(row, head, name)
  if (row.unit !== unit) throw new Difference(`${nameOfTransfer(row)} moves ${row.unit} on ${name}`)
  const moved = balance + (isKind(row.kind) && ways[row.kind].from === 'person' ? -amount : amount)
  if (moved < 0) throw new Difference(`${name} falls to ${moved} by ${nameOfTransfer(row)}`)
  return { balance: moved, entries: entry, head: row.hash }
}

function compare({ name, ...stored }: Account, replayed: Replayed): void {
  if (stored.entries !== replayed.entries) {
    throw new Difference(`${name} counts ${stored.entries} transfers, the journal has ${replayed.entries}`)
  }
  if (stored.balance !== replayed.balance) {
    throw new Difference(`${name} has a stored balance of ${stored.balance}, its transfers make ${replayed.balance}`)
  }
  if (!stored.head.equals(replayed.head)) throw new Difference(`${name} does not end in the hash of its last transfer`)
}
