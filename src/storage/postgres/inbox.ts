import type pg from 'pg'
import { showWithinMs } from '../../delivery/screen-notes.ts'
import { FenceLost } from '../../faults.ts'
import {
  type ArrivalStep,
  CannotStore,
  type Inbox,
  type Received,
  type Stored,
  type StoreWish,
} from '../../inbox/inbox.ts'
import { type Batches, createBatches } from '../../kit/batches.ts'
import { after, type Clock } from '../../kit/clock.ts'
import { type InstanceId, inboxId } from '../../kit/ids.ts'
import { messageWithCauses } from '../../telemetry/telemetry.ts'
import { isWorldFault } from './database.ts'
import { allHold, beginFenced, inOnePacket, permitColumns } from './fence.ts'

/** A commit takes at most so much; what is over waits for the next one. */
const batchRowsMax = 256
const batchBytesMax = 1024 * 1024

// The look at what waits is a scalar sub-select: the planner must not read everything that waits for it. Lanes are
// stored in one order everywhere, or two instances that claim several lanes would wait for each other.
const NOTHING_WAITS = `(
  select 1 from inbox w where w.lane = t.lane and w.finished_at is null and w.shelved_at is null limit 1) is null`
const storedRows = (finished: string): string => `
  insert into inbox (bot, update_id, lane, kind, cid, body, received_at, claimed_by, finished_at)
  select t.bot, t.update_id, t.lane, t.kind, t.cid, t.body, t.received_at,
         case when wish = 'claim' and ${NOTHING_WAITS} then $1 end,
         case when (wish = 'finish' and ${NOTHING_WAITS}) or ${finished} then t.received_at end`
const RECEIVED = `
  $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::text[]`
const STORE = `
  /* store */ ${storedRows('false')}
    from unnest(${RECEIVED})
      with ordinality as t (bot, update_id, lane, kind, cid, body, received_at, wish, position)
   order by lane, position
  on conflict (bot, update_id) do nothing
  returning id, bot, update_id, claimed_by is not null as claimed, finished_at is not null as finished`
// A conversation is judged under its lock before the row of the inbox says whether it is finished. One that is locked
// counts as moved: this connection stores everybody's updates and waits for nobody.
const STORE_AND_SAVE = `
  /* store and save */ with ${allHold('$19', '$20')},
  t as materialized (
    select * from unnest(${RECEIVED}, $10::bigint[], $11::int[], $12::int[], $13::text[], $14::text[], $15::int[],
                         $16::bigint[], $17::int[], $18::bigint[])
      with ordinality as t (bot, update_id, lane, kind, cid, body, received_at, wish, chat, read_revision, revision, session,
                            view, thread, message, shown_revision, show_at, position)),
  current as materialized (
    select chat, revision from sessions where chat = any($10) order by chat for update skip locked),
  stored as (
    ${storedRows(`(wish = 'handle' and current.revision = t.read_revision)`)}
      from t cross join permit left join current using (chat)
     order by lane, position
    on conflict (bot, update_id) do nothing
    returning id, bot, update_id, claimed_by is not null as claimed, finished_at is not null as finished),
  saved as (
    update sessions s
       set revision = t.revision, body = t.session::jsonb, cid = t.cid, thread = t.thread,
           view = coalesce(t.view::jsonb, s.view),
           message = case when s.thread = t.thread then coalesce(t.message, s.message) else t.message end,
           shown_revision = case when s.shown_revision >= s.revision and (t.view is null or t.view::jsonb = s.view)
                                 then t.revision
                                 else greatest(s.shown_revision, t.shown_revision) end,
           show_at = t.show_at,
           show_tries = 0, updated_at = t.received_at
      from t join stored using (bot, update_id)
     where s.chat = t.chat and stored.finished)
  select * from stored`
type StoredRow = {
  readonly id: number
  readonly bot: number
  readonly update_id: number
  readonly claimed: boolean
  readonly finished: boolean
}

type Waiting = {
  readonly received: Received
  readonly wish: StoreWish
  readonly step?: ArrivalStep
  readonly resolve: (result: Stored) => void
  readonly reject: (error: Error) => void
}

/**
 * Group commit on one connection: what arrives while a commit runs shares the next one. `onStored` is called after each
 * commit that leaves something to be handled, unless this instance has claimed all of it.
 *
 * When the database fails, everybody who waits is refused at once: Telegram keeps the update better than a queue of ours.
 */
