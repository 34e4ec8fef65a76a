import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startWorld } from '../fixtures/service.ts'
import { describes, topsUp } from './steps.ts'

/** Payments and refunds on their odd ways, as the person meets them. */
const world = await startWorld({ env: { FREE_DAILY: '0' } })
after(() => world.end())
const { controls } = world
await controls.kie({ latency_ms: 600_000 })

test('Stars that come back while their money is held: what the failed order gives back pays what is owed', async () => {
  const anna = await world.person('Анна')
  const charge = await topsUp(anna)
  await describes(anna, 'Z-Image', 'кот в долг')
  await anna.taps('Запустить · 0,63 ₽')
  await anna.sees(/Z-Image[\s\S]*(работ|очеред|Передаю|Принято)/i)
  await anna.isRefunded(charge)
  await anna.sees(/Telegram вернул вам 80 ⭐[\s\S]*На балансе 0 ₽[\s\S]*0,63 ₽ списать не вышло/)

  const [task] = (await controls.tasks()).slice(-1)
  await anna.hears(() => controls.endTask(task?.id ?? '', { state: 'fail', fail_code: '500', fail_msg: 'no' }))
  await anna.sees(/Ничего не списано[\s\S]*0,63 ₽ закрыли долг за возвращённые звёзды/)
  await anna.says('/balance')
  await anna.sees(/💳 0 ₽/)
  await topsUp(anna)
  await anna.says('/balance')
  await anna.sees(/💳 50 ₽/)
})

test('six quick taps on one amount make one invoice, and another amount one of its own', async () => {
  const boris = await world.person('Борис')
  await boris.says('/balance')
  await boris.taps('Пополнить')
  const amounts = await boris.sees(/100 ₽/)
  const answers = await boris.tapsAtOnce(/^100 ₽/, 6, amounts)
  assert.deepEqual(answers.map(({ text }) => text).sort(), [
    ...Array(5).fill('Счёт на эту сумму уже в чате'),
    'Счёт — следующим сообщением',
  ])
  const first = await boris.sees(({ invoice }) => invoice?.total_amount === 160)
  await boris.taps(/^50 ₽/, amounts)
  await boris.sees(({ invoice }) => invoice?.total_amount === 80)
  const invoices = async () => (await boris.looks()).filter(({ invoice }) => invoice !== undefined).length
  assert.equal(await invoices(), 2)

  await boris.pays('pay', first)
  await boris.sees(/Зачислено 100 ₽/)
  await boris.taps(/^100 ₽/, amounts)
  await boris.sees(({ invoice }) => invoice?.total_amount === 160)
  assert.equal(await invoices(), 3, 'what is paid is a wish of its own')
})
