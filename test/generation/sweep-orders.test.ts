import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FenceLost } from '../../src/faults.ts'
import { createSweepOrders, type SweepOrdersDeps } from '../../src/generation/sweep-orders.ts'
import { kieTaskId, type OrderId } from '../../src/kit/ids.ts'
import { lateSince } from '../../src/orders/deadlines.ts'
import type { LeaderPermit } from '../../src/permit.ts'
import { createPostgresOpenOrders, OPEN_SINCE } from '../../src/storage/postgres/open-orders.ts'
import { sqlOf } from '../../src/storage/postgres/store.ts'
import { openStorage } from '../fixtures/storage.ts'
import { offer, openShop, priceKopecks } from './shop.ts'

const storage = await openStorage()
const shop = openShop(storage)
const minuteMs = 60_000
const dayMs = 24 * 60 * minuteMs
const permit: LeaderPermit = { kind: 'leader', epoch: 0, isFresh: () => true }
const signal = new AbortController().signal
const open = createPostgresOpenOrders(sqlOf(storage.database.work), storage.schema)

function sweeps(more: Partial<SweepOrdersDeps> = {}) {
  const { store } = storage
  const { clock, telemetry } = shop
  const record: SweepOrdersDeps['record'] = (_, id, seen) => shop.record(id, seen)
  return createSweepOrders({ open, store, record, offers: () => [offer], clock, telemetry, ...more })
}
const passDeadlines = () => sweeps().passDeadlines(permit, signal)

/** An order in this state, with the job that its state needs. */
const reach = {
  placed: async () => {
    const placed = await shop.places()
    await addJob({ kind: 'submit_task', order: placed.id })
    return placed
  },
  submitting: async () => {
    const placed = await reach.placed()
    await shop.record(placed.id, { type: 'submit_begun', at: shop.clock.now() })
    return placed
  },
  generating: async () => {
    const placed = await reach.submitting()
    await shop.record(placed.id, { type: 'submit_accepted', task: kieTaskId(placed.id), at: shop.clock.now() })
    return placed
  },
  delivering: async () => {
    const placed = await reach.generating()
    const artifacts = ['https://kie.test/1.png']
    const seen = { type: 'task_succeeded', task: kieTaskId(placed.id), artifacts, at: shop.clock.now() } as const
    await shop.record(placed.id, seen)
    return placed
  },
}
const addJob = (errand: { kind: 'submit_task'; order: OrderId }) =>
  storage.store.transact(permit, (tx) => tx.errands.add([{ errand, cid: shop.story }]))
const statusOf = async (id: OrderId) => (await shop.order(id)).status
const operatorsRead = async () => {
  const rows = await storage.rows<{ what: string }>(
    `select payload->'errand'->>'what' as what from ${storage.schema}_jobs._private_jobs
      where payload->'errand'->>'kind' = 'tell_operator' order by id`,
  )
  return rows.map(({ what }) => what)
}
const forgetJobs = (id: OrderId) =>
  storage.rows(`delete from ${storage.schema}_jobs._private_jobs where payload->'errand'->>'order' = $1`, [id])

