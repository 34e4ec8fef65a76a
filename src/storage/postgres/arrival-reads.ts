import type pg from 'pg'
import type { ArrivalReads, SeenOnArrival } from '../../dispatch/arrival-reads.ts'
import { createBatches } from '../../kit/batches.ts'
import type { BotId } from '../../kit/ids.ts'
import { generations, kopecks } from '../../money/amount.ts'
import { asStorageFault } from './database.ts'
import { type PersonRow, personOf } from './people.ts'
import { toSafeInteger } from './safe-integer.ts'
import { keptOf, type SessionRow } from './sessions.ts'

/** So many updates are looked up by one statement. */
const batchMax = 64

// An item of the inbox counts as waiting for its lane, whoever has it in hand. Each row travels as one text: the driver
// describes and converts every column of every answer anew, which takes longer than the reading.
const READ = `
  select row_to_json(seen)::text as seen from (
    select t.position, p as person, s as session,
           (select 1 from inbox where bot = $1 and update_id = t.update_id) is not null as is_known,
           (select 1 from inbox w where w.lane = t.lane and w.finished_at is null and w.shelved_at is null limit 1)
             is not null as is_waiting,
           (select balance from accounts where person = t.person and unit = 'RUB' and day = '') as balance,
           (select balance from accounts where person = t.person and unit = 'GEN' and day = t.day) as today,
           (select balance from accounts where person = t.person and unit = 'GEN' and day = '') as extra,
           (select 1 from (select body from orders where person = t.person order by placed_at desc limit 50) latest
             where t.message in ((latest.body->'order'->>'progressMessage')::bigint,
                  (latest.body->'order'->'receipt'->>'message')::bigint) limit 1) is not null as owns_message
      from unnest($2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[])
             with ordinality as t (update_id, lane, person, chat, message, day, position)
      left join lateral (
        select id, language, language_chosen, first_name, username, first_seen_at, blocked_bot_at, banned_at
          from people where id = t.person limit 1) p on true
      left join lateral (
        select chat, person, revision, body, null as view, cid, thread, message, shown_revision
          from sessions where chat = t.chat limit 1) s on true) seen`
type Row = {
  readonly position: number
  readonly person: PersonRow | null
  /** Without the view, which need not travel: it is drawn anew or stays as it is. */
  readonly session: SessionRow | null
  readonly is_known: boolean
  readonly is_waiting: boolean
  readonly balance: number | null
  readonly today: number | null
  readonly extra: number | null
  readonly owns_message: boolean
}

type Asking = {
  readonly ask: Parameters<ArrivalReads>[0]
  readonly resolve: (seen: SeenOnArrival) => void
  readonly reject: (error: unknown) => void
}

/** One statement for what arrives in the same moment, outside of any transaction. */
export function createArrivalReads({
  pool,
  bot,
  freeDaily,
}: {
  readonly pool: pg.Pool
  readonly bot: BotId
  readonly freeDaily: () => number
}): ArrivalReads {
  const batches = createBatches<Asking>({
    itemsMax: batchMax,
    // Somebody waits for every millisecond of it; under load each batch gathers while the one before it is under way.
    begins: queueMicrotask,
    async run(batch) {
      try {
        const statement = { name: 'trt_read_arrivals', text: READ, values: valuesOf(batch, bot) }
        for (const { seen } of (await pool.query<{ seen: string }>(statement)).rows) {
          const row: Row = JSON.parse(seen)
          batch[row.position - 1]?.resolve(seenIn(row, freeDaily))
        }
      } catch (error) {
        for (const { reject } of batch) reject(asStorageFault(error, 'reading'))
      }
    },
  })
  return (ask) => new Promise((resolve, reject) => batches.add({ ask, resolve, reject }))
}

const valuesOf = (batch: readonly Asking[], bot: BotId): unknown[] => [
  bot,
  batch.map(({ ask }) => ask.updateId),
  batch.map(({ ask }) => ask.lane),
  batch.map(({ ask }) => ask.person),
  batch.map(({ ask }) => ask.chat),
  batch.map(({ ask }) => ask.tapped ?? null),
  batch.map(({ ask }) => ask.day),
]

function seenIn(row: Row, freeDaily: () => number): SeenOnArrival {
  const amount = (value: number | null, what: string) => (value === null ? undefined : toSafeInteger(value, what))
  return {
    isKnown: row.is_known,
    isAnyWaiting: row.is_waiting,
    ownsTapped: row.owns_message,
    ...(row.person === null ? {} : { person: personOf(row.person) }),
    ...(row.session === null ? {} : { kept: keptOf(row.session) }),
    reads: {
      balance: kopecks(amount(row.balance, 'a balance') ?? 0),
      free: {
        today: generations(amount(row.today, 'free generations of today') ?? freeDaily()),
        extra: generations(amount(row.extra, 'free generations') ?? 0),
      },
    },
  }
}
