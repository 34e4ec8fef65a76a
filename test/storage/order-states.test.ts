import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fileId, kieTaskId, messageId, type OrderId, type PersonId } from '../../src/kit/ids.ts'
import { inTransaction } from '../../src/storage/postgres/store.ts'
import { verifyLedger, verifyShop } from '../../src/storage/postgres/verify-ledger.ts'
import { openStorage } from '../fixtures/storage.ts'
import { openShop } from '../generation/shop.ts'

/** A shop with an order in every state that moves money, whose orders are then changed behind its back. */
const storage = await openStorage()
const shop = openShop(storage)
const task = kieTaskId('its-task')
const { placed, completed, released, refunded, half } = await orders()

async function orders() {
  const at = shop.clock.now()
  const [first, second, third, fourth] = [
    await shop.places(),
    await shop.places(),
    await shop.places(),
    await shop.places(),
  ]
  await shop.record(third.id, { type: 'cancel_asked', at })
  for (const { id } of [second, fourth]) {
    await shop.record(id, { type: 'submit_begun', at })
    await shop.record(id, { type: 'submit_accepted', task, at })
    await shop.record(id, { type: 'task_succeeded', task, artifacts: ['https://kie.test/1.png'], at })
    await shop.record(id, { type: 'delivery_kept_too_long', at: shop.clock.now() })
  }
  await shop.record(fourth.id, { type: 'refund_asked', at })
  const half = await shop.places({ ordered: 2 })
  await shop.record(half.id, { type: 'submit_begun', at })
  await shop.record(half.id, { type: 'submit_accepted', task, at })
  await shop.record(half.id, { type: 'task_succeeded', task, artifacts: ['https://kie.test/1.png'], at })
  const sent = { state: 'sent', file: fileId('f'), as: 'photo', message: messageId(1) } as const
  await shop.record(half.id, { type: 'artifact_delivered', index: 0, sent, at })
  return { placed: first, completed: second, released: third, refunded: fourth, half }
}

/** What the verification says of this change, which is taken back again. */
async function differenceAfter(change: string, values: readonly unknown[]): Promise<string> {
  let says = ''
  const undone = inTransaction(storage.database.work, async (sql) => {
    await sql.query('set transaction isolation level repeatable read')
    await sql.query(change, values)
    const verified = await verifyShop(sql)
    says = verified.ok ? 'no difference' : verified.difference
    assert.equal((await verifyLedger(sql)).ok, true, 'the books alone know nothing of it')
    throw new Error('taken back')
  })
  await assert.rejects(undone, /taken back/)
  return says
}
const setStatus = 'update orders set status = $2 where id = $1'

describe('comparing orders with their money', () => {
  it('finds nothing in a sound shop', async () => {
    const verified = await inTransaction(storage.database.work, verifyShop)
    assert.deepEqual(verified, { ok: true, accounts: 5, transfers: 16, seals: 0, unsealed: 16 })
  })

  type Planted = readonly [string, { readonly id: OrderId; readonly person: PersonId }, string, string]
  const states: readonly Planted[] = [
    ['delivered whose hold was not captured', placed, 'completed', 'captured, and it is open'],
    ['released whose hold is open', placed, 'released', 'released, and it is open'],
    ['running whose hold was captured', completed, 'delivering', 'open, and it is captured'],
    ['running whose hold was given back', released, 'generating', 'open, and it is released'],
    ['delivered whose hold was given back', released, 'completed', 'captured, and it is released'],
    ['delivered whose money was refunded', refunded, 'completed', 'captured, and it is refunded'],
    ['refunded whose money was kept', completed, 'refunded', 'refunded, and it is captured'],
  ]
  for (const [what, { id }, status, says] of states) {
    it(`names an order that is ${what}`, async () => {
      assert.equal(
        await differenceAfter(setStatus, [id, status]),
        `order ${id} is ${status}, so its hold should be ${says}`,
      )
    })
  }

  it('names a hold without an order', async () => {
    const says = await differenceAfter('delete from orders where id = $1', [placed.id])
    assert.equal(says, `there is money of order ${placed.id}, and no such order`)
  })

  it('names an order without a hold', async () => {
    const copied = `insert into orders (id, person, status, offer, quote, cid, body, placed_at, updated_at)
      select 'unheld', person, status, offer, 'another', cid, body, placed_at, updated_at from orders where id = $1`
    assert.equal(await differenceAfter(copied, [placed.id]), 'order unheld is placed and was never held for')
  })

  it('names an order that costs something else than was held', async () => {
    const { id } = placed
    const dearer = `update orders set body = jsonb_set(body, '{order,price,kopecks}', '301') where id = $1`
    assert.equal(await differenceAfter(dearer, [id]), `order ${id} costs 301 RUB, and 300 RUB were held for it`)
  })

  it('names an order that was paid with something else than was captured', async () => {
    const { id } = completed
    const cheaper = `update orders set body = jsonb_set(body, '{order,paid}', '150') where id = $1`
    assert.equal(
      await differenceAfter(cheaper, [id]),
      `order ${id} was paid with 150 RUB, and 300 RUB were captured for it`,
    )
  })

  it('names an order of which a part was captured that says nothing of it', async () => {
    const { id } = half
    const whole = `update orders set body = body #- '{order,paid}' where id = $1`
    assert.equal(
      await differenceAfter(whole, [id]),
      `order ${id} was paid with 300 RUB, and 150 RUB were captured for it`,
    )
  })

  it('names an order that somebody else was held for', async () => {
    const { id, person } = placed
    const says = await differenceAfter('update orders set person = $2 where id = $1', [id, completed.person])
    assert.equal(says, `order ${id} is of person ${completed.person}, and person ${person} was held for it`)
  })
})
