import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { View } from '../../src/conversation/view.ts'
import { StorageFault } from '../../src/faults.ts'
import { after, type Instant } from '../../src/kit/clock.ts'
import { type ChatId, chatId, cid, messageId, personId } from '../../src/kit/ids.ts'
import { createPostgresScreenNotes } from '../../src/storage/postgres/screen-notes.ts'
import { createTestClock } from '../fixtures/clock.ts'
import { until } from '../fixtures/person.ts'
import { openStorage } from '../fixtures/storage.ts'

/** Notes on a real database, by a clock that stands still until a test moves it. */
const { store, permit, database, rows, cut } = await openStorage()
const clock = createTestClock()
const notes = createPostgresScreenNotes(database.monitor, clock)
let chats = 0

const view = { screen: 'main_menu', text: ['Привет'], keyboard: [] } as const

/** A conversation with a saved screen that is not shown. */
async function saved(revision = 1): Promise<ChatId> {
  chats += 1
  await save(chatId(chats), revision)
  return chatId(chats)
}
async function save(chat: ChatId, revision: number, drawn: View = view): Promise<void> {
  const session = { version: 1, person: personId(chats), chat, revision, place: { at: 'home' } } as const
  const kept = { session, view: drawn, cid: cid('abc123ff'), thread: 1, message: undefined, shownRevision: 0 }
  await store.transact(permit, (tx) => tx.sessions.save(kept, clock.now()))
}
const shown = (chat: ChatId, isEdit: boolean) => ({ chat, revision: 1, view, thread: 1, message: messageId(7), isEdit })
const shownRevision = async (chat: ChatId) =>
  (await rows<{ shown: number }>('select shown_revision as shown from sessions where chat = $1', [chat]))[0]?.shown

it('a new message is noted at once, because nobody could tell it from one that was never sent', async () => {
  const chat = await saved()
  void notes.shown(shown(chat, false))
  await until(async () => (await shownRevision(chat)) === 1, 'it is noted while the clock stands still')
})

it('edits of the same moment are noted together, a little later', async () => {
  const all = [await saved(), await saved(), await saved()]
  const noted = Promise.all(all.map((chat) => notes.shown(shown(chat, true))))
  await clock.advance(24)
  assert.deepEqual(await Promise.all(all.map(shownRevision)), [0, 0, 0])
  await clock.advance(1)
  await noted
  assert.deepEqual(await Promise.all(all.map(shownRevision)), [1, 1, 1])
})

it('what was gathered is noted first: a screen that Telegram refuses for good is not due again for an older edit', async () => {
  const chat = await saved(2)
  const edited = notes.shown(shown(chat, true))
  await notes.givenUp({ chat, revision: 2 })
  await clock.advance(25)
  await edited
  assert.equal(await shownRevision(chat), 2)
})

it('a conversation that goes on and draws nothing while its screen is noted has nothing to show again', async () => {
  const chat = await saved()
  await save(chat, 2)
  await notes.shown(shown(chat, false))
  assert.equal(await shownRevision(chat), 2)
  await save(chat, 3, { ...view, text: ['Баланс'] })
  await notes.shown({ ...shown(chat, false), revision: 2 })
  assert.equal(await shownRevision(chat), 2, 'another drawing is due')
})

it('a note that a lost connection takes along is a fault of the world', async () => {
  const chat = await saved()
  await rows('begin')
  await rows('select from sessions where chat = $1 for update', [chat])
  const noted = assert.rejects(notes.shown(shown(chat, false)), StorageFault)
  await until(async () => (await cut(/^\s*update sessions s/)) === 1, 'it waits, and is cut')
  await noted
  await rows('rollback')
})

it('a screen that a clock put off which was ahead is due when that clock has been set back', async () => {
  const chat = await saved()
  const now = clock.now()
  await notes.later({ chat, revision: 1, tries: 1, at: after(now, 3_000_000) })
  const isDue = async (at: Instant) =>
    (await notes.due(at, 100)).includes(chat) && (await notes.dueIn(chat, at)) !== undefined
  assert.equal(await isDue(after(now, 2_999_999)), false)
  assert.equal(await isDue(now), false)
  assert.equal(await isDue(after(now, 3_000_000)), true)
  assert.equal(await isDue(after(now, -600_001)), true)
})
