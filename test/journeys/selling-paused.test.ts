import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startWorld } from '../fixtures/service.ts'
import { ordersIn } from './orders.ts'
import { describes } from './steps.ts'

test('without credits at KIE nothing is sold, and people are told before they pay; with credits it goes on', async () => {
  const world = await startWorld({
    expects: ['KIE_REFUSED', 'SELLING_PAUSED', 'KIE_CREDITS_LOW', 'WEBHOOK_SET_RETRY'],
  })
  try {
    const { controls, log } = world
    const { places, isGivenBack, countOf } = ordersIn(world)
    await controls.kie({ latency_ms: 50 })
    await controls.setCredits(0)
    await isGivenBack(await places('первый'), /Нейросеть сейчас недоступна/)
    await log.until('SELLING_PAUSED')
    const boris = await world.person('Борис')
    const confirm = await describes(boris, 'Z-Image', 'второй')
    await boris.taps('Запустить', confirm)
    await boris.sees(/Запуски ненадолго приостановлены. Деньги не списаны/)
    assert.equal(countOf(boris), 0)
    await controls.setCredits(1_000)
    // A start asks at once; a running service asks again in a while.
    await world.restartService()
    await boris.taps('Запустить')
    await boris.getsPhoto()
  } finally {
    await world.end()
  }
})
