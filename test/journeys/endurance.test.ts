import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { connectOnce } from '../../src/storage/postgres/database.ts'
import { until } from '../fixtures/person.ts'
import { startWorld } from '../fixtures/service.ts'
import { ordersIn } from './orders.ts'
import { describes, getsFreePicture, topsUp } from './steps.ts'

/** What outlives a stop, a reset, a block, and a change of mind. */
// Telegram takes one webhook a second, and this service is started again more often than that.
const world = await startWorld({ expects: ['WEBHOOK_SET_RETRY'] })
after(() => world.end())
const { controls, log } = world
const { newestOf } = ordersIn(world)
await controls.kie({ latency_ms: 50 })

test('a chat goes on where it was after the service was stopped and started again', async () => {
  const anna = await world.person('Анна')
  await topsUp(anna)
  const confirm = await describes(anna, 'Z-Image', 'мост через реку')
  await world.restartService()
  await anna.taps('Запустить', confirm)
  const receipt = await anna.getsReceipt()
  assert.match(receipt.text ?? '', /мост через реку\n\nБесплатно, осталось 4/)
  await anna.says('/balance')
  await anna.sees(/50 ₽/)
})

test('what is sent while the service is down is handled when it is back, and the last of it is on the screen', async () => {
  const boris = await world.person('Борис')
  await boris.says('/start')
  const menu = await boris.sees(/Привет/)
  await world.stopService()
  await boris.says('/help')
  await boris.says('/balance')
  await boris.tapsAndGoes('Картинки и дизайн', menu)
  const [help, balance, tap] = (await controls.updates('pending')).map(({ update_id }) => update_id)
  await world.startService()
  // The tap may overtake the messages at Telegram; what it brings is handled in the order in which it came.
  const screens = new Map([
    [help, /^Как это работает\n/],
    [balance, /^Баланс\n/],
    [tap, /^🎨 Картинки и дизайн\n/],
  ])
  assert.equal(screens.size, 3, 'three updates waited')
  const screenOf = new Map<unknown, RegExp>()
  for (const [id, screen] of screens) {
    const { cid } = await log.until('UPDATE_RECEIVED', ({ update_id }) => update_id === id)
    await log.until('DISPATCH_OK', (fields) => fields['cid'] === cid)
    screenOf.set(cid, screen)
  }
  const last = log.events.findLast(({ event, fields }) => event === 'DISPATCH_OK' && screenOf.has(fields['cid']))
  await boris.sees(screenOf.get(last?.fields['cid']) ?? assert.fail())
})

test('an order that runs while the service is stopped is delivered when it is back', async () => {
  const vera = await world.person('Вера')
  await controls.kie({ latency_ms: 60_000, callback: 'never' })
  await describes(vera, 'Z-Image', 'башня')
  await vera.taps('Запустить')
  await vera.sees(/Заказ принят|Рисую|в очереди/)
  await world.restartService()
  await controls.advance(60_000)
  await vera.getsPhoto()
  await controls.kie({ latency_ms: 50, callback: null })
})

test('after a reset of the sandbox the service goes on, and serves new people', async () => {
  const gleb = await world.person('Глеб')
  await getsFreePicture(gleb, 'лес')
  await gleb.sees(/✅ Готово/)
  await controls.reset()
  await controls.kie({ latency_ms: 50 })
  const daria = await world.person('Дарья')
  await getsFreePicture(daria, 'поле')
})

test('an order is cancelled while it has not been handed over, and what it took comes back', async () => {
  const egor = await world.person('Егор')
  await topsUp(egor)
  world.expects('KIE_REFUSED')
  await controls.fault({ on: 'kie', method: 'createTask', status: 429, times: 2 })
  await describes(egor, 'Seedream 5.0 Flash', 'горы')
  await egor.taps('Запустить · 2,55 ₽')
  await egor.sees(/Пока заказ не передан, его можно отменить[\s\S]*\[✖️ Отменить\]/)
  const placed = await newestOf(egor)
  await log.until('KIE_REFUSED', ({ order_id: order }) => order === placed)
  const answer = await egor.taps('Отменить')
  assert.equal(answer.text, 'Отменено, ничего не списано: 2,55 ₽ снова на балансе.')
  await egor.sees(/Отменено · Seedream 5.0 Flash[\s\S]*Вы отменили заказ до отправки/)
  await egor.says('/balance')
  await egor.sees(/💳 50 ₽/)
  await controls.clearFaults()
  assert.equal((await controls.tasks()).filter(({ input }) => input['prompt'] === 'горы').length, 0)
})

