import { readSession } from '../../conversation/read-session.ts'
import type { View } from '../../conversation/view.ts'
import { showWithinMs } from '../../delivery/screen-notes.ts'
import type { KeptSession, Sessions } from '../../dispatch/sessions.ts'
import { chatId, cid, messageId, personId } from '../../kit/ids.ts'
import type { Sql } from './sql.ts'

export type SessionRow = {
  chat: number
  person: number
  revision: number
  body: unknown
  view: View | null
  cid: string
  thread: number
  message: number | null
  shown_revision: number
}

const GET =
  'select chat, person, revision, body, view, cid, thread, message, shown_revision from sessions where chat = $1'
const LOCK = `${GET} for update`
// The message of a thread may have become known since the session was read; it is not forgotten.
const SAVE = `
  insert into sessions (chat, person, revision, body, view, cid, thread, message, shown_revision, show_at, updated_at)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
  on conflict (chat) do update set revision = excluded.revision, body = excluded.body, view = excluded.view,
    cid = excluded.cid, thread = excluded.thread,
    message = case when sessions.thread = excluded.thread then coalesce(excluded.message, sessions.message)
                   else excluded.message end,
    shown_revision = excluded.shown_revision, show_at = excluded.show_at, show_tries = 0,
    updated_at = excluded.updated_at`

export function createPostgresSessions(sql: Sql): Sessions {
  const read = async (text: string, chat: number) => {
    const row = (await sql.query<SessionRow>(text, [chat])).rows[0]
    return row === undefined ? undefined : keptOf(row)
  }
  return {
    lock: (chat) => read(LOCK, chat),
    get: (chat) => read(GET, chat),
    async save(kept, at) {
      const { session } = kept
      await sql.query(SAVE, [
        session.chat,
        session.person,
        session.revision,
        JSON.stringify(session),
        kept.view === undefined ? null : JSON.stringify(kept.view),
        kept.cid,
        kept.thread,
        kept.message ?? null,
        kept.shownRevision,
        kept.shownRevision >= session.revision ? null : at + showWithinMs,
        at,
      ])
    },
  }
}

export function keptOf(row: SessionRow): KeptSession {
  const columns = { person: personId(row.person), chat: chatId(row.chat), revision: row.revision }
  const { session, isRestored } = readSession(row.body, columns)
  return {
    session,
    ...(isRestored ? { isRestored } : {}),
    view: row.view ?? undefined,
    cid: cid(row.cid),
    thread: row.thread,
    message: row.message === null ? undefined : messageId(row.message),
    shownRevision: row.shown_revision,
  }
}
