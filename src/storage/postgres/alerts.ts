import type pg from 'pg'
import { instant } from '../../kit/clock.ts'
import type { AlertStore, OpenAlert } from '../../operators/operators.ts'
import type { Sql } from './sql.ts'

const OPEN = 'select key, says, size, since, told_at from operator_causes'
const SAVE = `
  insert into operator_causes (key, says, size, since, told_at) values ($1, $2, $3, $4, $5)
  on conflict (key) do update set says = excluded.says, size = excluded.size, told_at = excluded.told_at`
const CLOSE = 'delete from operator_causes where key = $1'
const CLAIM = `${SAVE}
   where operator_causes.size < excluded.size or operator_causes.told_at < $6
  returning key`

const COUNT = `
  insert into operator_causes (key, says, size, since, told_at) values ($1, $2, 1, $3, $3)
  on conflict (key) do update set says = excluded.says, size = operator_causes.size + 1
  returning size`

type Row = { key: string; says: string; size: number; since: number; told_at: number }

const valuesOf = ({ key, says, size, since, toldAt }: OpenAlert) => [key, says, size, since, toldAt]

export async function openAlerts(client: pg.Pool): Promise<readonly OpenAlert[]> {
  const { rows } = await client.query<Row>(OPEN)
  return rows.map(({ key, says, size, since, told_at: toldAt }) => ({
    key,
    says,
    size,
    since: instant(since),
    toldAt: instant(toldAt),
  }))
}

/** Part of a step of the leader. */
export function createPostgresAlerts(sql: Sql): AlertStore {
  return {
    async save(alert) {
      await sql.query(SAVE, valuesOf(alert))
    },
    async close(key) {
      await sql.query(CLOSE, [key])
    },
    async count(key, says, now) {
      const { rows } = await sql.query<{ size: number }>(COUNT, [key, says, now])
      return rows[0]?.size ?? 1
    },
  }
}

/** For whoever does not lead: true for one of all instances that ask, and for the next one when it has grown or aged. */
export async function claimAlert(client: pg.Pool, alert: OpenAlert, toldBefore: number): Promise<boolean> {
  return (await client.query(CLAIM, [...valuesOf(alert), toldBefore])).rowCount === 1
}
