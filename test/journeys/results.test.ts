import assert from 'node:assert/strict'
import { after, afterEach, describe, it } from 'node:test'
import { connectOnce } from '../../src/storage/postgres/database.ts'
import { labelsOf, type Person, until } from '../fixtures/person.ts'
import { startWorld } from '../fixtures/service.ts'
import { ofOrder, ordersIn } from './orders.ts'
import { describes, topsUp } from './steps.ts'

/** Results that cannot be had, for a moment or for ever: what arrived is paid, the rest goes back, and both are said. */
const world = await startWorld({ expects: ['RESULT_NOT_DELIVERED', 'RESULT_LOST'] })
const db = await connectOnce({ url: world.databaseUrl, schema: world.schema, owner: 'test' })
after(async () => {
  await db.end()
  await world.end()
})
const { controls, log } = world
const { places, isGivenBack, isPaidOnce, newestOf } = ordersIn(world)
const usual = { latency_ms: 50, result_url: null, dead_result: null, results_max: null } as const
await controls.kie(usual)
afterEach(async () => {
  await controls.kie(usual)
})
const hourMs = 3_600_000

/** Somebody with fifty roubles orders four pictures of one description, for 15.09 ₽. */
async function ordersFour(prompt: string) {
  const person = await world.person('Анна')
  await topsUp(person)
  await describes(person, 'Wan 2.7 Image', prompt)
  await person.taps('Изменить')
  await person.taps(/Сколько|Количество|Вариант/)
  await person.says('4')
  await person.taps(/✅ Готово/)
  await person.taps('Запустить · 15,09 ₽')
  return { person, order: await newestOf(person) }
}

/** Everything that this look found is written down. */
async function isLookedForLater(order: string): Promise<void> {
  const waits = `select from ${world.schema}_jobs._private_jobs
    where key = 'deliver:' || $1 and locked_at is null and run_at > now()`
  await until(async () => (await db.query(waits, [order])).rowCount === 1, 'it is looked for again later')
}

/** What could not be fetched of this order was refused so much earlier; between two looks at it. */
async function ages(order: string, ms: number): Promise<void> {
  await isLookedForLater(order)
  await db.query(
    `update orders set body = jsonb_set(body, '{order,artifacts}', (
       select jsonb_agg(case when each ? 'refusedAt'
                then each || jsonb_build_object('refusedAt', (each ->> 'refusedAt')::bigint - $2::bigint) else each end
              order by position)
         from jsonb_array_elements(body #> '{order,artifacts}') with ordinality as artifacts (each, position)))
      where id = $1`,
    [order, ms],
  )
}

const photosOf = (person: Person) => person.chat().filter(({ from, photo }) => from === 'bot' && photo !== undefined)

describe('the address of a result', () => {
  for (const [result_url, what] of [
    ['forbidden', 'says 403'],
    ['html', 'gives a page'],
  ] as const) {
    it(`${what}: the person is told that it is looked for, and after an hour gets the money back`, async () => {
      await controls.kie({ result_url })
      const placed = await places(`адрес ${result_url}`)
      await placed.person.sees(/файл пока не открывается.*не откроется — верну деньги/)
      assert.equal(log.count('ORDER_RELEASED', ofOrder(placed.order)), 0)
      await ages(placed.order, hourMs)
      await log.until('ORDER_RELEASED', ofOrder(placed.order))
      const { text } = await isGivenBack(placed, /Не получилось · Seedream 5.0 Flash[\s\S]*прислать её не удалось/)
      assert.match(text ?? '', /если файл откроется, пришлю его бесплатно/)
      assert.equal(photosOf(placed.person).length, 0)
    })
  }

  it('gives more than Telegram takes: the person gets the money back at once', async () => {
    await controls.kie({ result_url: 'huge' })
    const placed = await places('огромная')
    const { text } = await isGivenBack(placed, /прислать её не удалось: файл не открывается/)
    assert.doesNotMatch(text ?? '', /если файл откроется/)
  })

  it('says 404 for longer than ten seconds: the picture comes all the same, and is paid once', async () => {
    await controls.kie({ result_url: 'forbidden' })
    const placed = await places('скоро откроется')
    const refusals = () => log.count('RESULT_NOT_DELIVERED', ofOrder(placed.order))
    await until(() => refusals() > 0)
    await ages(placed.order, 11_000)
    const before = refusals()
    await until(() => refusals() > before)
    await controls.kie({ result_url: null })
    await isPaidOnce(placed)
  })
})

