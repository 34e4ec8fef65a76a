import assert from 'node:assert/strict'
import { after, afterEach, describe, it } from 'node:test'
import type { Fault } from '../fixtures/sandbox.ts'
import { startWorld } from '../fixtures/service.ts'
import { ofOrder, ordersIn } from './orders.ts'
import { describes } from './steps.ts'

/** Whatever KIE answers, a person hears what became of the order, and pays once for what they got and for nothing else. */
// A shifted clock makes everything that waits look old.
const world = await startWorld({ expects: ['KIE_REFUSED', 'INBOX_OLD', 'ERRANDS_OLD'] })
after(() => world.end())
const { controls, log } = world
const { places, isGivenBack, isPaidOnce } = ordersIn(world)
await controls.kie({ latency_ms: 50 })
afterEach(async () => {
  await controls.clearFaults()
  await controls.kie({ latency_ms: 50, callback: null, submit: null, outcome: null, state_word: null })
  await controls.kie({ results_max: null, result_list: null })
})

describe('KIE says no to a task', () => {
  const answers: readonly (readonly [string, number, RegExp])[] = [
    ['no permission (401)', 401, /Нейросеть сейчас недоступна/],
    ['no credits (402)', 402, /Нейросеть сейчас недоступна/],
    ['no such model (404)', 404, /Нейросеть сейчас недоступна/],
    ['inputs refused (422)', 422, /Нейросеть не приняла такое описание/],
    ['the key is used up (433)', 433, /Нейросеть сейчас недоступна/],
    ['a picture it cannot fetch (451)', 451, /Присланную картинку не удалось передать/],
  ]
  for (const [what, status, why] of answers) {
    it(`${what}: the person is told, and keeps the money`, async () => {
      await controls.fault({ on: 'kie', method: 'createTask', status })
      const tasksBefore = (await controls.tasks()).length
      await isGivenBack(await places(`ответ ${status}`), why)
      assert.equal((await controls.tasks()).length, tasksBefore, 'and is not asked again')
    })
  }

  it('for now, with a time (429): the order waits so long and is made', async () => {
    await controls.fault({ on: 'kie', method: 'createTask', status: 429, retry_after: 1 })
    await isPaidOnce(await places('чуть позже'))
  })

  for (const status of [455, 505]) {
    it(`for now, without a time (${status}): the person sees that the order waits, and may cancel it`, async () => {
      await controls.fault({ on: 'kie', method: 'createTask', status, times: 2 })
      const placed = await places(`когда-нибудь ${status}`)
      const { cid } = await log.until('KIE_REFUSED', ofOrder(placed.order))
      // Drawn once when it was placed, and again when it was put back.
      const drawn = () => log.count('UI_SHOWN', (shown) => shown['cid'] === cid && shown['screen_id'] === 'progress')
      await log.until('UI_SHOWN', () => drawn() > 1)
      await placed.person.sees(/Передаю заказ нейросети[\s\S]*Пока заказ не передан, его можно отменить/)
      await placed.person.taps('Отменить')
      await isGivenBack(placed, /Вы отменили заказ до отправки/)
    })
  }
})

describe('KIE does not say whether it took a task', () => {
  const silences: readonly (readonly [string, Fault])[] = [
    ['HTML', { on: 'kie', method: 'createTask', status: 502 }],
    ['HTML with status 200', { on: 'kie', method: 'createTask', status: 200, description: 'html' }],
    ['500', { on: 'kie', method: 'createTask', status: 500 }],
    ['503 of a gateway', { on: 'kie', method: 'createTask', status: 503 }],
  ]
  it('the person is told so; KIE is not asked twice; at the deadline everything is given back', async () => {
    const placed = []
    for (const [what, fault] of silences) {
      await controls.fault(fault)
      const one = await places(`без ответа: ${what}`)
      await one.person.sees(/Связь прервалась, и я пока не знаю, принят ли заказ/)
      placed.push(one)
    }
    world.expects('ORDER_UNCERTAIN')
    world.shiftClock(16 * 60_000)
    for (const { order } of placed) await log.until('ORDER_RELEASED', ofOrder(order))
    world.shiftClock(0)
    for (const one of placed) await isGivenBack(one, /Нейросеть так и не подтвердила, что приняла заказ/)
    const tasks = await controls.tasks()
    assert.equal(tasks.filter(({ input }) => String(input['prompt']).startsWith('без ответа')).length, 0)
  })

  it('but did: its callback brings the order’s own reference, and the picture comes', async () => {
    await controls.kie({ latency_ms: 300, submit: 'lost_answer' })
    const placed = await places('ответ потерян')
    await isPaidOnce(placed)
    const tasks = await controls.tasks()
    assert.equal(tasks.filter(({ input }) => input['prompt'] === 'ответ потерян').length, 1)
  })

  it('and a result that comes after the deadline is a gift', async () => {
    await controls.kie({ latency_ms: 60_000, submit: 'lost_answer' })
    const placed = await places('подарок')
    await placed.person.sees(/Связь прервалась/)
    world.shiftClock(16 * 60_000)
    await log.until('ORDER_RELEASED', ofOrder(placed.order))
    world.shiftClock(0)
    await isGivenBack(placed, /так и не подтвердила/)
    await controls.advance(61_000)
    const receipt = await placed.person.getsReceipt()
    assert.match(receipt.text ?? '', /🎁 Подарок: заказ уже был закрыт без оплаты/)
    await placed.person.says('/balance')
    await placed.person.sees(/💳 50 ₽/)
  })
})

