import type { Sql } from './sql.ts'
import { verifyChains } from './verify-chains.ts'
import { verifyJournal } from './verify-journal.ts'
import { verifyOrderStates } from './verify-order-states.ts'
import { verifyOrders, verifyPayments } from './verify-orders.ts'
import { Difference } from './verify-transfer.ts'

/** What a replay of the whole journal found. */
export type Verification =
  | {
      readonly ok: true
      readonly accounts: number
      readonly transfers: number
      readonly seals: number
      /** Newer than the last seal; more than a few minutes' worth means that nobody seals. */
      readonly unsealed: number
    }
  /** The first difference, in one sentence for the operator. */
  | { readonly ok: false; readonly difference: string }

/**
 * Replays the journal and compares it with everything that is stored: balances, the hash chain of every person's
 * account, the seals, the shop's checkpoints, sums of zero, every hold settled at most once, payments. Changes
 * nothing, and holds up nobody.
 *
 * Call it first thing in a transaction: it turns that into one unchanging view of the database, so it may run while
 * the shop works. Memory is bounded by a page of rows.
 */
export const verifyLedger = (sql: Sql): Promise<Verification> => verify(sql, verifyBooks)

/** The same, and every order compared with its money. */
export const verifyShop = (sql: Sql): Promise<Verification> =>
  verify(sql, async () => {
    const found = await verifyBooks(sql)
    await verifyOrderStates(sql)
    return found
  })

type Found = Omit<Extract<Verification, { ok: true }>, 'ok'>

async function verify(sql: Sql, look: (sql: Sql) => Promise<Found>): Promise<Verification> {
  await sql.query('set transaction isolation level repeatable read, read only')
  // A long journal takes longer than a statement of a step may.
  await sql.query('set local statement_timeout = 0')
  try {
    return { ok: true, ...(await look(sql)) }
  } catch (error) {
    if (error instanceof Difference) return { ok: false, difference: error.message }
    throw error
  }
}

async function verifyBooks(sql: Sql): Promise<Found> {
  const chains = await verifyChains(sql)
  const { transfers, seals, unsealed, shop } = await verifyJournal(sql)
  await verifyOrders(sql)
  await verifyPayments(sql)
  for (const [unit, people] of chains.balances) {
    const ours = shop.get(unit) ?? 0
    if (people + ours !== 0) {
      throw new Difference(`${unit}: people hold ${people} and the shop ${ours}, which should make zero`)
    }
  }
  return { accounts: chains.accounts, transfers, seals, unsealed }
}