describe('one of four results', () => {
  it('is dead: the others come, the receipt says so, and after an hour its share goes back', async () => {
    await controls.kie({ dead_result: 2 })
    const { person, order } = await ordersFour('четыре, из них одна мёртвая')
    const receipt = await person.sees(/🖼 Пришло 3 из 4\.\nЕщё одну картинку ищу: её файл пока не открывается\. Спишу/)
    assert.deepEqual(labelsOf(receipt), ['🔄 Ещё раз', '✏️ Изменить и повторить', '📄 Оригинал файлом', '🏠 Меню'])
    assert.ok(
      photosOf(person).every((photo) => photo.message_id < receipt.message_id),
      'the receipt is the last message',
    )
    assert.equal(photosOf(person).length, 3)
    assert.equal(log.count('HOLD_CAPTURED', ofOrder(order)), 0)
    await ages(order, hourMs)
    const { price, given_back } = await log.until('HOLD_CAPTURED', ofOrder(order))
    assert.deepEqual([price, given_back], ['11.31RUB', '3.78RUB'])
    const settled = await person.sees(/🖼 Пришло 3 из 4\.\nОплачено 11,31 ₽, вернул 3,78 ₽, на балансе 38,69 ₽/)
    assert.equal(settled.message_id, receipt.message_id, 'the same message')
    await person.sees(/✅ Готово · 11,31 ₽/)
  })

  it('comes while the three after it are dead for a moment: all come in the end, and all are paid', async () => {
    await controls.fault({ on: 'kie', method: '/kie/files/', delay_ms: 1, times: 1 })
    await controls.fault({ on: 'kie', method: '/kie/files/', status: 404, description: 'html', times: 6 })
    const { person, order } = await ordersFour('после первой тишина')
    const receipt = await person.sees(/🖼 Пришло 1 из 4\.\nЕщё 3 картинки ищу: их файлы пока не открываются/)
    const settled = await person.sees(/Оплачено 15,09 ₽, на балансе 34,91 ₽/)
    assert.equal(settled.message_id, receipt.message_id)
    assert.equal(photosOf(person).length, 4)
    assert.equal(log.count('HOLD_CAPTURED', ofOrder(order)), 1)
  })

  it('is dead for a moment: it comes after the others, and all four are paid', async () => {
    await controls.kie({ dead_result: 4 })
    const { person, order } = await ordersFour('четыре, одна попозже')
    const receipt = await person.sees(/🖼 Пришло 3 из 4/)
    await controls.kie({ dead_result: null })
    const settled = await person.sees(/Оплачено 15,09 ₽, на балансе 34,91 ₽/)
    assert.equal(settled.message_id, receipt.message_id)
    assert.equal(photosOf(person).length, 4)
    assert.equal(log.count('HOLD_CAPTURED', ofOrder(order)), 1)
  })

  it('is looked for while the person goes on: the menu is a message of its own, and the receipt stays', async () => {
    await controls.kie({ dead_result: 1 })
    const { person, order } = await ordersFour('ищется')
    const receipt = await person.sees(/🖼 Пришло 3 из 4/)
    await isLookedForLater(order)
    await person.taps('Меню', receipt)
    await person.sees(/Главное меню|Привет/)
    const kept = person.chat().find(({ message_id }) => message_id === receipt.message_id)
    assert.match(kept?.text ?? '', /Пришло 3 из 4/)
    await controls.kie({ dead_result: null })
    await person.sees(/Оплачено 15,09 ₽/)
  })
})

it('two results for four that were ordered: half is paid, half goes back, and both are said', async () => {
  await controls.kie({ results_max: 2 })
  const { person, order } = await ordersFour('четыре, а вышло две')
  const receipt = await person.sees(/🖼 Пришло 2 из 4\.\nОплачено 7,54 ₽, вернул 7,55 ₽, на балансе 42,46 ₽/)
  assert.ok(photosOf(person).every((photo) => photo.message_id < receipt.message_id))
  const { given_back } = await log.until('HOLD_CAPTURED', ofOrder(order))
  assert.equal(given_back, '7.55RUB')
  await person.says('/history')
  await person.taps('Wan 2.7')
  await person.sees(/Цена: 7,54 ₽/)
})
