import type pg from 'pg'
import type { View } from '../../conversation/view.ts'
import type { ScreenNotes } from '../../delivery/screen-notes.ts'
import { createBatches } from '../../kit/batches.ts'
import type { Clock } from '../../kit/clock.ts'
import { type ChatId, chatId } from '../../kit/ids.ts'
import { asStorageFault } from './database.ts'
import { keptOf, type SessionRow } from './sessions.ts'

/** Notes of the same moment share a statement. */
const batchMax = 256
/** So long an edit's note may wait for others: at a hundred taps a second, notes one by one cost as much as the reads. */
const gatherMs = 25

// What Telegram answered belongs to the thread it was sent for; of another thread it says nothing. The newest note says
// what is on the screen now: when that is an older revision than the saved one, it is due to be shown again.
const NOTE = `
  update sessions s
     set message = coalesce(t.message, s.message),
         shown_revision = case when not t.shown then s.shown_revision
                               when s.revision > t.revision and s.view = t.view::jsonb then s.revision
                               else t.revision end,
         show_at = case when s.revision = t.revision then t.show_at else coalesce(s.show_at, 0) end,
         show_tries = case when s.revision = t.revision then t.tries else s.show_tries end
    from unnest($1::bigint[], $2::int[], $3::boolean[], $4::int[], $5::bigint[], $6::bigint[], $7::int[],
                $8::text[])
      as t (chat, revision, shown, thread, message, show_at, tries, view)
   where s.chat = t.chat and (s.thread = t.thread or (t.thread is null and s.revision = t.revision))`
// Telegram hardly asks for a longer wait. What seems to be put off for longer was noted by a clock that was ahead and has
// been set back: it is due.
const isDue = (now: string) => `shown_revision < revision and (show_at <= ${now} or show_at > ${now} + ${3_600_000})`
const DUE = `select chat from sessions where ${isDue('$1::bigint')} order by show_at limit $2`
const DUE_IN = `
  select chat, person, revision, body, view, cid, thread, message, shown_revision, show_tries from sessions
   where chat = $1 and ${isDue('$2::bigint')}`

type Note = {
  readonly chat: ChatId
  readonly revision: number
  readonly shown: boolean
  readonly view?: View
  readonly thread?: number
  readonly message?: number
  readonly at?: number
  readonly tries?: number
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** `pool` is relaxed: its commits do not wait for the disk. */
export function createPostgresScreenNotes(pool: pg.Pool, clock: Clock): ScreenNotes {
  const batches = createBatches<Note>({
    itemsMax: batchMax,
    async run(batch) {
      try {
        // One row of a statement is updated once; the newest note of a chat is the last one.
        const notes = [...new Map(batch.map((note) => [note.chat, note])).values()]
        await pool.query({ name: 'trt_note_screens', text: NOTE, values: valuesOf(notes) })
        for (const { resolve } of batch) resolve()
      } catch (error) {
        for (const { reject } of batch) reject(asStorageFault(error, 'noting a screen'))
      }
    },
  })
  const gathered: Note[] = []
  const addGathered = () => {
    for (const note of gathered.splice(0)) batches.add(note)
  }
  /** What was gathered goes first, so that the newest note of a chat stays the last one. */
  const add = (note: Omit<Note, 'resolve' | 'reject'>): Promise<void> =>
    new Promise((resolve, reject) => {
      addGathered()
      batches.add({ ...note, resolve, reject })
    })
  const gather = (note: Omit<Note, 'resolve' | 'reject'>): Promise<void> =>
    new Promise((resolve, reject) => {
      if (gathered.length === 0) clock.after(gatherMs, addGathered)
      gathered.push({ ...note, resolve, reject })
    })

  return {
    shown: ({ chat, revision, view, thread, message, isEdit }) =>
      (isEdit ? gather : add)({ chat, revision, shown: true, view, thread, message }),
    later: ({ chat, revision, tries, at }) => add({ chat, revision, shown: false, tries, at }),
    givenUp: ({ chat, revision }) => add({ chat, revision, shown: true }),
    async due(now, max) {
      return (await pool.query<{ chat: number }>(DUE, [now, max])).rows.map(({ chat }) => chatId(chat))
    },
    async dueIn(chat, now) {
      const { rows } = await pool.query<SessionRow & { show_tries: number }>(DUE_IN, [chat, now])
      return rows.map((row) => ({ kept: keptOf(row), tries: row.show_tries }))[0]
    },
  }
}

const valuesOf = (notes: readonly Note[]): unknown[] => [
  notes.map(({ chat }) => chat),
  notes.map(({ revision }) => revision),
  notes.map(({ shown }) => shown),
  notes.map(({ thread }) => thread ?? null),
  notes.map(({ message }) => message ?? null),
  notes.map(({ at }) => at ?? null),
  notes.map(({ tries }) => tries ?? 0),
  notes.map(({ view }) => (view === undefined ? null : JSON.stringify(view))),
]
