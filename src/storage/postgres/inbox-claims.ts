import type pg from 'pg'
import type { Claims, InboxItem } from '../../inbox/inbox.ts'
import { type Clock, type Instant, instant } from '../../kit/clock.ts'
import { botId, cid, type InstanceId, inboxId, lane } from '../../kit/ids.ts'
import type { WorkerPermit } from '../../permit.ts'
import { asStorageFault } from './database.ts'
import { allHold, beginFenced, inOnePacket, permitColumns } from './fence.ts'
import { isClaimedTwice } from './inbox.ts'
import { keptText } from './inbox-step.ts'

/** So many of the oldest items are looked at for the heads of their lanes. */
const oldestMax = 256
/** Nothing is put off for longer; what seems to be was put off before somebody set the clock back. */
const putOffMsMax = 60_000
/** Before every lane, and before every item. */
const firstLane = ''
const firstId = 0
/** What is committed now was given its id at most so long ago: a commit of the inbox has two seconds. */
const commitMsMax = 3_000
/** A look from the oldest item that is known to wait misses one that was retried by hand; so often all are looked at. */
const wholeLookEveryMs = 10_000
/** So often a claim begins anew because another instance claimed in the same lane meanwhile. */
const collisionsMax = 5

// The same condition in two forms, each of which one index has: what looks for a lane must not read the index by age, and
// the other way round, whatever the planner knows of how much waits.
const WAITS = 'finished_at is null and shelved_at is null'
const WAITS_BY_AGE = 'coalesce(finished_at, shelved_at) is null'
const isDue = (now: string) => `(not_before is null or not_before <= ${now} or not_before > ${now} + ${putOffMsMax})`

// The first item of each lane among the oldest ones. Of a backlog of one lane everything may be of that lane; then
// `HEADS_BY_LANE` finds the others.
const HEADS_BY_AGE = `
  oldest as (
    select id, lane, not_before, interrupted, claimed_by from inbox
     where ${WAITS_BY_AGE} and id >= $5 order by id limit ${oldestMax}),
  heads as (select distinct on (lane) * from oldest order by lane, id),
  looked as (
    select count(*) as count, coalesce(min(id), (select max(id) from inbox)) as first from oldest)`
// Walks from lane to lane along the index `inbox_waiting`, behind the lane where the last walk ended, and stops when it
// has found enough: its cost follows what is claimed and what is busy, not what waits.
const HEADS_BY_LANE = `
  heads as (
    (select id, lane, not_before, interrupted, claimed_by from inbox where ${WAITS} and lane > $5 order by lane, id limit 1)
    union all
    select next.id, next.lane, next.not_before, next.interrupted, next.claimed_by
      from heads, lateral (
        select id, lane, not_before, interrupted, claimed_by from inbox
         where ${WAITS} and lane > heads.lane order by lane, id limit 1) next),
  looked as (select 0 as count, null::bigint as first)`
const isOfNoOther = (lane: string, instance: string) => `(
  select 1 from inbox c where c.lane = ${lane} and c.claimed_by <> ${instance} and c.finished_at is null and c.shelved_at is null
   limit 1) is null`
// One that can be claimed now.
const interruptedDue = (now: string, instance: string) => `
  select id from inbox i
   where ${WAITS} and interrupted > 0 and ${isDue(now)} and ${isOfNoOther('i.lane', instance)}
     and (select 1 from inbox w where w.lane = i.lane and w.id < i.id and w.finished_at is null and w.shelved_at is null
           limit 1) is null`
// A lane whose first item is postponed or interrupted stands still, and so does one of which another instance has claimed
// any item. Of two instances that claim the same item at the same moment one leaves it to the other.
const claimOf = (heads: string, order: string) => `
  /* claim */ with recursive ${allHold('$6', '$7')},
  ${heads},
  chosen as (
    select id, lane from heads
     where lane <> all($1::text[]) and ${isDue('$2')} and interrupted = 0 and ${isOfNoOther('heads.lane', '$4')}
     ${order} limit $3),
  free as (
    select id from inbox
     where id = any(array(select id from chosen)) and ${WAITS_BY_AGE} and (claimed_by is null or claimed_by = $4)
       for update skip locked),
  claimed as (
    update inbox set claimed_by = $4 from free where inbox.id = free.id
    returning inbox.id, bot, update_id, inbox.lane, kind, cid, body, received_at, attempts, interrupted)
  select claimed.*, looked.count, looked.first,
         exists (${interruptedDue('$2', '$4')}) as is_any_interrupted
    from looked cross join permit left join claimed on true`
const CLAIM_BY_AGE = claimOf(HEADS_BY_AGE, 'order by id')
const CLAIM_BY_LANE = claimOf(HEADS_BY_LANE, '')
const CLAIM_INTERRUPTED = `
  /* claim interrupted */ with ${allHold('$3', '$4')},
  claimed as (
    update inbox set claimed_by = $2
     where id = (${interruptedDue('$1', '$2')} order by id limit 1 for update skip locked)
    returning id, bot, update_id, lane, kind, cid, body, received_at, attempts, interrupted)
  select claimed.* from permit left join claimed on true`
// What is claimed by us and not in work: its step ended without being able to say so.
const FREE_OURS = `
  update inbox set claimed_by = null where claimed_by = $1 and ${WAITS} and lane <> all($2::text[])`
const NEXT_DUE = `
  select min(not_before) as due from inbox
   where ${WAITS} and not_before > $1 and not_before <= $1 + ${putOffMsMax}`
const RELEASE = `
  update inbox set not_before = $3, last_error = $4, claimed_by = null where id = $1 and claimed_by = $2 and ${WAITS}`

