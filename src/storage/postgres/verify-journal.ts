import type { Hash } from 'node:crypto'
import { noHistory } from './journal.ts'
import { type Int8, toSafeInteger } from './safe-integer.ts'
import { addToBlock, startBlock } from './seal-journal.ts'
import type { Sql } from './sql.ts'
import { streamRows } from './stream-rows.ts'
import { Difference, type TransferRow, transferColumns, verifyTransfer } from './verify-transfer.ts'

const TRANSFERS = `select ${transferColumns} from transfers order by id`
const SEALS = `select number, upto, transfers, hash,
    (select json_agg(json_build_object('unit', unit, 'account', account, 'total', total))
      from shop_checkpoints where seal = number) as checkpoint
  from seals order by number`

type SealRow = {
  number: Int8
  upto: Int8
  transfers: Int8
  hash: Buffer
  checkpoint: readonly { readonly unit: string; readonly account: string; readonly total: Int8 }[] | null
}
type Journal = {
  readonly transfers: number
  readonly seals: number
  readonly unsealed: number
  /** What the shop's accounts sum to, by unit. */
  readonly shop: ReadonlyMap<string, number>
}

/** Replays the journal in order: transfers within the shop, the seals over all of it, the shop's checkpoints. */
export async function verifyJournal(sql: Sql): Promise<Journal> {
  const seals = streamRows<SealRow>(sql, 'seals_in_order', SEALS)
  const sums = new ShopSums()
  let seal = await seals.next()
  let block: Block = { hash: startBlock(noHistory), transfers: 0 }
  let transfers = 0
  let closed = 0
  const close = async (row: SealRow) => {
    closed += 1
    verifySeal(row, closed, block)
    sums.verify(row)
    block = { hash: startBlock(row.hash), transfers: 0 }
    seal = await seals.next()
  }
  for await (const row of streamRows<TransferRow>(sql, 'journal_in_order', TRANSFERS)) {
    const id = toSafeInteger(row.id, 'the id of a transfer')
    while (!seal.done && id > toSafeInteger(seal.value.upto, 'a seal')) await close(seal.value)
    // Those of people were held to their hashes in the chains of their accounts.
    if (row.account === null) verifyTransfer(row, noHistory, undefined)
    sums.add(row)
    addToBlock(block.hash, id, row.hash)
    block = { hash: block.hash, transfers: block.transfers + 1 }
    transfers += 1
  }
  while (!seal.done) await close(seal.value)
  return { transfers, seals: closed, unsealed: block.transfers, shop: sums.byUnit() }
}

type Block = { readonly hash: Hash; readonly transfers: number }

function verifySeal(row: SealRow, number: number, block: Block): void {
  if (toSafeInteger(row.number, 'a seal') !== number) throw new Difference(`seal ${number} is missing`)
  if (toSafeInteger(row.transfers, 'a seal') !== block.transfers) {
    throw new Difference(
      `seal ${number} covers ${row.transfers} transfers up to ${row.upto}, there are ${block.transfers}`,
    )
  }
  if (!block.hash.digest().equals(row.hash)) {
    throw new Difference(`seal ${number} does not fit the transfers up to ${row.upto}: one was changed or exchanged`)
  }
}

/** The sums of the shop's few accounts. */
class ShopSums {
  readonly #sums = new Map<string, { readonly unit: string; readonly total: number }>()

  add({ unit, source, target, amount }: TransferRow): void {
    const moved = toSafeInteger(amount, 'an amount')
    this.#move(unit, source, -moved)
    this.#move(unit, target, moved)
  }

  #move(unit: string, account: string, change: number): void {
    if (!account.startsWith('shop:')) return
    const key = `${account}/${unit}`
    this.#sums.set(key, { unit, total: (this.#sums.get(key)?.total ?? 0) + change })
  }

  verify({ number, checkpoint }: SealRow): void {
    if (checkpoint === null) return
    const stored = new Map(
      checkpoint.map(({ unit, account, total }) => [`${account}/${unit}`, toSafeInteger(total, 'a sum')]),
    )
    for (const key of new Set([...stored.keys(), ...this.#sums.keys()])) {
      const total = this.#sums.get(key)?.total
      if (stored.get(key) !== total) {
        throw new Difference(
          `the checkpoint at seal ${number} says ${stored.get(key)} for ${key}, the journal ${total}`,
        )
      }
    }
  }

  byUnit(): ReadonlyMap<string, number> {
    const units = new Map<string, number>()
    for (const { unit, total } of this.#sums.values()) units.set(unit, (units.get(unit) ?? 0) + total)
    return units
  }
}
