import type pg from 'pg'
import {
  AlreadyFinished,
  CannotStore,
  type Claims,
  type Inbox,
  type InboxItem,
  type InboxStep,
  type Received,
  type Stored,
} from '../../inbox/inbox.ts'
import { type Instant, instant } from '../../kit/clock.ts'
import { botId, cid, type InstanceId, inboxId, lane } from '../../kit/ids.ts'
import { messageWithCauses } from '../../telemetry/telemetry.ts'
import { isWorldFault } from './database.ts'
import type { Sql } from './sql.ts'

/** A commit takes at most so much; what is over waits for the next one. */
const batchRowsMax = 256
const batchBytesMax = 1024 * 1024
/** Of what went wrong with an item, so much is kept. */
const errorLengthMax = 2_000

const STORE = `
  insert into inbox (bot, update_id, lane, kind, cid, body, received_at, attempts)
  select bot, update_id, lane, kind, cid, body, received_at,
         case when claim and not exists (
           select 1 from inbox w where w.lane = t.lane and w.finished_at is null and w.shelved_at is null)
         then 1 else 0 end
    from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::boolean[])
      with ordinality as t (bot, update_id, lane, kind, cid, body, received_at, claim, position)
   order by position
  on conflict (bot, update_id) do nothing
  returning id, bot, update_id, attempts`
// Where work is shared the claim names its instance. Another instance may claim the same lane at the same moment; then
// one of the two is refused by the index `inbox_claimed`, and stored again as what waits. Lanes are stored in one order
// everywhere, or two of several lanes would wait for each other.
const STORE_SHARED = `
  insert into inbox (bot, update_id, lane, kind, cid, body, received_at, attempts, claimed_by)
  select bot, update_id, lane, kind, cid, body, received_at,
         case when is_claimed then 1 else 0 end, case when is_claimed then $9 end
    from (
      select t.*, claim and not exists (
               select 1 from inbox w where w.lane = t.lane and w.finished_at is null and w.shelved_at is null
             ) as is_claimed
        from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[],
                    $8::boolean[])
          with ordinality as t (bot, update_id, lane, kind, cid, body, received_at, claim, position)) judged
   order by lane, position
  on conflict (bot, update_id) do nothing
  returning id, bot, update_id, attempts`
type StoredRow = { readonly id: number; readonly bot: number; readonly update_id: number; readonly attempts: number }

type Waiting = {
  readonly received: Received
  readonly claim: boolean
  readonly resolve: (result: Stored) => void
  readonly reject: (error: Error) => void
}

/**
 * Group commit: what arrives while a commit runs shares the next one. `onStored` is called after each commit that holds
 * anything new, and hears whether any of it waits behind others of its lane or for somebody who works. When the database fails, whoever waits is told at once: Telegram keeps the update better than a queue
 * of ours could.
 */
export function createPostgresInbox({
  pool,
  onStored,
  claimAs,
}: {
  readonly pool: pg.Pool
  readonly onStored: (isAnyWaiting: boolean) => void
  /** Where work is shared: who claims. */
  readonly claimAs?: InstanceId
}): Inbox {
  const statement =
    claimAs === undefined ? { name: 'trt_store', text: STORE } : { name: 'trt_store_shared', text: STORE_SHARED }
  const waiting: Waiting[] = []
  let flushing = false

  async function flush(): Promise<void> {
    flushing = true
    while (waiting.length > 0) {
      const batch = nextBatch(waiting)
      try {
        await commit(batch)
      } catch (error) {
        if (isWorldFault(error)) refuse([...batch, ...waiting.splice(0)], error)
        else await commitOneByOne(batch, error)
      }
    }
    flushing = false
  }

  async function insert(batch: readonly Waiting[]): Promise<pg.QueryResult<StoredRow>> {
    const rows = batch.map((each) => each.received)
    const columns = [
      rows.map((row) => row.bot),
      rows.map((row) => row.updateId),
      rows.map((row) => row.lane),
      rows.map((row) => row.kind),
      rows.map((row) => row.cid),
      rows.map((row) => row.body),
      rows.map((row) => row.receivedAt),
      batch.map((each) => each.claim),
    ]
    return await pool.query<StoredRow>({
      ...statement,
      values: claimAs === undefined ? columns : [...columns, claimAs],
    })
  }

  async function commit(batch: readonly Waiting[]): Promise<void> {
    const stored = await insert(batch).catch((error: unknown) => {
      if (!isClaimedTwice(error)) throw error
      return insert(batch.map((each) => ({ ...each, claim: false })))
    })
    // Of two that are the same update, the first one in the batch is the stored one.
    const fresh = new Map(stored.rows.map((row) => [`${row.bot} ${row.update_id}`, row]))
    if (fresh.size > 0) onStored(stored.rows.some(({ attempts }) => attempts === 0))
    for (const { received, resolve } of batch) {
      const key = `${received.bot} ${received.updateId}`
      const row = fresh.get(key)
      fresh.delete(key)
      if (row === undefined) resolve('duplicate')
      else resolve(row.attempts === 0 ? 'stored' : { ...received, id: inboxId(row.id), attempts: row.attempts })
    }
  }

  /** The data of one row was refused; the others of its batch are innocent. */
  async function commitOneByOne(batch: readonly Waiting[], why: unknown): Promise<void> {
    if (batch.length === 1) return refuse(batch, why)
    for (const [position, each] of batch.entries()) {
      try {
        await commit([each])
      } catch (error) {
        if (isWorldFault(error)) return refuse(batch.slice(position), error)
        refuse([each], error)
      }
    }
  }

  return {
    store: (received, { claim } = { claim: false }) =>
      new Promise((resolve, reject) => {
        waiting.push({ received, claim, resolve, reject })
        if (!flushing) void flush()
      }),
  }
}

