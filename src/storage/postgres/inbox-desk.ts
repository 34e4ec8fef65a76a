import type { Sql } from './sql.ts'

/**
 * What an operator does with the inbox by hand. Retrying gives an item its attempts back; its lane goes on from it.
 * What is set aside is in nobody's hands; what is retried while somebody has it in hand stays theirs.
 */
export type WaitingItem = {
  readonly update_id: number
  readonly kind: string
  readonly lane: string
  readonly cid: string
  readonly attempts: number
  readonly state: 'waiting' | 'shelved'
  readonly received_at: number
  readonly last_error: string | null
}

const LIST = `
  select update_id, kind, lane, cid, attempts, received_at, last_error,
         case when shelved_at is null then 'waiting' else 'shelved' end as state
    from inbox where finished_at is null order by id limit 100`
const RETRY = `
  update inbox set shelved_at = null, not_before = null, attempts = 0,
         claimed_by = case when shelved_at is null then claimed_by end
   where update_id = $1 and finished_at is null`
const SHELVE = `
  update inbox set shelved_at = $2, claimed_by = null, last_error = coalesce(last_error, 'set aside by hand')
   where update_id = $1 and finished_at is null and shelved_at is null`

/** At most a hundred, oldest first. */
export async function listWaiting(sql: Sql): Promise<readonly WaitingItem[]> {
  return (await sql.query<WaitingItem>(LIST)).rows
}
export async function retryItem(sql: Sql, updateId: number): Promise<boolean> {
  return (await sql.query(RETRY, [updateId])).rowCount > 0
}
export async function shelveItem(sql: Sql, updateId: number, at: number): Promise<boolean> {
  return (await sql.query(SHELVE, [updateId, at])).rowCount > 0
}
