import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createClock } from '../../src/kit/clock.ts'
import { botId, chatId, cid, laneOfPerson, personId } from '../../src/kit/ids.ts'
import { openStorage } from '../fixtures/storage.ts'
import { stepsOn } from './steps.ts'

/** What is drawn on arrival, and the database refuses to keep: PostgreSQL keeps no NUL in JSON. */
const storage = await openStorage()
const clock = createClock()
const { inbox, store, permit, worker } = storage
const updates = stepsOn(store, clock)

const received = (updateId: number, person: number) => ({
  bot: botId(1),
  updateId,
  lane: laneOfPerson(personId(person)),
  kind: 'message' as const,
  cid: cid('abc123ff'),
  body: JSON.stringify({
    update_id: updateId,
    message: {
      message_id: updateId,
      date: 1,
      text: '/start',
      chat: { id: person, type: 'private' },
      from: { id: person, is_bot: false, first_name: 'Anna', language_code: 'en' },
    },
  }),
  receivedAt: clock.now(),
})

/** A step of somebody who was here before, with this text on its screen. */
async function stepOf(person: number, text: string) {
  const item = await inbox.store(received(person, person), 'claim')
  assert.ok(typeof item === 'object')
  await updates.handle(permit, item)
  const kept = await store.transact(permit, (tx) => tx.sessions.get(chatId(person)))
  assert.ok(kept?.view !== undefined)
  const { session, view } = kept
  const next = { ...kept, session: { ...session, revision: session.revision + 1 }, view: { ...view, text: [text] } }
  return { permit: worker, readRevision: session.revision, kept: next }
}

it('an update whose screen cannot be saved is stored and waits, and the others of its batch are handled', async () => {
  const [poison, innocent] = [await stepOf(1, 'nul \u0000'), await stepOf(2, 'hello')]
  const outcomes = [inbox.handle(received(11, 1), poison), inbox.handle(received(12, 2), innocent)]
  assert.deepEqual(await Promise.all(outcomes), ['stored', 'handled'])
  assert.equal(await inbox.handle(received(13, 1), poison), 'stored', 'alone too')
  const waiting = await storage.rows('select update_id from inbox where finished_at is null order by id')
  assert.deepEqual(waiting, [{ update_id: 11 }, { update_id: 13 }])
})