describe('an order whose job always fails', () => {
  it('before it was submitted is given back at its deadline, and the operators read of it once', async () => {
    const { id, person } = await reach.placed()
    const failing = shop.submits({}, { buildInput: () => assert.fail('this offer cannot be built') })
    await assert.rejects(failing(id))
    await shop.clock.advance(20 * minuteMs - 1)
    await assert.rejects(failing(id))
    await passDeadlines()
    assert.equal(await statusOf(id), 'placed')
    await shop.clock.advance(1)
    await passDeadlines()
    await passDeadlines()
    const order = await shop.order(id)
    assert.ok(order.status === 'released' && order.reason === 'provider_unavailable')
    assert.equal(await shop.balance(person), 1000)
    assert.ok((await shop.errands(id)).includes('show_progress'), 'the person is told')
    assert.equal((await operatorsRead()).filter((what) => what.includes(id)).length, 1)
    assert.equal(await failing(id), 'settled', 'the job has nothing left to do')
  })

  it('while it is being submitted becomes uncertain, is never submitted again, and is given back', async () => {
    const { id, person } = await reach.submitting()
    await shop.clock.advance(5 * minuteMs)
    await passDeadlines()
    assert.equal(await statusOf(id), 'uncertain')
    assert.ok((await shop.errands(id)).includes('watch_task'))
    await shop.clock.advance(15 * minuteMs)
    await passDeadlines()
    const order = await shop.order(id)
    assert.ok(order.status === 'released' && order.reason === 'never_confirmed')
    assert.equal(await shop.balance(person), 1000)
  })

  it('while it is generated is given back when it counts as lost', async () => {
    const { id, person } = await reach.generating()
    await shop.clock.advance(dayMs - 1)
    await passDeadlines()
    assert.equal(await statusOf(id), 'generating')
    await shop.clock.advance(1)
    await passDeadlines()
    assert.equal(await statusOf(id), 'released')
    assert.equal(await shop.balance(person), 1000)
  })

  it('while it is delivered is given back at its deadline, stays a gift, and is given up in the end', async () => {
    const { id, person } = await reach.delivering()
    await shop.clock.advance(8 * dayMs - 1)
    await passDeadlines()
    assert.equal(await shop.balance(person), 1000 - priceKopecks)
    await shop.clock.advance(1)
    await passDeadlines()
    const late = await shop.order(id)
    assert.ok(late.status === 'released' && late.reason === 'undeliverable' && late.gift === 'delivering')
    assert.equal(await shop.balance(person), 1000)
    await shop.clock.advance(14 * dayMs)
    await passDeadlines()
    const order = await shop.order(id)
    assert.ok(order.status === 'released' && order.gift === 'given_up')
    assert.equal(await shop.balance(person), 1000)
  })

  it('is moved on also where another one cannot be', async () => {
    const [broken, unreadable, fine] = [await reach.placed(), await reach.placed(), await reach.placed()]
    await storage.rows(`update orders set body = jsonb_set(body, '{version}', '99') where id = $1`, [unreadable.id])
    await shop.clock.advance(20 * minuteMs)
    const sweep = sweeps({
      record: (_, id, seen) => (id === broken.id ? assert.fail('its books differ') : shop.record(id, seen)),
    })
    await sweep.passDeadlines(permit, signal)
    await sweep.passDeadlines(permit, signal)
    assert.equal(await statusOf(fine.id), 'released')
    assert.equal(await statusOf(broken.id), 'placed')
    const read = await operatorsRead()
    for (const { id } of [broken, unreadable]) assert.equal(read.filter((what) => what.includes(`${id}:`)).length, 1)
    assert.equal(shop.fieldsOf('ORDER_UNREADABLE').at(-1)?.['order_id'], unreadable.id)
    await passDeadlines()
    await storage.rows('delete from orders where id = $1', [unreadable.id])
  })

  it('is left alone by an instance that leads no more', async () => {
    const { id } = await reach.placed()
    await shop.clock.advance(20 * minuteMs)
    const record: SweepOrdersDeps['record'] = async () => {
      throw new FenceLost('epoch 0 is over')
    }
    await assert.rejects(sweeps({ record }).passDeadlines(permit, signal), FenceLost)
    assert.equal(await statusOf(id), 'placed')
    await passDeadlines()
  })
})

describe('an order without a job', () => {
  for (const [state, kind] of [
    ['placed', 'submit_task'],
    ['generating', 'watch_task'],
    ['delivering', 'deliver'],
  ] as const) {
    it(`that is ${state} gets its job again, after ten minutes`, async () => {
      const { id } = await reach[state]()
      await forgetJobs(id)
      await sweeps().restoreJobs(permit, signal)
      assert.deepEqual(await shop.errands(id), [])
      await shop.clock.advance(10 * minuteMs)
      await sweeps().restoreJobs(permit, signal)
      await sweeps().restoreJobs(permit, signal)
      assert.deepEqual(await shop.errands(id), [kind])
    })
  }

  it('is told from one whose job waits, is in hand, or was set aside: these stay as they are', async () => {
    const { id } = await reach.placed()
    const jobs = () =>
      storage.rows(
        `select id, run_at, attempts, locked_by from ${storage.schema}_jobs._private_jobs
          where payload->'errand'->>'order' = $1`,
        [id],
      )
    const change = (to: string) =>
      storage.rows(`update ${storage.schema}_jobs._private_jobs set ${to} where payload->'errand'->>'order' = $1`, [id])
    await shop.clock.advance(10 * minuteMs)
    for (const to of [
      `run_at = now() + interval '1 hour'`,
      `locked_at = now(), locked_by = 'a worker'`,
      `locked_at = null, locked_by = null, attempts = max_attempts`,
    ]) {
      await change(to)
      const before = await jobs()
      await sweeps().restoreJobs(permit, signal)
      assert.deepEqual(await jobs(), before)
    }
  })
})

describe('the search for late orders', () => {
  it('goes through all of them, however many there are, and reads no others', async () => {
    const { id } = await reach.placed()
    await storage.rows(
      `insert into orders (id, person, status, offer, quote, cid, body, placed_at, updated_at)
       select lpad(n::text, 12, '0'), person, case when n <= 250 then 'placed' else 'completed' end, offer,
              'quote-' || n, cid, jsonb_set(body, '{order,id}', to_jsonb(lpad(n::text, 12, '0'))), 0, n / 100
         from orders, generate_series(1, 20000) n where id = $1`,
      [id],
    )
    await storage.rows('analyze orders')
    const moments = lateSince(shop.clock.now(), [])
    const found = new Set<string>()
    for await (const each of open.since(moments)) if (each.kind === 'read') found.add(each.order.id)
    assert.equal([...found].filter((each) => each.startsWith('000000')).length, 250)
    assert.ok(!found.has(id), 'it is not late')

    const since = JSON.stringify(Object.entries(moments).map(([status, moment]) => ({ status, moment })))
    const plan = await storage.rows(`explain (analyze, format json) ${OPEN_SINCE}`, [since, '', 0, '', 100])
    const text = JSON.stringify(plan)
    assert.match(text, /"Index Name":"orders_open"/)
    assert.doesNotMatch(text, /Seq Scan/)
    await storage.rows(`delete from orders where id like '000000%'`)
  })
})
