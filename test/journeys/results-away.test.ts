import assert from 'node:assert/strict'
import { test } from 'node:test'
import { later } from '../../src/kit/outcome.ts'
import { startWorld } from '../fixtures/service.ts'
import { ordersIn } from './orders.ts'
import { describes } from './steps.ts'

test('a resolver that lies ends no order: one alert, nothing is sold, and all goes on when it is mended', async () => {
  let isLying = true
  const lie = later('misresolved', 'https://files.example has no public address: it resolves to 198.18.0.5')
  const world = await startWorld({
    env: { ADMIN_ID: '7000000099' },
    expects: ['RESULTS_AWAY', 'RESULT_NOT_DELIVERED', 'OPERATOR_NOT_TOLD', 'WEBHOOK_SET_RETRY'],
    wrapPorts: (ports) => ({
      ...ports,
      artifacts: { fetch: async (url) => (isLying ? lie : await ports.artifacts.fetch(url)) },
    }),
  })
  try {
    const { controls, log } = world
    const { places, countOf } = ordersIn(world)
    await controls.kie({ latency_ms: 50 })
    const anna = await places('первый')
    await log.until('RESULTS_AWAY')
    await log.until('OPERATOR_TOLD', ({ what }) => /no public address.*Nothing is sold/s.test(String(what)))
    const boris = await world.person('Борис')
    const confirm = await describes(boris, 'Z-Image', 'второй')
    assert.match(confirm.text ?? '', /⏸ Запуски ненадолго приостановлены/)
    const answer = await boris.taps('Запустить', confirm)
    assert.match(answer.text ?? '', /Деньги не списаны/)
    assert.equal(countOf(boris), 0)
    assert.equal(log.count('HOLD_RELEASED'), 0)
    isLying = false
    await log.until('RESULTS_BACK')
    await anna.person.getsPhoto()
    await boris.taps('Запустить', confirm)
    await boris.getsPhoto()
  } finally {
    await world.end()
  }
})
