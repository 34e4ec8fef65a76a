import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createClock } from '../../src/kit/clock.ts'
import { botId, cid, laneOfPerson, personId } from '../../src/kit/ids.ts'
import { openStorage } from '../fixtures/storage.ts'
import { stepsOn } from './steps.ts'

const storage = await openStorage()
const clock = createClock()
const updates = stepsOn(storage.store, clock)
let ids = 0

/** A payment of 50,000 of the smallest unit of this currency arrives from a person. */
async function pays(currency: string): Promise<number> {
  ids += 1
  const from = { id: ids, is_bot: false, first_name: 'Anna', language_code: 'en' }
  const paid = { currency, total_amount: 50_000, invoice_payload: 'of nobody', telegram_payment_charge_id: `c${ids}` }
  const message = { message_id: 1, date: 1, chat: { id: ids, type: 'private' }, from, successful_payment: paid }
  const arriving = {
    bot: botId(1),
    updateId: ids,
    lane: laneOfPerson(personId(ids)),
    kind: 'message' as const,
    cid: cid('abc123ff'),
    body: JSON.stringify({ update_id: ids, message }),
    receivedAt: clock.now(),
  }
  const item = await storage.inbox.store(arriving, 'claim')
  assert.ok(typeof item === 'object')
  await updates.handle(storage.permit, item)
  return ids
}
const balanceOf = (id: number) => storage.store.transact(storage.permit, (tx) => tx.ledger.balance(personId(id)))
const operatorsRead = async () =>
  (
    await storage.rows<{ what: string }>(
      `select payload->'errand'->>'what' as what from ${storage.schema}_jobs._private_jobs
        where payload->'errand'->>'kind' = 'tell_operator' order by id desc`,
    )
  ).map(({ what }) => what)

describe('a payment', () => {
  it('in roubles is not taken for Stars: nothing is credited, and the operators are told', async () => {
    const id = await pays('RUB')
    assert.equal(await balanceOf(id), 0)
    const [told = ''] = await operatorsRead()
    assert.match(told, /in RUB/)
    assert.match(told, new RegExp(`charge c${id}`))
    const credits = await storage.rows(`select 1 from star_payments where charge = $1`, [`c${id}`])
    assert.equal(credits.length, 0)
  })

  it('in Stars is credited at the rate of today, also for an unknown top-up', async () => {
    assert.equal(await balanceOf(await pays('XTR')), 3_125_000)
  })
})
