import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createClock } from '../../src/kit/clock.ts'
import { botId, cid, laneOfPerson, personId } from '../../src/kit/ids.ts'
import { openStorage } from '../fixtures/storage.ts'
import { stepsOn } from './steps.ts'

/** Payments and refunds as Telegram may bring them: in any chat, in any order, in any currency, read or not. */
const storage = await openStorage()
const clock = createClock()
const updates = stepsOn(storage.store, clock)
let updateIds = 0
let people = 0
const somebody = () => ++people

type Money = 'successful_payment' | 'refunded_payment'
type Arrival = {
  readonly person: number | undefined
  readonly charge: string
  readonly chat?: { readonly id: number; readonly type: string }
  readonly kind?: string
  /** Other fields of the payment. */
  readonly paid?: Readonly<Record<string, unknown>>
}

/** 160 Stars, of a payload that nobody knows: 100 roubles at the rate of these tests. */
async function arrives(money: Money, { person, charge, chat, kind = 'message', paid = {} }: Arrival): Promise<void> {
  updateIds += 1
  const from = { id: person, is_bot: false, first_name: 'Anna', language_code: 'en' }
  const payment = { currency: 'XTR', total_amount: 160, invoice_payload: 'x', telegram_payment_charge_id: charge }
  const message = {
    ...{ message_id: 1, date: 1, chat: chat ?? { id: person, type: 'private' } },
    ...(person === undefined ? {} : { from }),
    [money]: { ...payment, ...paid },
  }
  const item = await storage.inbox.store(
    {
      ...{ bot: botId(1), updateId: updateIds, lane: laneOfPerson(personId(person ?? 1)), kind },
      ...{ cid: cid('abc123ff'), receivedAt: clock.now() },
      body: JSON.stringify({ update_id: updateIds, [kind]: message }),
    },
    'claim',
  )
  assert.ok(typeof item === 'object')
  await updates.handle(storage.permit, item)
}
const balanceOf = (id: number) => storage.store.transact(storage.permit, (tx) => tx.ledger.balance(personId(id)))
const said = async (kind: 'tell_operator' | 'say') =>
  (
    await storage.rows<{ errand: unknown }>(
      `select payload->'errand' as errand from ${storage.schema}_jobs._private_jobs
        where payload->'errand'->>'kind' = $1 order by id desc`,
      [kind],
    )
  ).map(({ errand }) => JSON.stringify(errand))

const chats: readonly (readonly [type: string, kind: string])[] = [
  ['private', 'message'],
  ['group', 'message'],
  ['supergroup', 'message'],
  ['channel', 'channel_post'],
  ['a kind of tomorrow', 'message'],
]

describe('a payment', () => {
  it('in roubles is not taken for Stars: nothing is credited, and the operators are told', async () => {
    const person = somebody()
    await arrives('successful_payment', { person, charge: 'rub', paid: { currency: 'RUB', total_amount: 50_000 } })
    assert.equal(await balanceOf(person), 0)
    const [told = ''] = await said('tell_operator')
    assert.match(told, /in RUB/)
    assert.match(told, /charge rub/)
    const credits = await storage.rows(`select 1 from star_payments where charge = 'rub'`)
    assert.equal(credits.length, 0)
  })

  for (const [type, kind] of chats) {
    it(`in a chat of type "${type}" is credited, and so is its refund, and the person is told in private`, async () => {
      const person = somebody()
      const arrival = { person, charge: `in ${type}`, kind, chat: { id: type === 'private' ? person : -100, type } }
      await arrives('successful_payment', arrival)
      assert.equal(await balanceOf(person), 100_00)
      assert.match((await said('say'))[0] ?? '', new RegExp(`"chat":${person}.*was added`))
      await arrives('refunded_payment', arrival)
      assert.equal(await balanceOf(person), 0)
      assert.match((await said('say'))[0] ?? '', new RegExp(`"chat":${person}.*gave you 160 ⭐ back`))
      assert.match((await said('tell_operator'))[0] ?? '', new RegExp(`person ${person} .*taken back`))
    })
  }

  it('that cannot be read is told to the operators, whatever the chat', async () => {
    for (const [type, kind] of chats) {
      const before = (await said('tell_operator')).length
      const chat = { id: -100, type }
      await arrives('successful_payment', { person: somebody(), charge: '', kind, chat })
      await arrives('refunded_payment', { person: somebody(), charge: 'c', kind, chat, paid: { total_amount: '160' } })
      const told = await said('tell_operator')
      assert.equal(told.length, before + 2, type)
      assert.match(told[0] ?? '', /could not be read/)
    }
  })

  it('that names no person is told to the operators', async () => {
    await arrives('successful_payment', { person: undefined, charge: 'of nobody', chat: { id: -100, type: 'channel' } })
    assert.match((await said('tell_operator'))[0] ?? '', /names no person \(charge of nobody\)/)
  })
})

describe('a refund', () => {
  it('that is handled before its payment takes the money back when it comes; each is told once', async () => {
    const person = somebody()
    const [words, told] = [(await said('say')).length, (await said('tell_operator')).length]
    await arrives('refunded_payment', { person, charge: 'early' })
    assert.match((await said('tell_operator'))[0] ?? '', /No such payment was handled yet/)
    await arrives('refunded_payment', { person, charge: 'early' })
    await arrives('successful_payment', { person, charge: 'early' })
    await arrives('successful_payment', { person, charge: 'early' })
    assert.equal(await balanceOf(person), 0)
    const say = await said('say')
    assert.equal(say.length, words + 1)
    assert.match(say[0] ?? '', /gave you 160 ⭐ back/)
    assert.equal((await said('tell_operator')).length, told + 2, 'early, and taken back')
  })

  it('in another currency moves nothing and is told to the operators', async () => {
    const person = somebody()
    await arrives('successful_payment', { person, charge: 'twice' })
    await arrives('refunded_payment', { person, charge: 'twice', paid: { currency: 'RUB' } })
    assert.equal(await balanceOf(person), 100_00)
    assert.match((await said('tell_operator'))[0] ?? '', /is in RUB/)
  })
})
