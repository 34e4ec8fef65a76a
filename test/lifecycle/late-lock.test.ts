import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { Held } from '../../src/lifecycle/leadership.ts'
import { Lifecycle } from '../../src/lifecycle/lifecycle.ts'
import { createTestClock } from '../fixtures/clock.ts'
import { createTelling } from '../fixtures/telling.ts'

/** An authority that takes its time: the leadership is given when the test says so, and to nobody who has left. */
function setup() {
  const clock = createTestClock()
  const { telemetry, events } = createTelling(clock)
  const given = Promise.withResolvers<Held>()
  const seen: string[] = []
  const lifecycle = new Lifecycle({
    leadership: {
      async acquire(_signal, onWaiting) {
        onWaiting({ instance: 'other', since: '2026-01-12T12:00:00.000Z' })
        return await given.promise
      },
    },
    leadershipName: { backend: 'postgres', key: 'test' },
    duties: [
      {
        name: 'work',
        run: (_, signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true })),
      },
    ],
    onRole: (role) => seen.push(role),
    clock,
    telemetry,
  })
  lifecycle.start()
  const give = () =>
    given.resolve({
      epoch: 7,
      how: 'takeover',
      waitedMs: 3_600_000,
      isFresh: () => true,
      lost: new Promise(() => {}),
      release: async () => {
        seen.push('released')
        return 'released'
      },
    })
  return { clock, lifecycle, seen, events, give }
}
const settled = async () => {
  for (let turns = 0; turns < 5; turns++) await turn()
}

describe('a leadership that is given late', () => {
  it('makes this instance ACTIVE in that moment, however long it waited: nobody holds it and stands by', async () => {
    const { clock, lifecycle, seen, give } = setup()
    await clock.advance(3_600_000)
    assert.deepEqual(seen, ['passive'])
    give()
    await settled()
    assert.deepEqual(seen, ['passive', 'active'])
    assert.equal(lifecycle.epoch, 7)
    await lifecycle.stop()
  })

  it('in the middle of a stop, is given back', async () => {
    const { lifecycle, seen, events, give } = setup()
    await settled()
    const stopping = lifecycle.stop()
    await settled()
    give()
    await stopping
    assert.equal(lifecycle.role, 'stopped')
    assert.equal(seen.at(-1), 'released')
    assert.deepEqual(events('LOCK_RELEASED'), ['LOCK_RELEASED'])
  })
})
