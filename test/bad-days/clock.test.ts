import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { StorageFault } from '../../src/faults.ts'
import type { Ports } from '../../src/ports.ts'
import { until } from '../fixtures/person.ts'
import { startWorld, type World } from '../fixtures/service.ts'
import { describes, getsFreePicture } from '../journeys/steps.ts'

/**
 * The machine's clock is set back by an hour while the service runs. Nothing waits for that hour to pass again, nothing
 * runs hot until it has, and nobody is shown a negative time.
 */
const anHourMs = 3_600_000

test('a clock that is set back by an hour', async (t) => {
  let failNext = 0
  const world = await startWorld({ wrapPorts: (ports) => failing(ports, () => failNext-- > 0) })
  t.after(() => world.end())
  world.expects('DISPATCH_FAIL', 'EXCEPTION_CAUGHT', 'UI_NOT_SHOWN', 'PREFLIGHT_FINDING')
  const { log, controls } = world
  const anna = await world.person('Анна')

  await t.test('brings the picture that is being made, and asks KIE no more often than before', async () => {
    await controls.kie({ latency_ms: 2_500 })
    await describes(anna, 'Z-Image', 'маяк в тумане')
    await anna.taps('Запустить')
    await log.until('KIE_TASK_CREATED')
    world.shiftClock(-anHourMs)
    const looksBefore = log.count('KIE_TASK_OBSERVED')
    try {
      await anna.getsPhoto()
    } finally {
      world.shiftClock(0)
    }
    const looks = log.count('KIE_TASK_OBSERVED') - looksBefore
    assert.ok(looks <= 4, `${looks} looks at a task that took 2.5 s`)
  })

  await t.test('handles an update that was put off a moment before', async () => {
    // The first update of somebody new is handled in a transaction.
    const boris = await world.person('Борис')
    failNext = 1
    await boris.says('/start')
    await log.until('DISPATCH_FAIL')
    world.shiftClock(-anHourMs)
    await boris.sees(/Картинки и дизайн/)
  })

  await t.test('draws for a chat that Telegram told to wait a moment before', async () => {
    world.shiftClock(0)
    await controls.fault({ on: 'telegram', method: 'sendMessage', status: 429, retry_after: 2 })
    await anna.says('/start')
    await log.until('UI_NOT_SHOWN', ({ reason_code: why }) => why === 'RATE_LIMIT')
    world.shiftClock(-anHourMs)
    await anna.sees(/Картинки и дизайн/)
  })

  await t.test('takes and does everything else as always, keeps its role, and shows nothing negative', async () => {
    await controls.kie({ latency_ms: 50 })
    await anna.says('/help')
    await anna.sees(/\[🏠/)
    await getsFreePicture(anna, 'сова на ветке')
    // By then the figures have been read with the new time.
    await until(async () => (await healthOf(world)).inbox.pending === 0, 'nothing waits')
    const { text, mode, lock_acquired: leads, problems } = await healthOf(world)
    assert.deepEqual({ mode, leads, problems }, { mode: 'active', leads: true, problems: [] })
    assert.doesNotMatch(text, /:-\d/)
    const metrics = await (await fetch(`${world.serviceUrl()}/metrics`)).text()
    assert.deepEqual(
      metrics.split('\n').filter((line) => /^trt_\S* -/.test(line)),
      [],
    )
    assert.deepEqual(
      log.lines.filter((line) => /_(ms|s)=-/.test(line)),
      [],
    )
    assert.doesNotMatch(anna.print(), /[-−]\d+ ?(с|мин|ч|s|min|h)\b/)
    assert.equal(log.count('LOCK_LOST'), 0)
    assert.equal(log.count('ACTIVE_ENTER'), 1)
  })

  await t.test('draws for a chat that Telegram told to wait, by whoever works next', async () => {
    world.shiftClock(0)
    await controls.fault({ on: 'telegram', method: 'sendMessage', status: 429, retry_after: 2 })
    const before = log.count('UI_NOT_SHOWN')
    await anna.says('/start')
    await log.until('UI_NOT_SHOWN', () => log.count('UI_NOT_SHOWN') > before)
    world.shiftClock(-anHourMs)
    await world.restartService()
    await anna.says('/help')
    await anna.sees(/\[🏠/)
  })
})

/** Steps of updates find the database gone when they look up who speaks. */
const failing = (ports: Ports, fails: () => boolean): Ports => ({
  ...ports,
  store: {
    ...ports.store,
    transact: (permit, work) =>
      ports.store.transact(permit, (tx) => {
        const lock: typeof tx.sessions.lock = async (chat) => {
          if (fails()) throw new StorageFault('the database failed in a step', { cause: new Error('a test') })
          return await tx.sessions.lock(chat)
        }
        return work({ ...tx, sessions: { ...tx.sessions, lock } })
      }),
  },
})

const healthShape = z.looseObject({
  mode: z.string(),
  lock_acquired: z.boolean(),
  problems: z.array(z.string()),
  inbox: z.looseObject({ pending: z.number() }),
})

async function healthOf(world: World) {
  const text = await (await fetch(`${world.serviceUrl()}/health`)).text()
  return { ...healthShape.parse(JSON.parse(text)), text }
}