test('an order that runs cannot be cancelled: its progress stops, its result comes and is paid', async () => {
  const zoya = await world.person('Зоя')
  await topsUp(zoya)
  await controls.kie({ latency_ms: 1_500 })
  await describes(zoya, 'Seedream 5.0 Flash', 'озеро')
  await zoya.taps('Запустить · 2,55 ₽')
  await zoya.sees(/отменить его нельзя: результат придёт сам/)
  const answer = await zoya.taps('Не показывать ход')
  assert.match(answer.text ?? '', /Ход больше не показываю. Заказ уже в работе: результат придёт сам/)
  await zoya.sees(/Ход не показываю. Результат придёт сюда сам/)
  const receipt = await zoya.getsReceipt()
  assert.match(receipt.text ?? '', /Оплачено 2,55 ₽, на балансе 47,45 ₽/)
  await controls.kie({ latency_ms: 50 })
})

test('a price that is older than half an hour is not run: it is shown anew, and then it is', async () => {
  const kira = await world.person('Кира')
  const confirm = await describes(kira, 'Z-Image', 'старый замок')
  world.expects('INBOX_OLD', 'ERRANDS_OLD')
  world.shiftClock(31 * 60_000)
  await kira.taps('Запустить', confirm)
  await kira.sees(/Цена действовала 30 минут, и время вышло[\s\S]*\[Запустить · бесплатно\]/)
  world.shiftClock(0)
  await kira.taps('Запустить')
  const receipt = await kira.getsReceipt()
  assert.match(receipt.text ?? '', /старый замок/)
})

test('a picture for somebody who blocked the bot is kept, and comes when they are back', async () => {
  const ivan = await world.person('Иван')
  world.expects('RESULT_NOT_DELIVERED', 'UI_NOT_SHOWN')
  await controls.kie({ latency_ms: 60_000 })
  await describes(ivan, 'Z-Image', 'маяк')
  await ivan.taps('Запустить')
  await ivan.sees(/Заказ принят|Рисую|в очереди/)
  const order = await newestOf(ivan)
  await ivan.blocks()
  await controls.advance(60_000)
  await log.until('RESULT_NOT_DELIVERED', (fields) => fields['order_id'] === order)
  assert.equal(
    log.count('HOLD_CAPTURED', (fields) => fields['order_id'] === order),
    0,
    'kept, and not paid',
  )
  await ivan.unblocks()
  const receipt = await ivan.getsReceipt()
  assert.match(receipt.text ?? '', /маяк/)
  await log.until('HOLD_CAPTURED', (fields) => fields['order_id'] === order)
  await controls.kie({ latency_ms: 50 })
})

test('a picture for somebody who blocked the bot for more than a week is paid, and comes when they are back', async () => {
  const oleg = await world.person('Олег')
  world.expects('RESULT_NOT_DELIVERED', 'UI_NOT_SHOWN')
  await controls.kie({ latency_ms: 60_000 })
  await describes(oleg, 'Z-Image', 'мельница')
  await oleg.taps('Запустить')
  await oleg.sees(/Заказ принят|Рисую|в очереди/)
  const order = await newestOf(oleg)
  const ofIt = (fields: { readonly [name: string]: unknown }) => fields['order_id'] === order
  await oleg.blocks()
  await controls.advance(60_000)
  await log.until('RESULT_NOT_DELIVERED', ofIt)
  await until(() => isPutOff(order), 'it is tried again hours later')
  await weekPasses(order)
  await log.until('ORDER_COMPLETED', ofIt)
  assert.equal(log.count('RESULT_DELIVERED', ofIt), 0)
  await oleg.unblocks()
  await oleg.getsPhoto()
  const receipt = await oleg.getsReceipt()
  assert.match(receipt.text ?? '', /мельница\n\nБесплатно/)
  assert.equal(log.count('HOLD_CAPTURED', ofIt), 1)
  await controls.kie({ latency_ms: 50 })
})

async function sql(text: string, values: readonly unknown[]): Promise<number> {
  const client = await connectOnce({ url: world.databaseUrl, schema: world.schema, owner: 'test' })
  try {
    return (await client.query(text, [...values])).rowCount ?? 0
  } finally {
    await client.end()
  }
}

const isPutOff = async (order: string): Promise<boolean> => {
  const later = `select 1 from ${world.schema}_jobs._private_jobs
    where key = 'deliver:' || $1 and run_at > now() + interval '1 hour'`
  return (await sql(later, [order])) === 1
}

/** The result of this order was made seven and a half days earlier, and is tried again now. */
async function weekPasses(order: string): Promise<void> {
  await sql(
    `update orders set body = jsonb_set(body, '{order,producedAt}', to_jsonb((body #>> '{order,producedAt}')::bigint - $2::bigint))
      where id = $1`,
    [order, 7.5 * 24 * 3_600_000],
  )
  await sql(`update ${world.schema}_jobs._private_jobs set run_at = now() where key = 'deliver:' || $1`, [order])
}
