import type pg from 'pg'
import type { ShopTerms } from '../../preflight/preflight.ts'

/**
 * What the shop works with, written down by every start whose settings differ from those of the start before: one row
 * a change. So it can be seen at any time what prices were made of, and whoever looks from another shell can tell that
 * they hold other settings in their hands.
 */
const NEWEST = 'select body from shop_settings order by version desc limit 1'
const WRITE = `insert into shop_settings (version, body, made_at)
  select coalesce(max(version), 0) + 1, $1::jsonb, $2::bigint from shop_settings
  having $1::jsonb is distinct from (${NEWEST})
  on conflict (version) do nothing`

/** Two that start at the same instant write one row; the other one differs from it for as long as nobody starts again. */
export async function noteShopSettings(pool: pg.Pool, shop: ShopTerms, at: number): Promise<void> {
  await pool.query(WRITE, [JSON.stringify({ version: 1, ...shop }), at])
}

/** Undefined before the first start that wrote them down. */
export async function readShopSettings(client: pg.Pool | pg.Client): Promise<Partial<ShopTerms> | undefined> {
  return (await client.query<{ body: Partial<ShopTerms> }>(NEWEST)).rows[0]?.body
}
