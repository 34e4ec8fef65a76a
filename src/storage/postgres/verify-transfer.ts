import { type TransferKind, ways } from '../../money/transfer.ts'
import { hashOf } from './journal.ts'
import { type Int8, toSafeInteger } from './safe-integer.ts'

/** Ends a verification: the journal and what is stored beside it do not agree. The message is the finding. */
export class Difference extends Error {
  override readonly name = 'Difference'
}

/** A transfer as the verification reads it. */
export type TransferRow = {
  id: Int8
  cause: string
  kind: string
  unit: string
  amount: Int8
  source: string
  target: string
  account: Int8 | null
  entry: Int8 | null
  order_id: string | null
  at: Int8
  cid: string
  hash: Buffer
}
export const transferColumns = 'id, cause, kind, unit, amount, source, target, account, entry, order_id, at, cid, hash'

export const nameOfTransfer = ({ id, cause }: TransferRow): string => `transfer ${id} (${cause})`

export type Read = { readonly id: number; readonly amount: number }

/** Holds a transfer to its hash and to the accounts of its kind. `person` names the person's account in it, if any. */
export function verifyTransfer(row: TransferRow, previous: Buffer, person: string | undefined): Read {
  const name = nameOfTransfer(row)
  const { cause, kind, unit, source, target, order_id: order, cid } = row
  const amount = toSafeInteger(row.amount, `the amount of ${name}`)
  const at = toSafeInteger(row.at, `the time of ${name}`)
  const entry = row.entry === null ? null : toSafeInteger(row.entry, `the entry of ${name}`)
  if (
    !hashOf(previous, { idempotencyKey: cause, kind, unit, amount, source, target, entry, order, at, cid }).equals(
      row.hash,
    )
  ) {
    throw new Difference(`${name} is not what its hash says: it was changed, or what stood before it was`)
  }
  if (!isKind(kind)) throw new Difference(`${name} is of an unknown kind: ${kind}`)
  const { from, to } = ways[kind]
  if (source !== (from === 'person' ? person : from) || target !== (to === 'person' ? person : to)) {
    throw new Difference(`${name} is a ${kind} from ${source} to ${target}, which cannot be`)
  }
  return { id: toSafeInteger(row.id, `the id of ${name}`), amount }
}

export const isKind = (kind: string): kind is TransferKind => Object.hasOwn(ways, kind)
