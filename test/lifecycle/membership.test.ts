import assert from 'node:assert/strict'
import { it } from 'node:test'
import { instanceId } from '../../src/kit/ids.ts'
import { workDuty } from '../../src/lifecycle/duties.ts'
import type { Beat, Instances } from '../../src/lifecycle/instances.ts'
import { beatTimes, Membership } from '../../src/lifecycle/membership.ts'
import { createTestClock } from '../fixtures/clock.ts'
import { createTelling } from '../fixtures/telling.ts'

const alive: Beat = { isAlive: true, deathMsAgo: undefined, isAlone: true }

/** The right to work of an instance, by the answers of the database alone. The beat of an announcement is answered. */
async function work(beat: Instances['beat'], clock = createTestClock()) {
  let isFresh = () => false
  let begun = 0
  let isAnnouncing = false
  const over = new AbortController()
  const membership = new Membership({
    instances: {
      announce: async () => {
        isAnnouncing = true
      },
      async beat(incarnation, role) {
        if (!isAnnouncing) return await beat(incarnation, role)
        isAnnouncing = false
        return alive
      },
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
  await membership.join()
  const working = membership.work(() => true, over.signal)
  await clock.advance(0)
  async function stop() {
    over.abort()
    await working
    await membership.leave()
  }
  return { clock, stop, isFresh: () => isFresh(), begun: () => begun }
}

it('An instance keeps its right to work while every answer comes two and a half seconds late', async () => {
  const clock = createTestClock()
  const { stop, isFresh, begun } = await work(async () => {
    await clock.sleep(2_500)
    return alive
  }, clock)
  for (let n = 0; n < 300; n++) {
    await clock.advance(100)
    assert.ok(isFresh(), `stale after ${n / 10} s`)
  }
  assert.equal(begun(), 1)
  await stop()
})

it('Of beats that nobody answers only a few are under way, and the right is gone after four seconds', async () => {
  let asked = 0
  const { clock, stop, isFresh } = await work(() => {
    asked += 1
    return new Promise(() => {})
  })
  await clock.advance(3_900)
  assert.ok(isFresh())
  await clock.advance(60_000)
  assert.equal(isFresh(), false)
  assert.equal(asked, 4)
  await stop()
})

it('A late answer to an early beat takes back nothing of what a later beat has won', async () => {
  const answers: (() => void)[] = []
  const { clock, stop, isFresh } = await work(() => new Promise((resolve) => answers.push(() => resolve(alive))))
  await clock.advance(3_000)
  answers.at(-1)?.()
  answers[0]?.()
  await clock.advance(3_900)
  assert.ok(isFresh())
  await stop()
})