export function createPostgresInbox({
  pool,
  schema,
  instance,
  onStored,
  clock,
}: {
  readonly pool: pg.Pool
  readonly schema: string
  readonly instance: InstanceId
  readonly onStored: () => void
  readonly clock: Clock
}): Inbox {
  const batches: Batches<Waiting> = createBatches({
    itemsMax: batchRowsMax,
    bytesMax: batchBytesMax,
    bytesOf: ({ received }) => received.body.length,
    async run(batch) {
      try {
        await commit(batch)
      } catch (error) {
        if (error instanceof FenceLost) await store(batch.map(withoutStep))
        else if (isWorldFault(error)) refuse([...batch, ...batches.takeWaiting()], error)
        else await commitOneByOne(batch)
      }
    },
  })

  /** The permit of a step in the batch is over: its update waits for the instance that may work. */
  async function store(batch: readonly Waiting[]): Promise<void> {
    try {
      await commit(batch)
    } catch (error) {
      if (isWorldFault(error)) refuse(batch, error)
      else await commitOneByOne(batch)
    }
  }

  async function commit(batch: readonly Waiting[]): Promise<void> {
    const rows = await insert(batch).catch((error: unknown) => {
      if (!isClaimedTwice(error)) throw error
      return insert(batch.map((each) => (each.wish === 'claim' ? { ...each, wish: 'wait' as const } : each)))
    })
    // Of two that are the same update, the first one in the batch is the stored one.
    const fresh = new Map(rows.map((row) => [`${row.bot} ${row.update_id}`, row]))
    if (rows.some(({ claimed, finished }) => !claimed && !finished)) onStored()
    for (const { received, resolve } of batch) {
      const key = `${received.bot} ${received.updateId}`
      resolve(endingOf(received, fresh.get(key)))
      fresh.delete(key)
    }
  }

  async function insert(batch: readonly Waiting[]): Promise<readonly StoredRow[]> {
    const permits = new Set(batch.flatMap(({ step }) => (step === undefined ? [] : [step.permit])))
    const values = [instance, ...columnsOf(batch)]
    if (permits.size === 0) return (await pool.query<StoredRow>({ name: 'trt_store', text: STORE, values })).rows
    const client = await pool.connect()
    let isBroken = true
    try {
      const begin = beginFenced(schema, { atOnce: true })
      const statement = {
        name: 'trt_store_and_save',
        text: STORE_AND_SAVE,
        values: [...values, ...talksOf(batch, clock), ...permitColumns([...permits])],
      }
      const { rows } = await inOnePacket<StoredRow>(client, begin, statement)
      isBroken = false
      return rows
    } catch (error) {
      isBroken = isWorldFault(error)
      throw error
    } finally {
      client.release(isBroken)
    }
  }

  /**
   * The data of one row was refused; the others of its batch are innocent. An update whose step cannot be saved is stored
   * without it, and fails again where failures are counted.
   */
  async function commitOneByOne(batch: readonly Waiting[]): Promise<void> {
    for (const [position, each] of batch.entries()) {
      try {
        await commit([each])
      } catch (error) {
        if (isWorldFault(error)) return refuse(batch.slice(position), error)
        if (each.step !== undefined) await store([withoutStep(each)])
        else refuse([each], error)
      }
    }
  }

  const add = (received: Received, wish: StoreWish, step?: ArrivalStep): Promise<Stored> =>
    new Promise((resolve, reject) => {
      batches.add({ received, wish, resolve, reject, ...(step === undefined ? {} : { step }) })
    })

  return {
    store: (received, wish = 'wait') => add(received, wish),
    async handle(received, step) {
      const ending = await add(received, 'wait', step)
      if (ending === 'finished') return 'handled'
      return ending === 'duplicate' ? 'duplicate' : 'stored'
    },
    waiting: batches.waiting,
  }
}

const withoutStep = ({ step: _, ...waiting }: Waiting): Waiting => waiting

function endingOf(received: Received, row: StoredRow | undefined): Stored {
  if (row === undefined) return 'duplicate'
  if (row.finished) return 'finished'
  return row.claimed ? { ...received, id: inboxId(row.id), failures: 0, interrupted: 0 } : 'stored'
}

function columnsOf(batch: readonly Waiting[]): readonly unknown[] {
  const rows = batch.map((each) => each.received)
  return [
    rows.map((row) => row.bot),
    rows.map((row) => row.updateId),
    rows.map((row) => row.lane),
    rows.map((row) => row.kind),
    rows.map((row) => row.cid),
    rows.map((row) => row.body),
    rows.map((row) => row.receivedAt),
    batch.map(({ wish, step }) => (step === undefined ? wish : 'handle')),
  ]
}

function talksOf(batch: readonly Waiting[], clock: Clock): readonly unknown[] {
  const showAt = after(clock.now(), showWithinMs)
  const talks = batch.map(({ step }) => step)
  const isShown = (step: ArrivalStep) => step.kept.shownRevision >= step.kept.session.revision
  return [
    talks.map((step) => step?.kept.session.chat ?? null),
    talks.map((step) => step?.readRevision ?? null),
    talks.map((step) => step?.kept.session.revision ?? null),
    talks.map((step) => (step === undefined ? null : JSON.stringify(step.kept.session))),
    talks.map((step) => (step?.kept.view === undefined ? null : JSON.stringify(step.kept.view))),
    talks.map((step) => step?.kept.thread ?? null),
    talks.map((step) => step?.kept.message ?? null),
    talks.map((step) => step?.kept.shownRevision ?? null),
    talks.map((step) => (step === undefined || isShown(step) ? null : showAt)),
  ]
}

function refuse(refused: readonly Waiting[], cause: unknown): void {
  const text = `the update could not be committed: ${messageWithCauses(cause)}`
  for (const { reject } of refused) reject(new CannotStore(text, { cause }))
}

// One message is one transaction, with a commit that waits for the disk. No bot has the id 0.
const TRIAL = `
  insert into inbox (bot, update_id, lane, kind, cid, body, received_at, finished_at)
    values (0, 0, 'trial', 'trial', '00000000', '{}', 0, 0) on conflict (bot, update_id) do nothing;
  delete from inbox where bot = 0`

/** Commits a row as an update is committed, and removes it in the same transaction. Rejects when that is refused. */
export async function tryToStore(pool: pg.Pool): Promise<void> {
  await pool.query(TRIAL)
}

/** Another instance has claimed an item of the same lane at the same moment. */
export const isClaimedTwice = (error: unknown): boolean =>
  error instanceof Error && 'constraint' in error && error.constraint === 'inbox_claimed'
