import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Lanes, type Mode } from '../../src/dispatch/lanes.ts'
import type { InboxItem } from '../../src/inbox/inbox.ts'
import { instant } from '../../src/kit/clock.ts'
import { botId, inboxId, laneOfPerson, newCid, personId } from '../../src/kit/ids.ts'

const [anna, boris] = [laneOfPerson(personId(1)), laneOfPerson(personId(2))]
const item: InboxItem = {
  bot: botId(1),
  updateId: 1,
  lane: anna,
  kind: 'message',
  cid: newCid(),
  body: '{}',
  receivedAt: instant(0),
  id: inboxId(1),
  failures: 0,
  interrupted: 0,
}
/** The shortest way to each mode. */
const ways: Readonly<Record<Mode, readonly Mode[]>> = {
  open: [],
  behind: ['behind'],
  draining: ['draining'],
  alone: ['draining', 'alone'],
}
const modes: readonly Mode[] = ['open', 'behind', 'draining', 'alone']
const drawn = [
  'open behind',
  'open draining',
  'behind open',
  'behind draining',
  'draining alone',
  'draining behind',
  'alone behind',
]

describe('the lanes', () => {
  it('go from one mode to another only as drawn', () => {
    for (const from of modes) {
      for (const to of modes) {
        const lanes = new Lanes()
        for (const mode of ways[from]) lanes.become(mode)
        if (from === to || drawn.includes(`${from} ${to}`)) {
          lanes.become(to)
          assert.equal(lanes.mode, to)
        } else {
          assert.throws(() => lanes.become(to), new RegExp(`from ${from} to ${to}`))
          assert.equal(lanes.mode, from)
        }
      }
    }
  })

  it('are occupied by one step at a time, and say when they are free whether more waits', async () => {
    const lanes = new Lanes()
    const step = Promise.withResolvers<void>()
    const frees: boolean[] = []
    assert.equal(lanes.noteMoreWaiting(anna), false)
    lanes.occupy(anna, undefined, step.promise, (isMoreWaiting) => frees.push(isMoreWaiting))
    assert.throws(() => lanes.occupy(anna, undefined, step.promise, () => {}), /is busy/)
    lanes.occupy(boris, undefined, step.promise, (isMoreWaiting) => frees.push(isMoreWaiting))
    assert.equal(lanes.noteMoreWaiting(anna), true)
    assert.deepEqual([lanes.names(), lanes.room(1)], [[anna, boris], 1], 'what arrives is no step yet')
    assert.throws(() => lanes.beginStep(anna, item), /no room is kept/)
    assert.deepEqual([lanes.reserveStep(anna, 1), lanes.reserveStep(boris, 1)], [true, false])
    lanes.beginStep(anna, item)
    assert.deepEqual([lanes.room(32), lanes.room(1), lanes.items()], [31, 0, [item]])
    step.resolve()
    await lanes.allFree()
    assert.deepEqual(frees, [true, false])
    assert.deepEqual([lanes.busy, lanes.room(32)], [0, 32])
  })
})
