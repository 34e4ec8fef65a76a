import type { Unit } from '../../money/account.ts'
import type { Sql } from './sql.ts'

/** What an operator reads of the books by hand. */
export type Moved = {
  readonly at: number
  readonly kind: string
  readonly unit: Unit
  readonly amount: number
  readonly source: string
  readonly target: string
}

export const TRANSFERS_OF_ORDER =
  'select at, kind, unit, amount, source, target from transfers where order_id = $1 order by id'

export async function transfersOf(sql: Sql, order: string): Promise<readonly Moved[]> {
  return (await sql.query<Moved>(TRANSFERS_OF_ORDER, [order])).rows
}

const BAN = 'update people set banned_at = $2 where id = $1'

/** `at` null lets them in again. False: nobody of this id has ever written. */
export async function setBanned(sql: Sql, person: number, at: number | null): Promise<boolean> {
  return (await sql.query(BAN, [person, at])).rowCount > 0
}