describe('a task ends', () => {
  it('in failure: the person is told why, with the code, and gets the money back at once', async () => {
    await controls.kie({ latency_ms: 50, outcome: 'fail' })
    const told = await isGivenBack(await places('не выйдет'), /Нейросеть взялась за заказ, но не справилась/)
    assert.match(told.text ?? '', /Не получилось · Seedream 5.0 Flash/)
  })

  it('refused by the content rules: the person is told so', async () => {
    await controls.kie({ latency_ms: 50, outcome: 'moderated' })
    await isGivenBack(await places('запрещённое'), /не прошёл правила нейросети о содержании/)
  })

  it('and a failed free one gives the free generation back', async () => {
    await controls.kie({ latency_ms: 50, outcome: 'fail' })
    const boris = await world.person('Борис')
    await describes(boris, 'Z-Image', 'не выйдет')
    await boris.taps('Запустить · бесплатно')
    await boris.sees(/Ничего не списано: бесплатная генерация/)
    await boris.says('/start')
    await boris.sees(/Бесплатно сегодня: 5 из 5/)
  })

  it('in a word that nobody described: it is told, taken for nothing, and asked again until KIE is understood', async () => {
    world.expects('KIE_STATE_UNRECOGNIZED', 'ERRAND_FAILED', 'EXCEPTION_CAUGHT')
    await controls.kie({ latency_ms: 50, state_word: 'teleporting' })
    const placed = await places('новое слово')
    const { raw } = await log.until('KIE_STATE_UNRECOGNIZED', ofOrder(placed.order))
    assert.match(String(raw), /"state":"teleporting"/)
    assert.equal(log.count('HOLD_CAPTURED', ofOrder(placed.order)), 0)
    assert.equal(log.count('ORDER_RELEASED', ofOrder(placed.order)), 0)
    await controls.kie({ state_word: null })
    await isPaidOnce(placed)
  })

  it('with results in a shape that nobody described: nothing is taken for a failure, and the picture comes', async () => {
    world.expects('KIE_STATE_UNRECOGNIZED', 'ERRAND_FAILED', 'EXCEPTION_CAUGHT')
    await controls.kie({ result_list: 'objects' })
    const placed = await places('новая форма')
    const { raw } = await log.until('KIE_STATE_UNRECOGNIZED', ofOrder(placed.order))
    assert.match(String(raw), /resultUrl\\":/)
    assert.equal(log.count('HOLD_CAPTURED', ofOrder(placed.order)), 0)
    assert.equal(log.count('ORDER_RELEASED', ofOrder(placed.order)), 0)
    await controls.kie({ result_list: null })
    await isPaidOnce(placed)
  })

  it('with an empty list of results that is filled later: the picture comes and is paid', async () => {
    await controls.kie({ results_max: 0 })
    const placed = await places('сейчас будет')
    await log.until('KIE_TASK_OBSERVED', (seen) => ofOrder(placed.order)(seen) && seen['state'] === 'empty')
    assert.equal(log.count('ORDER_RELEASED', ofOrder(placed.order)), 0)
    await controls.kie({ results_max: null })
    await isPaidOnce(placed)
  })

  it('with an empty list of results that stays empty: after two minutes the money goes back', async () => {
    await controls.kie({ results_max: 0 })
    const placed = await places('ничего')
    await log.until('KIE_TASK_OBSERVED', (seen) => ofOrder(placed.order)(seen) && seen['state'] === 'empty')
    world.shiftClock(2 * 60_000)
    await log.until('ORDER_RELEASED', ofOrder(placed.order))
    world.shiftClock(0)
    await isGivenBack(placed, /Нейросеть взялась за заказ, но не справилась/)
  })

  it('in silence: it is given back after a day, the person is told, and a result that comes all the same is a gift', async () => {
    await controls.kie({ latency_ms: 20 * 24 * 3600 * 1000 })
    const placed = await places('молчание')
    await placed.person.sees(/Заказ принят|Рисую|в очереди/)
    world.shiftClock(25 * 3600 * 1000)
    await log.until('ORDER_RELEASED', ofOrder(placed.order))
    world.shiftClock(0)
    await isGivenBack(placed, /Нейросеть приняла заказ и замолчала/)
    // It was made all the same, long after: nobody pays for it, and nobody is kept from it.
    const task = (await controls.tasks()).find(({ input }) => input['prompt'] === 'молчание')
    await controls.endTask(task?.id ?? '', { state: 'success' })
    const receipt = await placed.person.getsReceipt()
    assert.match(receipt.text ?? '', /🎁 Подарок: заказ уже был закрыт без оплаты/)
    assert.equal(log.count('HOLD_CAPTURED', ofOrder(placed.order)), 0)
    await placed.person.says('/balance')
    await placed.person.sees(/💳 50 ₽/)
  })
})
