import type { Unit } from '../../money/account.ts'
import { type Int8, toSafeInteger } from './safe-integer.ts'
import type { Sql } from './sql.ts'

/**
 * What the shop's accounts hold. No row is kept for them, because every transfer would wait for it: they are summed
 * over the journal, from the last daily checkpoint on.
 */
export type ShopSum = { readonly unit: Unit; readonly account: string; readonly total: number }

const LAST = `select number, upto, at from seals where number = (select max(seal) from shop_checkpoints)`
const MOVED = `
  select unit, account, sum(total) as total from (
    select unit, account, total from shop_checkpoints where seal = $1
    union all
    select unit, target, amount from transfers where id > $2 and id <= $3 and target like 'shop:%'
    union all
    select unit, source, -amount from transfers where id > $2 and id <= $3 and source like 'shop:%'
  ) moved
  group by unit, account`
const ADD = `insert into shop_checkpoints (seal, unit, account, total) select $4, unit, account, total from (${MOVED}) sums`

const checkpointEveryMs = 24 * 3600 * 1000
const idMax = Number.MAX_SAFE_INTEGER

/** The sums now, as this transaction sees them; an account and unit that never moved is not in the list. */
export async function shopSums(sql: Sql): Promise<readonly ShopSum[]> {
  const last = await lastCheckpoint(sql)
  const values = [last.seal, last.upto, idMax]
  const { rows } = await sql.query<{ unit: Unit; account: string; total: Int8 }>(`${MOVED} order by 2, 1`, values)
  return rows.map(({ unit, account, total }) => ({
    unit,
    account,
    total: toSafeInteger(total, `the sum of ${account}`),
  }))
}

/** Writes the sums down at a seal, unless the last ones are less than a day old. */
export async function checkpointShop(
  sql: Sql,
  seal: { readonly number: number; readonly upto: number; readonly at: number },
): Promise<void> {
  const last = await lastCheckpoint(sql)
  if (seal.at - last.at < checkpointEveryMs) return
  await sql.query(ADD, [last.seal, last.upto, seal.upto, seal.number])
}

async function lastCheckpoint(sql: Sql) {
  const { rows } = await sql.query<{ number: Int8; upto: Int8; at: Int8 }>(LAST)
  if (rows[0] === undefined) return { seal: 0, upto: 0, at: Number.NEGATIVE_INFINITY }
  const { number, upto, at } = rows[0]
  return {
    seal: toSafeInteger(number, 'a seal'),
    upto: toSafeInteger(upto, 'a seal'),
    at: toSafeInteger(at, 'the time of a seal'),
  }
}
