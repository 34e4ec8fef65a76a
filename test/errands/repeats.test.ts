import assert from 'node:assert/strict'
import { it } from 'node:test'
import { StorageFault } from '../../src/faults.ts'
import { createClock } from '../../src/kit/clock.ts'
import { chatId, cid, newOrderId } from '../../src/kit/ids.ts'
import { until } from '../fixtures/person.ts'
import { openStorage } from '../fixtures/storage.ts'
import { carryOut } from './carrying-out.ts'

/** How often an errand was repeated is kept with it, on the real engine. */
const storage = await openStorage()
const { store, permit, rows, schema } = storage
const jobs = `${schema}_jobs._private_jobs`

it('an errand knows how often it came again: counted by itself, as the errand says, and when it throws', async () => {
  const clock = createClock()
  const seen: number[] = []
  const again = { againAt: clock.now() }
  const running = carryOut(storage, async (_, { repeats }) => {
    seen.push(repeats)
    switch (seen.length) {
      case 1:
      case 2:
        return again
      case 3:
        // A wait that Telegram asked for is no repeat.
        return { ...again, repeats }
      case 4:
        throw new StorageFault('the database is no fault of the errand')
      case 5:
        throw new Error('a bug of ours')
      case 6:
        // What goes by a plan begins anew.
        return { ...again, repeats: 0 }
      default:
        return 'settled'
    }
  })
  await store.transact(permit, (tx) =>
    tx.errands.add([{ errand: { kind: 'show_progress', order: newOrderId(), chat: chatId(1) }, cid: cid('abc123ff') }]),
  )
  await until(async () => {
    // What failed waits for the engine's own time.
    await rows(`update ${jobs} set run_at = now() where locked_at is null`)
    return (await rows(`select from ${jobs}`)).length === 0
  }, 'it is settled')
  await running.stop()
  assert.deepEqual(seen, [0, 1, 2, 2, 2, 3, 0])
})
