import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createClock } from '../../src/kit/clock.ts'
import { botId, cid, laneOfPerson, personId } from '../../src/kit/ids.ts'
import { openStorage } from '../fixtures/storage.ts'
import { stepsOn } from './steps.ts'

const storage = await openStorage()
const clock = createClock()
const steps = stepsOn(storage.store, clock)

/** What is left to do outside, once an update with this content was given up. */
async function leftBy(updateId: number, body: string): Promise<readonly string[]> {
  const item = await storage.inbox.store(
    {
      bot: botId(1),
      updateId,
      lane: laneOfPerson(personId(updateId)),
      kind: 'callback_query',
      cid: cid('abc123ff'),
      body,
      receivedAt: clock.now(),
    },
    'claim',
  )
  assert.ok(typeof item === 'object')
  await steps.shelve(storage.permit, item, 'it failed five times')
  const rows = await storage.rows<{ errand: { kind: string; tap?: string } }>(
    `delete from ${storage.schema}_jobs._private_jobs returning payload->'errand' as errand`,
  )
  return rows.map(({ errand }) => [errand.kind, ...(errand.tap === undefined ? [] : [errand.tap])].join(' ')).sort()
}

it('a tap that cannot be handled is answered when it is set aside, so that its button does not wait for ever', async () => {
  const from = { id: 1, is_bot: false, first_name: 'Анна' }
  const tap = { update_id: 1, callback_query: { id: 'the-tap', from, chat_instance: '1', data: '1:home' } }
  assert.deepEqual(await leftBy(1, JSON.stringify(tap)), ['answer_tap the-tap', 'say', 'tell_operator'])
  const message = { message_id: 1, date: 1, text: '/help', chat: { id: 2, type: 'private' }, from: { ...from, id: 2 } }
  assert.deepEqual(await leftBy(2, JSON.stringify({ update_id: 2, message })), ['say', 'tell_operator'])
  assert.deepEqual(await leftBy(3, 'not even JSON'), [], 'nobody waits for this one')
})