type ItemRow = {
  readonly id: number
  readonly bot: number
  readonly update_id: number
  readonly lane: string
  readonly kind: string
  readonly cid: string
  readonly body: string
  readonly received_at: number
  readonly attempts: number
  readonly interrupted: number
}
/** One row at least; without an item when nothing was claimed. */
type MaybeItemRow = ItemRow | { readonly id: null }
type ClaimRow = MaybeItemRow & {
  readonly count: number
  readonly first: number | null
  readonly is_any_interrupted: boolean
}

export function createPostgresClaims({
  pool,
  schema,
  instance,
  clock,
}: {
  readonly pool: pg.Pool
  readonly schema: string
  readonly instance: InstanceId
  readonly clock: Clock
}): Claims {
  // Under a long snapshot the index still holds everything that waited since it was taken. So a look begins at the oldest
  // item that waits, as it was known long enough ago that nothing older can still be committed.
  let lookFrom = firstId
  let newest: { readonly id: number; readonly atMs: number } | undefined
  let wholeLookMs = Number.NEGATIVE_INFINITY
  /** Where the last walk from lane to lane ended. */
  let behind = firstLane

  async function query<Row extends pg.QueryResultRow>(permit: WorkerPermit, statement: pg.QueryConfig): Promise<Row[]> {
    let client: pg.PoolClient | undefined
    let isBroken = true
    try {
      client = await pool.connect()
      const { rows } = await inOnePacket<Row>(client, beginFenced(schema, { relaxed: true }), {
        ...statement,
        values: [...(statement.values ?? []), ...permitColumns([permit])],
      })
      isBroken = false
      return rows
    } catch (error) {
      isBroken = !isClaimedTwice(error)
      throw asStorageFault(error, 'claiming')
    } finally {
      client?.release(isBroken)
    }
  }

  /** An item of ours that is not in work may be in the way: of a lane one item is claimed at a time. */
  async function claimed<Row extends pg.QueryResultRow>(
    permit: WorkerPermit,
    statement: pg.QueryConfig,
    busy: readonly string[],
  ): Promise<Row[]> {
    for (let collisions = 0; ; collisions++) {
      try {
        return await query<Row>(permit, statement)
      } catch (error) {
        if (!isClaimedTwice(error) || collisions === collisionsMax) throw error
        await pool.query(FREE_OURS, [instance, busy])
      }
    }
  }

  async function claimFrom(
    permit: WorkerPermit,
    statement: { readonly name: string; readonly text: string },
    { busy, now, max }: { readonly busy: readonly string[]; readonly now: Instant; readonly max: number },
    from: number | string,
  ): Promise<ClaimRow[]> {
    return await claimed<ClaimRow>(permit, { ...statement, values: [busy, now, max, instance, from] }, busy)
  }

  function noteOldest(id: number | null, nowMs: number): void {
    if (newest !== undefined && nowMs - newest.atMs < commitMsMax) return
    lookFrom = newest?.id ?? lookFrom
    newest = id === null ? undefined : { id, atMs: nowMs }
  }

  return {
    async claim(permit, { max, busy, now }) {
      const nowMs = clock.monotonicMs()
      if (nowMs - wholeLookMs > wholeLookEveryMs) {
        lookFrom = firstId
        newest = undefined
        wholeLookMs = nowMs
      }
      const byAge = await claimFrom(permit, { name: 'trt_claim', text: CLAIM_BY_AGE }, { busy, now, max }, lookFrom)
      const items = itemsOf(byAge)
      const looked = byAge[0]
      noteOldest(looked?.first ?? null, nowMs)
      if (items.length < max && looked?.count === oldestMax) {
        const taken = [...busy, ...items.map((item) => item.lane)]
        const wish = { busy: taken, now, max: max - items.length }
        const statement = { name: 'trt_claim_by_lane', text: CLAIM_BY_LANE }
        let byLane = itemsOf(await claimFrom(permit, statement, wish, behind))
        // The walk was at its end.
        if (byLane.length === 0 && behind !== firstLane)
          byLane = itemsOf(await claimFrom(permit, statement, wish, firstLane))
        behind = byLane.length < wish.max ? firstLane : (byLane.at(-1)?.lane ?? firstLane)
        items.push(...byLane)
      }
      return {
        items,
        isAnyWaiting: looked === undefined || looked.count > 0,
        isAnyInterrupted: looked?.is_any_interrupted ?? false,
      }
    },
    async claimInterrupted(permit, now) {
      const values = [now, instance]
      const statement = { name: 'trt_claim_interrupted', text: CLAIM_INTERRUPTED, values }
      // Nothing is in work beside it.
      return itemsOf(await claimed<MaybeItemRow>(permit, statement, []))[0]
    },
    async nextDueAt(now) {
      const next = await pool.query<{ due: number | null }>(NEXT_DUE, [now])
      const due = next.rows[0]?.due
      return due === null || due === undefined ? undefined : instant(due)
    },
    async release({ id }, { until, error }) {
      await pool.query(RELEASE, [id, instance, until, keptText(error)]).catch((cause: unknown) => {
        throw asStorageFault(cause, 'releasing an item')
      })
    },
  }
}

const itemsOf = (rows: readonly MaybeItemRow[]): InboxItem[] =>
  rows.flatMap((row) => (row.id === null ? [] : [itemOf(row)])).sort((a, b) => a.id - b.id)

const itemOf = (row: ItemRow): InboxItem => ({
  id: inboxId(row.id),
  bot: botId(row.bot),
  updateId: row.update_id,
  lane: lane(row.lane),
  kind: row.kind,
  cid: cid(row.cid),
  body: row.body,
  receivedAt: instant(row.received_at),
  failures: row.attempts,
  interrupted: row.interrupted,
})
