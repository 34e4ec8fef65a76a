import { foreignWords } from '../../kit/foreign-words.ts'
import type { BotId } from '../../kit/ids.ts'
import type { Losses } from '../../losses/loss.ts'
import type { Sql } from './sql.ts'

const ADD = `
  insert into losses (bot, cause, at, cid, order_id, result, person, credits, kopecks, detail)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict do nothing`

/** Losses on PostgreSQL. */
export function createPostgresLosses(sql: Sql, { bot }: { readonly bot: BotId }): Losses {
  return {
    async add({ cause, at, cid, order, result, person, credits, kopecks, detail }) {
      const known = [order ?? null, result ?? null, person ?? null, credits ?? null, kopecks ?? null]
      const { rowCount } = await sql.query(ADD, [bot, cause, at, cid, ...known, foreignWords(detail)])
      return rowCount === 1
    },
  }
}
