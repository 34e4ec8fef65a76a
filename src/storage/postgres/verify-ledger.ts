import type { Sql } from './sql.ts'
import { verifyChains } from './verify-chains.ts'
import { verifyJournal } from './verify-journal.ts'
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
export async function verifyLedger(sql: Sql): Promise<Verification> {
  await sql.query('set transaction isolation level repeatable read, read only')
  // A long journal takes longer than a statement of a step may.
  await sql.query('set local statement_timeout = 0')
  try {
    const chains = await verifyChains(sql)
    const journal = await verifyJournal(sql)
    await verifyOrders(sql)
    await verifyPayments(sql)
    for (const [unit, people] of chains.balances) {
      const shop = journal.shop.get(unit) ?? 0
      if (people + shop !== 0) {
        throw new Difference(`${unit}: people hold ${people} and the shop ${shop}, which should make zero`)
      }
    }
    const { transfers, seals, unsealed } = journal
    return { ok: true, accounts: chains.accounts, transfers, seals, unsealed }
  } catch (error) {
    if (error instanceof Difference) return { ok: false, difference: error.message }
    throw error
  }
}
