import assert from 'node:assert/strict'
import { after, it } from 'node:test'
import { createClock } from '../../src/kit/clock.ts'
import { botId, chatId, cid, newOrderId } from '../../src/kit/ids.ts'
import { openDatabase } from '../../src/storage/postgres/database.ts'
import { createPostgresStore } from '../../src/storage/postgres/store.ts'
import { openStrait } from '../bad-days/strait.ts'
import { until } from '../fixtures/person.ts'
import { openStorage } from '../fixtures/storage.ts'
import { createTelling } from '../fixtures/telling.ts'
import { carryOut } from './carrying-out.ts'

it('A COMMIT that is answered after 12 s leaves no job locked: its errand is executed at once, and once', async () => {
  const storage = await openStorage()
  const clock = createClock()
  const { telemetry } = createTelling(clock)
  const proxy = await openStrait(storage.url)
  const slow = openDatabase({ url: proxy.url, schema: storage.schema, maxConn: 6, clock, telemetry })
  const store = createPostgresStore({ database: slow, bot: botId(1), freeDaily: () => 5 })
  const done: string[] = []
  const working = carryOut(storage, async (errand) => {
    done.push(errand.kind)
    return 'settled'
  })
  after(async () => {
    await working.stop()
    await slow.end()
  })
  const view = { screen: 'help', text: ['hello'], keyboard: [] } as const
  const step = store.transact(storage.permit, async (tx) => {
    await tx.errands.add([
      { errand: { kind: 'show_progress', order: newOrderId(), chat: chatId(1) }, cid: cid('abc123ff') },
      { errand: { kind: 'say', chat: chatId(2), view }, cid: cid('abc123ff') },
    ])
    proxy.delay(12_000)
  })
  step.catch(() => undefined)
  try {
    const left = () => storage.rows(`select locked_by from ${storage.schema}_jobs.jobs`)
    await until(async () => done.length === 2 && (await left()).length === 0, 'both are done, and nothing is locked')
    await assert.rejects(step, /the database failed/)
    assert.deepEqual(done.sort(), ['say', 'show_progress'])
    assert.deepEqual(await left(), [])
  } finally {
    await proxy.end()
  }
})
