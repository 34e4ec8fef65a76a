import type pg from 'pg'
import type { ArrivalReads, SeenOnArrival } from '../../dispatch/arrival-reads.ts'
import { createBatches } from '../../kit/batches.ts'
import type { BotId } from '../../kit/ids.ts'
import { generations, kopecks } from '../../money/amount.ts'
import { asStorageFault } from './database.ts'
import { type PersonRow, personOf } from './people.ts'
import { keptOf, type SessionRow } from './sessions.ts'
import { type Int8, whole } from './whole.ts'

/** So many updates are looked up by one statement. */
const batchMax = 64

// An item of the inbox counts as waiting for its lane, whoever has it in hand.
const READ = `
  select t.position, p.id, p.language, p.language_chosen, p.first_name, p.username, p.first_seen_at, p.blocked_bot_at,
         p.banned_at, s.chat, s.person, s.revision, s.body, s.view, s.cid, s.thread, s.message, s.shown_revision,
         (select 1 from inbox where bot = $1 and update_id = t.update_id) is not null as is_known,
         (select 1 from inbox w where w.lane = t.lane and w.finished_at is null and w.shelved_at is null limit 1) is not null
           as is_waiting,
         (select balance from accounts where person = t.person and unit = 'RUB' and day = '') as balance,
         (select balance from accounts where person = t.person and unit = 'GEN' and day = t.day) as today,
         (select balance from accounts where person = t.person and unit = 'GEN' and day = '') as extra,
         (select 1 from (select body from orders where person = t.person order by placed_at desc limit 50) latest
           where t.message in ((latest.body->'order'->>'progressMessage')::bigint,
                 (latest.body->'order'->'receipt'->>'message')::bigint) limit 1) is not null as owns_message
    from unnest($2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[])
           with ordinality as t (update_id, lane, person, chat, message, day, position)
    left join people p on p.id = t.person
    left join sessions s on s.chat = t.chat`
type Row = { readonly position: number; readonly is_known: boolean; readonly is_waiting: boolean } & {
  readonly balance: Int8 | null
  readonly today: Int8 | null
  readonly extra: Int8 | null
  readonly owns_message: boolean
} & (PersonRow | { readonly id: null }) &
  (SessionRow | { readonly chat: null })

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
    async run(batch) {
      try {
        const { rows } = await pool.query<Row>({ name: 'trt_read_arrivals', text: READ, values: valuesOf(batch, bot) })
        for (const row of rows) batch[row.position - 1]?.resolve(seenIn(row, freeDaily))
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
  const amount = (value: Int8 | null, what: string) => (value === null ? undefined : whole(value, what))
  return {
    isKnown: row.is_known,
    isAnyWaiting: row.is_waiting,
    ownsTapped: row.owns_message,
    ...(row.id === null ? {} : { person: personOf(row) }),
    ...(row.chat === null ? {} : { kept: keptOf(row) }),
    reads: {
      balance: kopecks(amount(row.balance, 'a balance') ?? 0),
      free: {
        today: generations(amount(row.today, 'free generations of today') ?? freeDaily()),
        extra: generations(amount(row.extra, 'free generations') ?? 0),
      },
    },
  }
}
