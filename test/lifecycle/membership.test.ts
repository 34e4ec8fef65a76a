import assert from 'node:assert/strict'
import { it } from 'node:test'
import { instanceId } from '../../src/kit/ids.ts'
import { workDuty } from '../../src/lifecycle/duties.ts'
import type { Instances } from '../../src/lifecycle/instances.ts'
import { beatTimes, Membership } from '../../src/lifecycle/membership.ts'
import { createTestClock } from '../fixtures/clock.ts'
import { createTelling } from '../fixtures/telling.ts'

/** The right to work of an instance that shares the work, by the answers of the database alone. */
function join(beat: Instances['beat'], clock = createTestClock()) {
  let isFresh = () => false
  let begun = 0
  const membership = new Membership({
    instances: {
      announce: async () => {},
      beat,
      leave: async () => {},
      silent: async () => [],
      declareDead: async () => [],
      freeLanes: async () => 0,
    },
    instance: instanceId('one'),
    work: 'shared',
    role: () => 'passive',
    duties: [
      workDuty('work', async (permit, signal) => {
        begun += 1
        isFresh = permit.isFresh
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
      }),
    ],
    clock,
    telemetry: createTelling(clock).telemetry,
    times: beatTimes,
  })
  return { clock, membership, isFresh: () => isFresh(), begun: () => begun }
}

it('An instance keeps its right to work while every answer comes two and a half seconds late', async () => {
  const clock = createTestClock()
  const { membership, isFresh, begun } = join(async () => {
    await clock.sleep(2_500)
    return true
  }, clock)
  await membership.join()
  for (let n = 0; n < 300; n++) {
    await clock.advance(100)
    assert.ok(isFresh(), `stale after ${n / 10} s`)
  }
  assert.equal(begun(), 1)
  await membership.leave()
})

it('Of beats that nobody answers only a few are under way, and the right is gone after four seconds', async () => {
  let asked = 0
  const { clock, membership, isFresh } = join(() => {
    asked += 1
    return new Promise(() => {})
  })
  await membership.join()
  await clock.advance(3_900)
  assert.ok(isFresh())
  await clock.advance(60_000)
  assert.equal(isFresh(), false)
  assert.equal(asked, 4)
  await membership.leave()
})

it('A late answer to an early beat takes back nothing of what a later beat has won', async () => {
  const answers: (() => void)[] = []
  const { clock, membership, isFresh } = join(() => new Promise((resolve) => answers.push(() => resolve(true))))
  await membership.join()
  await clock.advance(3_000)
  answers[2]?.()
  answers[0]?.()
  await clock.advance(3_900)
  assert.ok(isFresh())
  await membership.leave()
})
