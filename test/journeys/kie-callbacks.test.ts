import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { startWorld } from '../fixtures/service.ts'
import { ofOrder, ordersIn, type Placed } from './orders.ts'

/** A callback of KIE is a doorbell: however often, late or falsely it rings, the picture comes once and is paid once. */
const world = await startWorld({ expects: ['KIE_CALLBACK_REFUSED'] })
after(() => world.end())
const { controls, log } = world
const { places, isGivenBack, isPaidOnce } = ordersIn(world)
afterEach(async () => {
  await controls.clearFaults()
  await controls.kie({ callback: null, outcome: null })
})

describe('a callback of KIE', () => {
  const modes = ['never', 'duplicate', 'late', 'forged'] as const
  const placed = new Map<string, Placed>()
  before(async () => {
    for (const callback of modes) {
      await controls.kie({ latency_ms: 50, callback })
      const one = await places(`callback ${callback}`)
      await log.until('KIE_TASK_CREATED', ofOrder(one.order))
      placed.set(callback, one)
    }
  })
  for (const callback of modes) {
    it(`that comes ${callback}: the picture comes once and is paid once`, async () => {
      const one = placed.get(callback)
      assert.ok(one)
      await isPaidOnce(one)
    })
  }

  it('that claims success for a task that failed is not believed', async () => {
    await controls.kie({ latency_ms: 300, callback: 'forged', outcome: 'fail' })
    await isGivenBack(await places('ложь'), /не справилась/)
  })

  it('with a reference that we did not sign is refused, and one with a body of another order moves nothing', async () => {
    await controls.kie({ latency_ms: 60_000 })
    const [mine, other] = [await places('мой заказ'), await places('чужой заказ')]
    await log.until('KIE_TASK_CREATED', ofOrder(mine.order))
    await log.until('KIE_TASK_CREATED', ofOrder(other.order))
    const [task, foreign] = (await controls.tasks()).slice(-2)
    assert.ok(task?.callback_url && foreign)
    const ring = (url: string, body: string) =>
      fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    const success = (id: string) =>
      JSON.stringify({
        code: 200,
        data: { taskId: id, state: 'success', resultJson: '{"resultUrls":["https://evil.invalid/x.png"]}' },
      })
    const forgedUrl = task.callback_url.replace(/.$/, (last) => (last === 'a' ? 'b' : 'a'))
    assert.equal((await ring(forgedUrl, success(task.id))).status, 404)
    assert.equal((await ring(`${task.callback_url}x`, success(task.id))).status, 404)
    const looksBefore = log.count('KIE_TASK_OBSERVED', ofOrder(mine.order))
    for (const body of [success(foreign.id), success('no-such-task'), 'not JSON', '', '[]', '{"data":7}']) {
      assert.equal((await ring(task.callback_url, body)).status, 200)
    }
    await log.until('KIE_TASK_OBSERVED', (fields) => {
      return ofOrder(mine.order)(fields) && log.count('KIE_TASK_OBSERVED', ofOrder(mine.order)) > looksBefore
    })
    assert.equal(log.count('HOLD_CAPTURED', ofOrder(mine.order)), 0)
    await controls.advance(61_000)
    for (const each of [mine, other]) await isPaidOnce(each)
  })

  it('that comes ten thousand times wakes one look every two seconds, and no more', async () => {
    await controls.kie({ latency_ms: 60_000 })
    const placed = await places('десять тысяч звонков')
    await log.until('KIE_TASK_CREATED', ofOrder(placed.order))
    const { callback_url: url = '', id } = (await controls.tasks()).at(-1) ?? {}
    const body = JSON.stringify({ code: 200, data: { taskId: id } })
    const started = performance.now()
    let left = 10_000
    const statuses = new Map<number, number>()
    await Promise.all(
      Array.from({ length: 100 }, async () => {
        while (left > 0) {
          left -= 1
          const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
          await answer.arrayBuffer()
          statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
        }
      }),
    )
    await controls.endTask(String(id), { state: 'success' })
    await isPaidOnce(placed)
    const elapsedMs = performance.now() - started
    assert.deepEqual([...statuses], [[200, 10_000]])
    const looks = log.count('KIE_TASK_OBSERVED', ofOrder(placed.order))
    // The poll's own looks are as rare; the first and the last stand at the ends.
    assert.ok(looks <= 2 * (elapsedMs / 2_000) + 3, `${looks} looks in ${Math.round(elapsedMs)} ms`)
  })
})

describe('KIE answers a look', () => {
  it('with HTML, an error, or not at all: it is asked again, and the picture comes', async () => {
    await controls.kie({ latency_ms: 50, callback: 'never' })
    await controls.fault({ on: 'kie', method: 'recordInfo', status: 502 })
    await controls.fault({ on: 'kie', method: 'recordInfo', status: 500 })
    await controls.fault({ on: 'kie', method: 'recordInfo', after_execution: true })
    await isPaidOnce(await places('неясные ответы'))
  })
})
