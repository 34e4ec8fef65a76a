import { createHash, type Hash } from 'node:crypto'
import type { Instant } from '../../kit/clock.ts'
import { noHistory } from './journal.ts'
import { type Int8, toSafeInteger } from './safe-integer.ts'
import { checkpointShop } from './shop-sums.ts'
import type { Sql } from './sql.ts'

/**
 * Seals the transfers that have come since the last seal into one block, whose hash covers the block before it. The
 * leader does it once a minute, in a transaction of its own. After that no transfer of the block can be changed,
 * removed or slipped in without `verifyLedger` naming the seal.
 */
export type Sealed =
  | { readonly kind: 'sealed'; readonly number: number; readonly transfers: number }
  | { readonly kind: 'nothing_new' }
  /** A transaction that had begun to write did not end within half a second; the next minute seals it. */
  | { readonly kind: 'busy' }

/** How much one seal may cover before the rest waits for the next one, and how much of it is in memory at a time. */
type Limits = { readonly transfersMax: number; readonly pageRows: number }
const limits: Limits = { transfersMax: 100_000, pageRows: 5_000 }

/** How the end of the writers of a moment is waited for; a step with money takes a few milliseconds. */
const pauseMs = 20
const pausesMax = 25

const LAST = 'select number, upto, hash from seals order by number desc limit 1'
const PAGE = 'select id, hash from transfers where id > $1 and id <= $2 order by id limit $3'
const ADD = `insert into seals (number, upto, transfers, at, hash) values ($1, $2, $3, $4, $5)
  on conflict (number) do nothing`

export async function sealJournal(sql: Sql, at: Instant, within: Limits = limits): Promise<Sealed> {
  const watermark = await readWatermark(sql)
  if (watermark === 'busy') return { kind: 'busy' }
  const { rows } = await sql.query<{ number: Int8; upto: Int8; hash: Buffer }>(LAST)
  const last = rows[0]
  const number = last === undefined ? 1 : toSafeInteger(last.number, 'a seal') + 1
  const from = last === undefined ? 0 : toSafeInteger(last.upto, 'a seal')
  const block = await hashBlock(sql, startBlock(last?.hash ?? noHistory), from, watermark, within)
  if (block.transfers === 0) return { kind: 'nothing_new' }
  const { rowCount } = await sql.query(ADD, [number, block.upto, block.transfers, at, block.hash])
  if (rowCount === 0) return { kind: 'nothing_new' }
  await checkpointShop(sql, { number, upto: block.upto, at })
  return { kind: 'sealed', number, transfers: block.transfers }
}

async function hashBlock(sql: Sql, hash: Hash, from: number, watermark: number, { transfersMax, pageRows }: Limits) {
  let upto = from
  let transfers = 0
  while (transfers < transfersMax) {
    const take = Math.min(pageRows, transfersMax - transfers)
    const { rows } = await sql.query<{ id: Int8; hash: Buffer }>(PAGE, [upto, watermark, take])
    for (const row of rows) {
      upto = toSafeInteger(row.id, 'the id of a transfer')
      addToBlock(hash, upto, row.hash)
    }
    transfers += rows.length
    if (rows.length < take) break
  }
  return { upto, transfers, hash: hash.digest() }
}

export const startBlock = (previous: Buffer): Hash => createHash('sha256').update(previous)

/** The id goes in as well, so that the order of the transfers is sealed with them. */
export const addToBlock = (block: Hash, id: number, hash: Buffer): Hash => block.update(`${id} `).update(hash)

const NEWEST = 'select coalesce(max(id), 0) as id from transfers'
/** Transactions of others that have begun to write a transfer: each holds this lock from before its id until its end. */
const WRITERS = `
  select virtualtransaction as writer from pg_locks
   where locktype = 'relation' and mode = 'RowExclusiveLock' and relation = 'transfers'::regclass
     and database = (select oid from pg_database where datname = current_database()) and pid <> pg_backend_pid()`
const STILL_WRITE = `select count(*) as writers from (${WRITERS}) now where writer = any($1)`
const PAUSE = `select pg_sleep(${pauseMs / 1000})`

/**
 * The id up to which no transfer can still appear. Ids are given out before the commit, so a lower one may become visible
 * after a higher one. Whoever was given one below the newest that is visible is either committed or among the writers of
 * this moment, so it is enough that these have ended: nothing is locked, and nobody who moves money waits.
 */
async function readWatermark(sql: Sql): Promise<number | 'busy'> {
  const newest = toSafeInteger((await sql.query<{ id: Int8 }>(NEWEST)).rows[0]?.id, 'the newest transfer')
  // Read after it, so that none of them is missed.
  const writers = (await sql.query<{ writer: string }>(WRITERS)).rows.map(({ writer }) => writer)
  for (let pauses = 0; await areWriting(sql, writers); pauses += 1) {
    if (pauses === pausesMax) return 'busy'
    await sql.query(PAUSE)
  }
  return newest
}

async function areWriting(sql: Sql, writers: readonly string[]): Promise<boolean> {
  if (writers.length === 0) return false
  const { rows } = await sql.query<{ writers: Int8 }>(STILL_WRITE, [writers])
  return toSafeInteger(rows[0]?.writers, 'the writers') > 0
}
