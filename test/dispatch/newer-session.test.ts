import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { View } from '../../src/conversation/view.ts'
import { createClock } from '../../src/kit/clock.ts'
import { botId, chatId, cid, laneOfPerson, newQuoteId, personId } from '../../src/kit/ids.ts'
import { openStorage } from '../fixtures/storage.ts'
import { stepsOn } from './steps.ts'

/** A program that was rolled back finds what a newer one wrote. */
const storage = await openStorage()
const clock = createClock()
const updates = stepsOn(storage.store, clock)
let ids = 0
let people = 0

async function sends(id: number, what: Record<string, unknown>): Promise<void> {
  ids += 1
  const update = { update_id: ids, ...what }
  const arriving = {
    bot: botId(1),
    updateId: ids,
    lane: laneOfPerson(personId(id)),
    kind: 'message' as const,
    cid: cid('abc123ff'),
    body: JSON.stringify(update),
    receivedAt: clock.now(),
  }
  const item = await storage.inbox.store(arriving, 'claim')
  assert.ok(typeof item === 'object')
  await updates.handle(storage.permit, item)
}
const from = (id: number) => ({ id, is_bot: false, first_name: 'Anna', language_code: 'en' })
const messageOf = (id: number, text: string) => ({
  message: { message_id: ids + 100, date: 1, text, chat: { id, type: 'private' }, from: from(id) },
})
const writes = (id: number, text: string) => sends(id, messageOf(id, text))
const taps = (id: number, data: string) =>
  sends(id, { callback_query: { id: `tap-${ids}`, from: from(id), data, ...messageOf(id, 'the menu') } })

/** Somebody whose conversation was then changed as a newer program would have left it. */
async function somebody(change: string): Promise<number> {
  people += 1
  await writes(people, '/start')
  await storage.rows(`update sessions set body = ${change} where chat = $1`, [people])
  return people
}
async function seenBy(id: number): Promise<{ readonly place: unknown; readonly text: string }> {
  const rows = await storage.rows<{ body: { place: unknown }; view: View }>(
    'select body, view from sessions where chat = $1',
    [id],
  )
  return { place: rows[0]?.body.place, text: JSON.stringify(rows[0]?.view.text) }
}

describe('a conversation that a newer program left', () => {
  for (const [what, change] of [
    ['at a place that is not known here', `jsonb_set(body, '{place}', '{"at": "wonder"}')`],
    ['in a version that is not known here', `jsonb_set(body, '{version}', '99')`],
    ['in a shape that is not known here', `'{"version": 99, "chapters": []}'`],
  ] as const) {
    it(`${what} goes on at home with a sentence, when a text comes`, async () => {
      const id = await somebody(change)
      await writes(id, 'a fox in the snow')
      const { place, text } = await seenBy(id)
      assert.deepEqual(place, { at: 'home' })
      assert.match(text, /start from the menu/)
    })

    it(`${what} goes on where a button leads`, async () => {
      const id = await somebody(change)
      await taps(id, 'check_balance')
      assert.deepEqual((await seenBy(id)).place, { at: 'balance' })
      await writes(id, '/start')
      assert.doesNotMatch((await seenBy(id)).text, /start from the menu/, 'it is told once')
    })
  }
})

describe('an order that a newer program left', () => {
  it('is missing in the history, and keeps nobody from the others', async () => {
    people += 1
    const id = people
    const order = (n: number, version: number) => ({
      version,
      order: {
        id: `00000000000${n}`,
        person: id,
        chat: id,
        cid: 'abc123ff',
        offer: 'an-offer',
        model: `maker/model-${n}`,
        values: { prompt: 'a fox' },
        price: { unit: 'GEN', count: 1 },
        day: '2026-01-12',
        placedAt: n,
        status: 'placed',
      },
    })
    await storage.rows(
      `insert into orders (id, person, status, offer, quote, cid, body, placed_at, updated_at)
       select body->'order'->>'id', $1, 'placed', 'an-offer', $2 || (body->'order'->>'id'), 'abc123ff', body, 1, 1
         from json_array_elements($3::json) body`,
      [id, newQuoteId(), JSON.stringify([order(1, 1), order(2, 99)])],
    )
    const orders = await storage.store.transact(storage.permit, (tx) =>
      tx.orders.recent(personId(id), { skip: 0, take: 10 }),
    )
    assert.deepEqual(
      orders.map(({ model }) => model),
      ['maker/model-1'],
    )
    await taps(id, 'my_generations')
    assert.deepEqual((await seenBy(id)).place, { at: 'history', page: 0 })
    assert.equal(
      (await storage.store.transact(storage.permit, (tx) => tx.sessions.get(chatId(id))))?.isRestored,
      undefined,
    )
  })
})
