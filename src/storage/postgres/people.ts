import { instant } from '../../kit/clock.ts'
import { personId } from '../../kit/ids.ts'
import type { People, Person } from '../../people/person.ts'
import type { Sql } from './sql.ts'

export type PersonRow = {
  id: number
  language: 'ru' | 'en'
  language_chosen: boolean
  first_name: string
  username: string | null
  first_seen_at: number
  blocked_bot_at: number | null
  banned_at: number | null
}

// By name: a prepared `select *` fails as soon as a newer program has added a column.
const GET = `
  select id, language, language_chosen, first_name, username, first_seen_at, blocked_bot_at, banned_at
    from people where id = $1`
const SAVE = `
  insert into people (id, language, language_chosen, first_name, username, first_seen_at, blocked_bot_at, banned_at)
  values ($1, $2, $3, $4, $5, $6, $7, $8)
  on conflict (id) do update set language = excluded.language, language_chosen = excluded.language_chosen,
    first_name = excluded.first_name, username = excluded.username, blocked_bot_at = excluded.blocked_bot_at,
    banned_at = excluded.banned_at`

export function createPostgresPeople(sql: Sql): People {
  return {
    async get(id) {
      const row = (await sql.query<PersonRow>(GET, [id])).rows[0]
      return row === undefined ? undefined : personOf(row)
    },
    async save(person) {
      await sql.query(SAVE, [
        person.id,
        person.language,
        person.languageChosen,
        person.firstName,
        person.username ?? null,
        person.firstSeenAt,
        person.blockedBotAt ?? null,
        person.bannedAt ?? null,
      ])
    },
  }
}

export const personOf = (row: PersonRow): Person => ({
  id: personId(row.id),
  language: row.language,
  languageChosen: row.language_chosen,
  firstName: row.first_name,
  firstSeenAt: instant(row.first_seen_at),
  ...(row.username === null ? {} : { username: row.username }),
  ...(row.blocked_bot_at === null ? {} : { blockedBotAt: instant(row.blocked_bot_at) }),
  ...(row.banned_at === null ? {} : { bannedAt: instant(row.banned_at) }),
})
