import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { after } from '../../src/kit/clock.ts'
import { fileId, kieTaskId, messageId, type OrderId } from '../../src/kit/ids.ts'
import { createReadFigures } from '../../src/storage/postgres/figures.ts'
import { LOSS_FIGURES } from '../../src/storage/postgres/losses-admin.ts'
import { openStorage } from '../fixtures/storage.ts'
import { openShop } from '../generation/shop.ts'

/** What health and the alerts read of losses, from orders that end on a real database. */
const storage = await openStorage()
const shop = openShop(storage)
const { clock } = shop
await storage.rows("insert into world (kind, bot) values ('sandbox', 1)")
const hourMs = 3_600_000

const read = async () => {
  const { monitor: pool } = storage.database
  const figures = await createReadFigures({ pool, schema: storage.schema, timezone: 'Europe/Moscow', clock })()
  return figures.losses
}
const stories = async () => (await read()).inRow.map(({ cause, stories }) => [cause, stories])

/** Each order is a story of its own, as it is in the service. */
async function generating(n: number, ordered = 1): Promise<{ id: OrderId; task: ReturnType<typeof kieTaskId> }> {
  const { id } = await shop.places({ ordered })
  const cid = n.toString(16).padStart(8, '0')
  await storage.rows(
    `update orders set cid = $2, body = jsonb_set(body, '{order,cid}', to_jsonb($2::text)) where id = $1`,
    [id, cid],
  )
  const task = kieTaskId(`task-${id}`)
  await shop.record(id, { type: 'submit_begun', at: clock.now() })
  await shop.record(id, { type: 'submit_accepted', task, at: clock.now() })
  return { id, task }
}
async function fails(n: number) {
  const { id } = await generating(n)
  await clock.advance(1000)
  const why = { reason: 'generation_failed', detail: `500 of ${n}`, credits: '1.5' } as const
  await shop.record(id, { type: 'task_failed', ...why, at: clock.now() })
}
/** So many are made, and those of `lost` are too big to be sent. */
async function delivers(n: number, { made = 1, lost = 0 } = {}) {
  const { id, task } = await generating(n, made)
  await clock.advance(1000)
  const artifacts = Array.from({ length: made }, (_, index) => `https://files.kie.test/${index}.png`)
  await shop.record(id, { type: 'task_succeeded', task, artifacts, at: clock.now() })
  for (const index of artifacts.keys()) {
    const at = clock.now()
    const sent = { state: 'sent', file: fileId('f'), as: 'photo', message: messageId(1) } as const
    if (index < lost) await shop.record(id, { type: 'artifact_refused', index, reason: 'too_big', detail: '60 MB', at })
    else await shop.record(id, { type: 'artifact_delivered', index, sent, at })
  }
}

describe('the figures of losses', () => {
  it('sum up the day by cause, and count the stories in a row until an order is delivered whole', async () => {
    assert.deepEqual((await read()).today, [])
    await fails(0xa1)
    await fails(0xa2)
    assert.deepEqual((await read()).inRow, [
      { cause: 'task_failed', stories: 2, firstCid: '000000a1', lastDetail: '500 of 162' },
    ])
    await delivers(0xb1, { made: 4, lost: 2 })
    assert.deepEqual(await stories(), [
      ['task_failed', 2],
      ['result_too_big', 1],
    ])
    await fails(0xa3)
    assert.deepEqual((await stories())[0], ['task_failed', 3])
    await delivers(0xc1)
    assert.deepEqual(await stories(), [])
    await fails(0xa4)
    assert.deepEqual(await stories(), [['task_failed', 1]])
    const { today } = await read()
    assert.deepEqual(
      today.map(({ cause, count, credits, kopecks, firstCid }) => [cause, count, credits, kopecks, firstCid]),
      [
        ['task_failed', 4, '6', 1200, '000000a1'],
        ['result_too_big', 2, null, 150, '000000b1'],
      ],
    )
  })

  it('count a row also when an order was delivered by a clock that was ahead and has been set back', async () => {
    const now = clock.now()
    clock.setWall(after(now, 7 * 24 * hourMs))
    await delivers(0xb1)
    clock.setWall(after(now, 2_000))
    await fails(0xb2)
    assert.deepEqual(await stories(), [['task_failed', 2]])
  })

  it('forget a row after a day without any, and begin anew with each day of the shop', async () => {
    await clock.advance(24 * hourMs + 1)
    const { today, inRow } = await read()
    assert.deepEqual([today, inRow], [[], []])
  })

  it('are found by their indexes, however many orders were delivered', async () => {
    await storage.rows(
      `insert into orders (id, person, status, offer, quote, cid, body, placed_at, updated_at)
       select 'old' || n, 1, 'completed', 'x', 'q' || n, '00000000', '{}', n, n from generate_series(1, 5000) n`,
    )
    await storage.rows('analyze orders')
    const plan = await storage.rows(`explain (format json) ${LOSS_FIGURES}`, [0, 5_000, 4_000, 5_000])
    assert.match(JSON.stringify(plan), /"Index Name":"orders_completed"/)
  })
})
