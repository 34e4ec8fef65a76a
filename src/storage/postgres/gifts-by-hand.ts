import { type Instant, instant } from '../../kit/clock.ts'
import { type Cid, type PersonId, personId } from '../../kit/ids.ts'
import type { Unit } from '../../money/account.ts'
import type { Gift, Ledger } from '../../money/ledger.ts'
import { idempotencyKeyOf } from '../../money/transfer.ts'
import { type Int8, toSafeInteger } from './safe-integer.ts'
import type { Sql } from './sql.ts'

/**
 * What an operator gives by hand, once for each key, however often and at however many places it is typed at once: the
 * key is written first, and a second writer waits for the first to end. Use it inside one transaction with the ledger.
 */
export type GiftByHand = {
  /** Up to 64 letters, digits, dots, `_` or `-`. */
  readonly key: string
  readonly person: PersonId
  readonly gift: Gift['gift']
  readonly why: string
  readonly at: Instant
  readonly cid: Cid
}

/** What was given under a key before, by whichever reason. */
export type Given = {
  readonly person: PersonId
  readonly unit: Unit
  readonly amount: number
  readonly why: string
  readonly at: Instant
}

export type GivenByHand =
  | { readonly kind: 'given'; readonly idempotencyKey: string }
  /** The same sum for the same person: typed again, and nothing was given again. */
  | { readonly kind: 'given_before'; readonly before: Given }
  /** The key belongs to another gift, so nothing was given. */
  | { readonly kind: 'key_is_taken'; readonly by: Given }

const WRITE = `insert into gifts_by_hand (key, person, unit, amount, why, at, cid) values ($1, $2, $3, $4, $5, $6, $7)
  on conflict (key) do nothing`
const READ = 'select person, unit, amount, why, at from gifts_by_hand where key = $1'
// An older program writes only the journal. The causes that begin with $1 are those from it up to $2, in the collation of
// the index `transfers_gifts`.
export const IN_JOURNAL = `select person, transfers.unit, amount, substr(cause, length($1) + 1) as why, at
  from transfers join accounts on accounts.id = transfers.account
  where kind = 'gift' and cause collate "C" >= $1 and cause collate "C" < $2 order by transfers.id limit 1`

type Row = { person: Int8; unit: Unit; amount: Int8; why: string; at: Int8 }

export async function giveByHand(sql: Sql, ledger: Ledger, wish: GiftByHand): Promise<GivenByHand> {
  const { key, person, gift, why, at, cid } = wish
  const amount = gift.unit === 'RUB' ? gift.kopecks : gift.count
  const prefix = `operator:${key}:`
  // The semicolon is the symbol after the colon.
  const afterPrefix = `operator:${key};`
  const [older] = (
    await sql.query<Row>(IN_JOURNAL, [idempotencyKeyOf.gift(prefix), idempotencyKeyOf.gift(afterPrefix)])
  ).rows
  if (older !== undefined) return judge(readGiven(older, key), person, gift.unit, amount)
  const { rowCount } = await sql.query(WRITE, [key, person, gift.unit, amount, why, at, cid])
  if (rowCount === 0) {
    const [row] = (await sql.query<Row>(READ, [key])).rows
    if (row === undefined) throw new Error(`the gift of key ${key} was there and is not`)
    return judge(readGiven(row, key), person, gift.unit, amount)
  }
  const given = await ledger.give({ key: `${prefix}${why}`, person, gift, at, cid })
  if (given === 'already_given') throw new Error(`the journal has a gift of key ${key} that was not found in it`)
  return { kind: 'given', idempotencyKey: idempotencyKeyOf.gift(`${prefix}${why}`) }
}

function judge(before: Given, person: PersonId, unit: Unit, amount: number): GivenByHand {
  const isSame = before.person === person && before.unit === unit && before.amount === amount
  return isSame ? { kind: 'given_before', before } : { kind: 'key_is_taken', by: before }
}

function readGiven({ person, unit, amount, why, at }: Row, key: string): Given {
  return {
    person: personId(toSafeInteger(person, `the person of gift ${key}`)),
    unit,
    amount: toSafeInteger(amount, `the sum of gift ${key}`),
    why,
    at: instant(toSafeInteger(at, `the time of gift ${key}`)),
  }
}
