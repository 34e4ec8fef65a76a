import type pg from 'pg'
import { instant } from '../../kit/clock.ts'
import type { KnownKey } from '../../webhook/webhook-keys.ts'

const USE = `
  insert into webhook_keys (path_hash, token_hash, last_used_at) values ($1, $2, $3)
  on conflict (path_hash, token_hash) do update set last_used_at = greatest(webhook_keys.last_used_at, excluded.last_used_at)`
const KNOWN = 'select path_hash, token_hash, last_used_at from webhook_keys where last_used_at >= $1'

/** Telegram was given this pair, or still has it. */
export async function useWebhookKey(client: pg.Pool, { pathHash, tokenHash, usedAt }: KnownKey): Promise<void> {
  await client.query(USE, [pathHash, tokenHash, usedAt])
}

/** Every pair that was in use since then. */
export async function knownWebhookKeys(client: pg.Pool, since: number): Promise<readonly KnownKey[]> {
  const { rows } = await client.query<{ path_hash: string; token_hash: string; last_used_at: number }>(KNOWN, [since])
  return rows.map((row) => ({
    pathHash: row.path_hash,
    tokenHash: row.token_hash,
    usedAt: instant(row.last_used_at),
  }))
}
