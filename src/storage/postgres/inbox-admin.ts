import type { BotId } from '../../kit/ids.ts'
import type { Sql } from './sql.ts'

/**
 * What an operator does with the inbox by hand, each on the items of one bot. Retrying gives an item its attempts back;
 * its lane goes on from it. Setting an item aside takes it from the instance that handles it; retrying does not.
 */
export type WaitingItem = {
  readonly update_id: number
  readonly kind: string
  readonly lane: string
  readonly cid: string
  readonly attempts: number
  readonly interrupted: number
  readonly state: 'waiting' | 'shelved'
  readonly received_at: number
  readonly last_error: string | null
}

const LIST = `
  select update_id, kind, lane, cid, attempts, interrupted, received_at, last_error,
         case when shelved_at is null then 'waiting' else 'shelved' end as state
    from inbox where bot = $1 and finished_at is null order by id limit 100`
const RETRY = `
  update inbox set shelved_at = null, not_before = null, attempts = 0, interrupted = 0,
         claimed_by = case when shelved_at is null then claimed_by end
   where bot = $1 and update_id = $2 and finished_at is null`
const SHELVE = `
  update inbox set shelved_at = $3, claimed_by = null, last_error = coalesce(last_error, 'set aside by hand')
   where bot = $1 and update_id = $2 and finished_at is null and shelved_at is null`

/** At most a hundred, oldest first. */
export async function listWaiting(sql: Sql, bot: BotId): Promise<readonly WaitingItem[]> {
  return (await sql.query<WaitingItem>(LIST, [bot])).rows
}
export async function retryItem(sql: Sql, bot: BotId, updateId: number): Promise<boolean> {
  return (await sql.query(RETRY, [bot, updateId])).rowCount > 0
}
export async function shelveItem(sql: Sql, bot: BotId, updateId: number, at: number): Promise<boolean> {
  return (await sql.query(SHELVE, [bot, updateId, at])).rowCount > 0
}
