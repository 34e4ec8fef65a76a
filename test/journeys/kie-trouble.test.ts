import assert from 'node:assert/strict'
import { after, afterEach, describe, it } from 'node:test'
import type { Message, Person } from '../fixtures/person.ts'
import type { Fault } from '../fixtures/sandbox.ts'
import { startWorld } from '../fixtures/service.ts'
import { describes, topsUp } from './steps.ts'

/** Whatever KIE does, a person hears what became of the order, and pays once for what they got and for nothing else. */
const world = await startWorld({ expects: ['KIE_REFUSED'] })
after(() => world.end())
const { controls, log } = world
await controls.kie({ latency_ms: 50 })
afterEach(async () => {
  await controls.clearFaults()
  await controls.kie({ latency_ms: 50, callback: null, submit: null, outcome: null, result_url: null })
})

/** Somebody with money presses the button that costs 0.63 ₽ or 2.55 ₽; gives them and their order. */
async function places(prompt: string, model = 'Seedream 5.0 Flash'): Promise<{ person: Person; order: string }> {
  const person = await world.person('Анна')
  await topsUp(person)
  await describes(person, model, prompt)
  await person.taps('Запустить')
  const mine = new Set(
    log.events
      .filter(({ event, fields }) => event === 'UPDATE_RECEIVED' && fields['user_id'] === person.id)
      .map(({ fields }) => String(fields['cid'])),
  )
  const placed = await log.until('ORDER_PLACED', ({ cid }) => mine.has(String(cid)))
  return { person, order: String(placed['order_id']) }
}

const ofOrder = (order: string) => (fields: { readonly [name: string]: unknown }) => fields['order_id'] === order

/** The order ended without a charge: the person was told why and with which code, and has all of their money. */
async function isGivenBack(placed: { person: Person; order: string }, why: RegExp): Promise<Message> {
  const { person, order } = placed
  const told = await person.sees(why)
  const { cid } = await log.until('HOLD_RELEASED', ofOrder(order))
  assert.match(told.text ?? '', /Ничего не списано: 2,55 ₽ снова на балансе\./)
  assert.match(told.text ?? '', new RegExp(`Код: ${String(cid)}`))
  assert.equal(log.count('HOLD_CAPTURED', ofOrder(order)), 0)
  await person.says('/balance')
  await person.sees(/💳 50 ₽/)
  return told
}

/** The picture came, once, and was paid once. */
async function isPaidOnce({ person, order }: { person: Person; order: string }): Promise<void> {
  const { message } = await person.getsPhoto()
  assert.match(message.caption ?? '', /Оплачено 2,55 ₽, на балансе 47,45 ₽/)
  await log.until('ORDER_COMPLETED', ofOrder(order))
  await person.sees(/✅ Готово/)
  await person.says('/balance')
  await person.sees(/💳 47,45 ₽/)
  assert.equal(person.chat().filter(({ photo }) => photo).length, 1)
  assert.equal(log.count('HOLD_CAPTURED', ofOrder(order)), 1)
}

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
      await log.until('KIE_REFUSED', ofOrder(placed.order))
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
    const { message } = await placed.person.getsPhoto()
    assert.match(message.caption ?? '', /🎁 Подарок: заказ уже был закрыт без оплаты/)
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

  it('in silence: it is given back after a day, and the person is told how long was waited', async () => {
    await controls.kie({ latency_ms: 20 * 24 * 3600 * 1000 })
    const placed = await places('молчание')
    await placed.person.sees(/Заказ принят|Рисую|в очереди/)
    world.shiftClock(25 * 3600 * 1000)
    await log.until('ORDER_RELEASED', ofOrder(placed.order))
    world.shiftClock(0)
    await isGivenBack(placed, /Нейросеть приняла заказ и замолчала/)
  })
})

describe('a callback of KIE', () => {
  for (const callback of ['never', 'duplicate', 'late', 'forged'] as const) {
    it(`that comes ${callback}: the picture comes once and is paid once`, async () => {
      await controls.kie({ latency_ms: 50, callback })
      await isPaidOnce(await places(`callback ${callback}`))
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
    world.expects('KIE_CALLBACK_REFUSED')
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
