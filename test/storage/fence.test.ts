import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createClock } from '../../src/kit/clock.ts'
import { botId, chatId, cid, laneOfPerson, personId } from '../../src/kit/ids.ts'
import { lockKeys } from '../../src/storage/postgres/lock-keys.ts'
import { until } from '../fixtures/person.ts'
import { openStorage } from '../fixtures/storage.ts'

/** While an acquisition, or the declaration of a dead instance, is under way. */
const storage = await openStorage()
const { inbox, claims, worker, schema, database } = storage
const clock = createClock()
let updates = 0

function received() {
  updates += 1
  const lane = laneOfPerson(personId(updates))
  const what = { kind: 'message', cid: cid('abc123ff'), body: '{}', receivedAt: clock.now() }
  return { bot: botId(1), updateId: updates, lane, ...what }
}

it('a claim waits until another instance is declared dead; an update that arrives is stored and waits for nothing', async () => {
  const declaring = await database.connect('declaring')
  await declaring.query('begin')
  await declaring.query('select pg_advisory_xact_lock($1, $2)', [...lockKeys(schema, 'fence')])
  try {
    await inbox.store(received())
    const claim = claims.claim(worker, { max: 1, busy: [], now: clock.now() })
    claim.catch(() => undefined)
    const WAITS = `select 1 from pg_stat_activity where application_name like $1 and wait_event = 'advisory'`
    await until(async () => (await storage.rows(WAITS, [`trt ${schema}%`])).length === 1, 'the claim waits')
    const session = { version: 1, person: personId(2), chat: chatId(2), revision: 1, place: { at: 'home' } } as const
    const kept = { session, view: undefined, cid: cid('abc123ff'), thread: 1, message: undefined, shownRevision: 1 }
    assert.equal(await inbox.handle(received(), { permit: worker, readRevision: 0, kept }), 'stored')
    await declaring.query('commit')
    assert.deepEqual(
      (await claim).items.map(({ updateId }) => updateId),
      [1],
    )
  } finally {
    await declaring.end()
  }
})
