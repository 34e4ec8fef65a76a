import assert from 'node:assert/strict'
import { after, it } from 'node:test'
import { startWorld } from '../fixtures/service.ts'
import { ofOrder, ordersIn } from './orders.ts'

/** An operator hears of orders that bring nothing, and finds out why. */
const operatorId = 7_000_000_001
const world = await startWorld({ env: { ADMIN_ID: String(operatorId) } })
after(() => world.end())
const { controls, log } = world

it('three orders in a row that KIE fails are told to the operator once, in words to act on, and end with a delivered one', async () => {
  const { places, isGivenBack, isPaidOnce } = ordersIn(world)
  const operator = await world.person('Ольга')
  assert.equal(operator.id, operatorId)
  await operator.says('/start')
  await operator.sees(/Картинки и дизайн/)
  await controls.kie({ latency_ms: 50, outcome: 'fail', fail_code: '500', fail_msg: 'The generator is out of order' })
  const cids: string[] = []
  await operator.hears(async () => {
    for (const prompt of ['кот', 'пёс', 'сова']) {
      const placed = await places(prompt)
      const told = await isGivenBack(placed, /взялась за заказ, но не справилась/)
      assert.doesNotMatch(told.text ?? '', /out of order/, 'these words are for operators')
      cids.push(String((await log.until('LOSS_RECORDED', ofOrder(placed.order)))['cid']))
    }
  })
  const alert = await operator.sees(/LOSS_RECORDED/)
  const [head, says, run] = (alert.text ?? '').split('\n')
  assert.equal(head, '⚠️ LOSS_RECORDED (sandbox)')
  assert.match(
    says ?? '',
    /^3 orders in a row had losses, with no order delivered whole in between: KIE accepted the task and said later that it had failed\. It began with cid=\w{8}; the last answer was: KIE said of task \w+: 500 The generator is out of order$/,
  )
  assert.equal(run, `Run: trt losses --cause task_failed; trt story ${cids[0]}`)
  const health = await fetch(`${world.serviceUrl()}/health`)
  const { problems, losses } = (await health.json()) as Record<string, unknown>
  assert.deepEqual(problems, ['losses'])
  assert.deepEqual(Object.entries((losses as { by_cause: object }).by_cause), [
    ['task_failed', { count: 3, credits: 0, kopecks: 3 * 255 }],
  ])
  await controls.kie({ latency_ms: 50, outcome: null, fail_code: null, fail_msg: null })
  await isPaidOnce(await places('рыба'))
  assert.equal((await operator.looks()).filter(({ text = '' }) => text.startsWith('⚠️')).length, 1)
})