function refuse(refused: readonly Waiting[], cause: unknown): void {
  const text = `the update could not be committed: ${messageWithCauses(cause)}`
  for (const { reject } of refused) reject(new CannotStore(text, { cause }))
}

function nextBatch(waiting: Waiting[]): readonly Waiting[] {
  let bytes = 0
  let rows = 0
  for (const each of waiting) {
    bytes += Buffer.byteLength(each.received.body)
    if (rows > 0 && bytes > batchBytesMax) break
    rows += 1
    if (rows === batchRowsMax) break
  }
  return waiting.splice(0, rows)
}

// Walks from lane to lane along the index (`inbox_waiting`), behind the lane where the last walk ended, and stops when it
// has found enough: its cost follows what is claimed and what is busy, not what waits. A lane whose first item is
// postponed stands still: order within a lane is kept.
const HEADS = `
  with recursive heads as (
    (select lane, id, not_before from inbox
      where finished_at is null and shelved_at is null and lane > $4 order by lane, id limit 1)
    union all
    select next.lane, next.id, next.not_before
      from heads, lateral (
        select lane, id, not_before from inbox
         where finished_at is null and shelved_at is null and lane > heads.lane
         order by lane, id limit 1) next
  )`
/** Nothing is put off for longer; what seems to be was put off before somebody set the clock back. */
const putOffMsMax = 60_000
const isDue = `(not_before is null or not_before <= $2 or not_before > $2 + ${putOffMsMax})`
const CLAIM = `${HEADS}, chosen as (
    select id, row_number() over () as position from heads
     where lane <> all($1::text[]) and ${isDue}
     limit $3
  )
  update inbox set attempts = attempts + 1
    from chosen where inbox.id = chosen.id
  returning inbox.id, bot, update_id, lane, kind, cid, body, received_at, attempts, position`
// Where work is shared, a lane in which another instance has claimed something stands still for us. Of two instances
// that are after the same item at the same moment one leaves it to the other; of two that are after different items of
// one lane, the index `inbox_claimed` refuses one.
const CLAIM_SHARED = `${HEADS}, chosen as (
    select id, row_number() over () as position from heads
     where lane <> all($1::text[]) and ${isDue}
       and not exists (
         select from inbox taken
          where taken.lane = heads.lane and taken.claimed_by is not null and taken.claimed_by <> $5
            and taken.finished_at is null and taken.shelved_at is null)
     limit $3
  ), free as (
    select inbox.id, position from inbox join chosen using (id)
     where finished_at is null and shelved_at is null and (claimed_by is null or claimed_by = $5)
       for update of inbox skip locked
  )
  update inbox set attempts = attempts + 1, claimed_by = $5
    from free where inbox.id = free.id
  returning inbox.id, bot, update_id, lane, kind, cid, body, received_at, attempts, position`
// What is claimed by us and not in work: its step ended without anybody being able to say so.
const LET_GO = `
  update inbox set claimed_by = null
   where claimed_by = $1 and finished_at is null and shelved_at is null and lane <> all($2::text[])`
/** So often a claim begins anew because another instance claimed in the same lane meanwhile. */
const collisionsMax = 5
/** Before every lane. */
const firstLane = ''
const NEXT_DUE = `
  select min(not_before) as due from inbox
   where finished_at is null and shelved_at is null and not_before > $1 and not_before <= $1 + ${putOffMsMax}`

const GIVE_BACK = `
  update inbox set attempts = attempts - 1, not_before = $3, last_error = $4, claimed_by = null
   where id = $1 and attempts = $2 and finished_at is null and shelved_at is null`

type Row = {
  id: number
  bot: number
  update_id: number
  lane: string
  kind: string
  cid: string
  body: string
  received_at: number
  attempts: number
  position: number
}

