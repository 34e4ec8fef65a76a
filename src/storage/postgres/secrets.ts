import type pg from 'pg'
import { type BotId, botId } from '../../kit/ids.ts'
import type { Sql } from './sql.ts'

const MAKE = 'insert into secrets (name, value) values ($1, $2) on conflict (name) do nothing'
const READ = 'select value from secrets where name = $1'

/** A secret that is made once for this bot and kept: two instances that start together read the same one. */
export async function keptSecret(pool: pg.Pool, name: string, fresh: () => string): Promise<string> {
  await pool.query(MAKE, [name, fresh()])
  const value = (await pool.query<{ value: string }>(READ, [name])).rows[0]?.value
  if (value === undefined) throw new Error(`the secret ${name} is not in the database`)
  return value
}

/** The secret as it is kept; undefined when none was made yet. */
export async function readSecret(client: pg.Pool | pg.Client, name: string): Promise<string | undefined> {
  return (await client.query<{ value: string }>(READ, [name])).rows[0]?.value
}

const NOTE_WORLD = 'insert into world (kind, bot) values ($1, $2) on conflict (the_only) do nothing'
const READ_WORLD = 'select kind, bot from world'

/** The first start writes which world this schema belongs to, and which bot. Returns what is written there. */
export async function worldOfSchema(
  pool: pg.Pool,
  mine: { readonly kind: 'sandbox' | 'live'; readonly bot: number },
): Promise<{ readonly kind: string; readonly bot: number }> {
  await pool.query(NOTE_WORLD, [mine.kind, mine.bot])
  return (await pool.query<{ kind: string; bot: number }>(READ_WORLD)).rows[0] ?? mine
}

/** The bot that this schema belongs to. */
export async function botOfSchema(sql: Sql): Promise<BotId> {
  const row = (await sql.query<{ bot: number }>(READ_WORLD)).rows[0]
  if (row === undefined) throw new Error('this schema belongs to no bot yet; the first start writes it down')
  return botId(row.bot)
}
