import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startWorld } from '../fixtures/service.ts'
import { ordersIn } from './orders.ts'
import { describes, topsUp } from './steps.ts'

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
    assert.match(confirm.text ?? '', /⏸ Запуски ненадолго приостановлены/)
    const answer = await boris.taps('Запустить', confirm)
    assert.match(answer.text ?? '', /Запуски ненадолго приостановлены. Деньги не списаны/)
    assert.equal(countOf(boris), 0)
    await controls.setCredits(1_000)
    // A start asks at once; a running service asks again in a while.
    await world.restartService()
    await boris.taps('Запустить', confirm)
    await boris.getsPhoto()
  } finally {
    await world.end()
  }
})

test('what costs more than KIE has left for us is not sold, and what it suffices for is', async () => {
  const world = await startWorld({ expects: ['KIE_CREDITS_LOW', 'PREFLIGHT_FINDING', 'WEBHOOK_SET_RETRY'] })
  try {
    const { controls } = world
    const { countOf } = ordersIn(world)
    await controls.kie({ latency_ms: 50 })
    await controls.setCredits(3)
    await world.restartService()
    const anna = await world.person('Анна')
    await topsUp(anna)
    const dear = await describes(anna, 'Nano Banana Pro', 'дорогая')
    assert.match(dear.text ?? '', /⏸ Эта модель сейчас не запускается/)
    const answer = await anna.taps('Запустить', dear)
    assert.match(answer.text ?? '', /Деньги не списаны: выберите другую/)
    assert.equal(countOf(anna), 0)
    const cheap = await describes(anna, 'Z-Image', 'дешёвая')
    assert.doesNotMatch(cheap.text ?? '', /⏸/)
    await anna.taps('Запустить', cheap)
    await anna.getsPhoto()
  } finally {
    await world.end()
  }
})