/** `claimAs`: where work is shared, who claims. */
export function createPostgresClaims(pool: pg.Pool, claimAs?: InstanceId): Claims {
  /** Where the last walk ended for having found enough: the lanes behind it come next. */
  let behind = firstLane

  async function walk(from: string, max: number, busy: readonly string[], now: Instant): Promise<readonly Row[]> {
    const wish = [busy, now, max, from]
    const { rows } =
      claimAs === undefined
        ? await pool.query<Row>({ name: 'trt_claim', text: CLAIM, values: wish })
        : await walkShared(claimAs, wish, busy)
    return rows.sort((a, b) => a.position - b.position)
  }

  async function walkShared(as: InstanceId, wish: readonly unknown[], busy: readonly string[]) {
    for (let collisions = 0; ; collisions++) {
      try {
        return await pool.query<Row>({ name: 'trt_claim_shared', text: CLAIM_SHARED, values: [...wish, as] })
      } catch (error) {
        if (!isClaimedTwice(error) || collisions === collisionsMax) throw error
        await pool.query(LET_GO, [as, busy])
      }
    }
  }

  return {
    async claim({ max, busy, now }) {
      const found = [...(await walk(behind, max, busy, now))]
      if (found.length < max && behind !== firstLane) {
        const taken = [...busy, ...found.map((row) => row.lane)]
        found.push(...(await walk(firstLane, max - found.length, taken, now)))
      }
      behind = found.length < max ? firstLane : (found.at(-1)?.lane ?? firstLane)
      return found.map(itemOf)
    },
    async nextDueAt(now) {
      const next = await pool.query<{ due: number | null }>(NEXT_DUE, [now])
      const due = next.rows[0]?.due
      return due === null || due === undefined ? undefined : instant(due)
    },
    async giveBack({ id, attempts }, { until, error }) {
      await pool.query(GIVE_BACK, [id, attempts, until, keptText(error)])
    },
  }
}

const isClaimedTwice = (error: unknown): boolean =>
  error instanceof Error && 'constraint' in error && error.constraint === 'inbox_claimed'

const itemOf = (row: Row): InboxItem => ({
  id: inboxId(row.id),
  bot: botId(row.bot),
  updateId: row.update_id,
  lane: lane(row.lane),
  kind: row.kind,
  cid: cid(row.cid),
  body: row.body,
  receivedAt: instant(row.received_at),
  attempts: row.attempts,
})

/** PostgreSQL's text holds no NUL. */
const keptText = (error: string): string => error.replaceAll('\0', '').slice(0, errorLengthMax)

const FINISH = 'update inbox set finished_at = $2 where id = $1 and finished_at is null and shelved_at is null'
const MUST_FINISH = `with finished as (${FINISH} returning id) select 1 / count(*) from finished`
const POSTPONE = `
  update inbox set not_before = $2, last_error = $3, claimed_by = null where id = $1 and finished_at is null and shelved_at is null`
const SHELVE =
  'update inbox set shelved_at = $2, last_error = $3, claimed_by = null where id = $1 and finished_at is null'

const isDivisionByZero = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === '22012'

export function createPostgresInboxStep(sql: Sql): InboxStep {
  return {
    async finish(id, at) {
      return (await sql.query(FINISH, [id, at])).rowCount === 1
    },
    async mustFinish(id, at) {
      try {
        await sql.query(MUST_FINISH, [id, at])
      } catch (cause) {
        throw isDivisionByZero(cause) ? new AlreadyFinished(`item ${id} is finished already`, { cause }) : cause
      }
    },
    async postpone(id, { until, error }) {
      await sql.query(POSTPONE, [id, until, keptText(error)])
    },
    async shelve(id, at, error) {
      await sql.query(SHELVE, [id, at, keptText(error)])
    },
  }
}

const PRUNE = `
  delete from inbox where id in (
    select id from inbox where finished_at is not null and finished_at < $1 order by finished_at limit 5000)`
// Each part has a partial index; one condition for both would read every row that is kept.
const FIGURES = `
  select pending, oldest, shelved, (select received_at from inbox order by id desc limit 1) as newest,
         current_setting('transaction_read_only') = 'on' as "isReadOnly"
    from (select count(*) as pending, min(received_at) as oldest from inbox
           where finished_at is null and shelved_at is null) waiting,
         (select count(*) as shelved from inbox where finished_at is null and shelved_at is not null) aside`

/** Removes handled items older than `before`; says how many. Shelved ones stay until a person has looked. */
export async function pruneInbox(pool: pg.Pool, before: number): Promise<number> {
  return (await pool.query(PRUNE, [before])).rowCount ?? 0
}

export type InboxFigures = {
  readonly pending: number
  readonly oldest: number | undefined
  readonly shelved: number
  /** When the newest update was stored, handled or not. */
  readonly newest: number | undefined
  /** The database answers and stores nothing: a standby, a full disk at a host that locks it, or somebody's setting. */
  readonly isReadOnly: boolean
}
type FiguresRow = {
  pending: number
  oldest: number | null
  shelved: number
  newest: number | null
  isReadOnly: boolean
}
export async function inboxFigures(pool: pg.Pool): Promise<InboxFigures> {
  const row = (await pool.query<FiguresRow>(FIGURES)).rows[0]
  return {
    pending: row?.pending ?? 0,
    oldest: row?.oldest ?? undefined,
    shelved: row?.shelved ?? 0,
    newest: row?.newest ?? undefined,
    isReadOnly: row?.isReadOnly ?? false,
  }
}
