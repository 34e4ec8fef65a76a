import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { instant } from '../kit/clock.ts'
import { chatId, cid, fileId, kieTaskId, messageId, offerId, orderId, personId } from '../kit/ids.ts'
import { kopecks } from '../money/amount.ts'
import { shopDay } from '../money/shop-day.ts'
import { isOnItsWay, type Order } from './order.ts'
import { readOrder, storedOrder } from './read-order.ts'

const at = instant(1_764_000_000_000)
const base = {
  id: orderId('0123456789ab'),
  person: personId(42),
  chat: chatId(42),
  cid: cid('abc123ff'),
  offer: offerId('a-picture'),
  model: 'maker/a-picture',
  values: { prompt: 'a lighthouse' },
  price: { unit: 'RUB', kopecks: kopecks(629) },
  day: shopDay('2026-11-25'),
  placedAt: at,
} as const
const made = { ...base, task: kieTaskId('task-1'), submittedAt: at, producedAt: at }
const urls = ['https://kie.test/0.png', 'https://kie.test/1.png']
const file = { file: fileId('f0'), as: 'photo', message: messageId(7) } as const

/** As it comes out of the database. */
const read = (stored: unknown) => readOrder(JSON.parse(JSON.stringify(stored)))

describe('an order as it was stored', () => {
  it('is read as it was written', () => {
    const artifacts: Extract<Order, { status: 'completed' }>['artifacts'] = [
      { url: 'https://kie.test/0.png', state: 'sent', ...file },
      { url: 'https://kie.test/1.png', state: 'lost', reason: 'gone', lostAt: at },
    ]
    const receipt = { message: messageId(8), sent: 1, isFinal: true }
    const order: Order = {
      ...made,
      artifacts,
      receipt,
      ordered: 2,
      status: 'completed',
      completedAt: at,
      paid: kopecks(314),
    }
    assert.deepEqual(read(storedOrder(order)), { kind: 'read', order })
  })

  it('by a program of version 1 is read with what became of each artifact', () => {
    const order = { ...made, status: 'completed', completedAt: at, artifacts: urls }
    const artifactsOf = (delivered: unknown) => {
      const stored = read({ version: 1, order: { ...order, delivered } })
      assert.ok(stored.kind === 'read' && stored.order.status === 'completed')
      return stored.order
    }
    const half = artifactsOf([{ index: 1, ...file }])
    assert.deepEqual(half.artifacts, [
      { url: urls[0], state: 'waiting' },
      { url: urls[1], state: 'sent', ...file },
    ])
    assert.equal(isOnItsWay(half), true)
    const whole = artifactsOf([
      { index: 0, ...file },
      { index: 1, ...file },
    ])
    assert.equal(isOnItsWay(whole), false, 'its receipt stands under the last picture')
    // Paid while the person had blocked the bot.
    assert.equal(isOnItsWay(artifactsOf([])), true)
  })

  it('by a program of version 1 is read in the states that had made nothing', () => {
    for (const order of [
      { ...base, status: 'placed' },
      { ...base, status: 'submitting', since: at },
      { ...base, status: 'released', reason: 'lost', releasedAt: at, gift: 'none' },
    ]) {
      assert.deepEqual(read({ version: 1, order }), { kind: 'read', order })
    }
  })

  it('by a newer program, or without what its state needs, is unreadable and says why', () => {
    const why = (stored: unknown) => {
      const seen = read(stored)
      return seen.kind === 'unreadable' ? seen.why : 'it was read'
    }
    assert.match(why({ version: 3, order: { ...base, status: 'placed' } }), /version 3/)
    assert.match(why({ version: 2, order: { ...made, status: 'delivering' } }), /no artifacts/)
    assert.match(why({ version: 1, order: { ...made, status: 'delivering' } }), /no artifacts/)
  })
})
