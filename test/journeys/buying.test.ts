import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createClock } from '../../src/kit/clock.ts'
import { botId, chatId, kieTaskId, newCid, newOrderId, newQuoteId, offerId, personId } from '../../src/kit/ids.ts'
import { shopDayAt } from '../../src/money/shop-day.ts'
import type { Order } from '../../src/orders/order.ts'
import { connectOnce } from '../../src/storage/postgres/database.ts'
import { createPostgresLedger } from '../../src/storage/postgres/ledger.ts'
import { createPostgresOrders } from '../../src/storage/postgres/orders.ts'
import { sqlOf } from '../../src/storage/postgres/store.ts'
import { labelsOf } from '../fixtures/person.ts'
import { startWorld } from '../fixtures/service.ts'
import { describes, getsFreePicture, opens, topsUp } from './steps.ts'

/** A stranger's way from /start to a picture that is paid for, and what can happen to the money on it. */
const world = await startWorld()
after(() => world.end())
const { controls, log } = world
await controls.kie({ latency_ms: 50 })

/** A moment as Telegram's own client would see it: the balance in words. */
async function balanceOf(person: Awaited<ReturnType<typeof world.person>>): Promise<string> {
  await person.says('/balance')
  const { text = '' } = await person.sees(/^(Баланс|Balance)\n/)
  return /💳 (.*)/.exec(text)?.[1] ?? ''
}

test('a stranger gets a free picture in five taps and messages', async () => {
  const anna = await world.person('Анна')
  await anna.says('/start')
  await anna.sees(/Привет, Анна[\s\S]*Бесплатно сегодня: 5 из 5/)
  await anna.taps('Картинки и дизайн')
  await anna.taps('Z-Image')
  await anna.sees(/Что понадобится: описание/)
  await anna.says('кот в скафандре')
  const confirm = await anna.sees(/Цена: бесплатно. После запуска останется 4/)
  const answer = await anna.taps('Запустить · бесплатно')
  assert.equal(answer.text, 'Запускаю')
  const { message, bytes } = await anna.getsPhoto()
  const receipt = await anna.getsReceipt()
  assert.equal(receipt.text, 'Z-Image\n\nкот в скафандре\n\nБесплатно, осталось 4 генерации')
  assert.ok(receipt.message_id > message.message_id, 'the receipt is the last message')
  assert.deepEqual(labelsOf(receipt), ['🔄 Ещё раз', '✏️ Изменить и повторить', '📄 Оригинал файлом', '🏠 Меню'])
  assert.ok(bytes.length > 1_000)
  const progress = await anna.sees(/✅ Готово/)
  assert.equal(progress.message_id, confirm.message_id, 'the message of the confirm screen became the progress message')
  const task = (await controls.tasks()).at(-1)
  assert.equal(task?.input['prompt'], 'кот в скафандре')
})

test('the same in English, for whoever has an English Telegram', async () => {
  const bob = await world.person('Bob', { language: 'en' })
  await bob.says('/start')
  await bob.sees(/Bob[\s\S]*Free today: 5 of 5/)
  await bob.taps('Pictures and design')
  await bob.taps('Z-Image')
  await bob.sees(/What it needs: a description/)
  await bob.says('a cat in a space suit')
  await bob.sees(/Price: free/)
  await bob.taps('Run · free')
  const receipt = await bob.getsReceipt()
  assert.match(receipt.text ?? '', /^Z-Image\n\na cat in a space suit\n\nFree, 4 .*left$/)
})

test('when all free pictures are used the price is offered, and only a top-up and a tap pay it', async () => {
  const vera = await world.person('Вера')
  for (let n = 1; n <= 5; n++) {
    const { text = '' } = await getsFreePicture(vera, `кот номер ${n}`)
    assert.match(text, n < 5 ? new RegExp(`Бесплатно, остал(ось|ась) ${5 - n} `) : /бесплатные на сегодня закончились$/)
  }
  const tasksBefore = (await controls.tasks()).length

  const short = await describes(vera, 'Z-Image', 'кот номер 6')
  assert.match(short.text ?? '', /Бесплатные на сегодня закончились, поэтому цена обычная/)
  assert.match(short.text ?? '', /Цена: 0,63 ₽\nБаланс: 0 ₽ — не хватает 0,63 ₽/)
  assert.ok(!labelsOf(short).some((label) => label.startsWith('Запустить')), 'nothing to run without money')

  await vera.taps('Пополнить на 50 ₽')
  const invoice = await vera.sees((message) => message.invoice !== undefined)
  assert.equal(invoice.invoice?.total_amount, 80)
  assert.equal(invoice.invoice?.currency, 'XTR')
  const paid = await vera.pays()
  assert.equal(paid.outcome, 'paid')
  await vera.sees(/Зачислено 50 ₽. На балансе 50 ₽/)

  await vera.taps('К оформлению заказа')
  await vera.sees(/кот номер 6[\s\S]*Цена: 0,63 ₽\nБаланс: 50 ₽, после запуска 49,37 ₽/)
  assert.equal((await controls.tasks()).length, tasksBefore, 'nothing was started by the payment')
  await vera.taps('Запустить · 0,63 ₽')
  const receipt = await vera.getsReceipt()
  assert.equal(receipt.text, 'Z-Image\n\nкот номер 6\n\nОплачено 0,63 ₽, на балансе 49,37 ₽')
  assert.equal(await balanceOf(vera), '49,37 ₽')
})

test('when the free pictures are used up between the price and the run, the person is asked again, and nothing is taken', async () => {
  const nina = await world.person('Нина')
  await topsUp(nina)
  await describes(nina, 'Z-Image', 'кот на рассвете')
  const confirm = await nina.sees(/Цена: бесплатно/)
  await useUpFreeOf(nina)
  const tasksBefore = (await controls.tasks()).length

  await nina.taps('Запустить · бесплатно', confirm)
  const asked = await nina.sees(/Бесплатные генерации на сегодня закончились. Ничего не запущено/)
  assert.match(asked.text ?? '', /кот на рассвете[\s\S]*Цена: 0,63 ₽\nБаланс: 50 ₽, после запуска 49,37 ₽/)
  assert.equal((await controls.tasks()).length, tasksBefore)
  assert.equal(await balanceOf(nina), '50 ₽')

  await describes(nina, 'Z-Image', 'кот на рассвете')
  await nina.taps('Запустить · 0,63 ₽')
  const receipt = await nina.getsReceipt()
  assert.match(receipt.text ?? '', /Оплачено 0,63 ₽, на балансе 49,37 ₽/)
})

/** As if five orders had been placed and delivered meanwhile by other ways. */
async function useUpFreeOf(person: Awaited<ReturnType<typeof world.person>>): Promise<void> {
  const client = await connectOnce({ url: world.databaseUrl, schema: world.schema, owner: 'test' })
  try {
    const ledger = createPostgresLedger(sqlOf(client), { bot: botId(7000001), freeDaily: () => 5 })
    const at = createClock().now()
    const day = shopDayAt(at, 'Europe/Moscow')
    for (let n = 0; n < 5; n++) {
      const entry = { order: newOrderId(), at, cid: newCid() }
      const price = { unit: 'GEN', count: 1 } as const
      const held = await ledger.hold({ ...entry, person: personId(person.id), price, day })
      assert.equal(held.kind, 'held')
      await ledger.capture(entry)
      const order: Order = {
        ...{
          status: 'completed',
          id: entry.order,
          person: personId(person.id),
          chat: chatId(person.id),
          cid: entry.cid,
        },
        ...{ offer: offerId('an-offer'), model: 'maker/model', values: {}, price, day, placedAt: at },
        ...{
          task: kieTaskId('a-task'),
          submittedAt: at,
          producedAt: at,
          artifacts: [],
          completedAt: at,
        },
      }
      await createPostgresOrders(sqlOf(client)).add(order, newQuoteId())
    }
  } finally {
    await client.end()
  }
}

test('an invoice that is declined or abandoned takes nothing, and stays open', async () => {
  const gleb = await world.person('Глеб')
  await gleb.says('/balance')
  await gleb.taps('Пополнить')
  await gleb.taps('100 ₽ ·')
  const invoice = await gleb.sees((message) => message.invoice !== undefined)
  assert.equal((await gleb.pays('decline', invoice)).outcome, 'declined')
  assert.equal((await gleb.pays('abandon', invoice)).outcome, 'abandoned')
  assert.equal(await balanceOf(gleb), '0 ₽')
  assert.equal((await gleb.pays('pay', invoice)).outcome, 'paid')
  await gleb.sees(/Зачислено 100 ₽/)
})

test('an amount of one’s own is taken as it was typed, and a senseless one is asked again', async () => {
  const egor = await world.person('Егор')
  await egor.says('/balance')
  await egor.taps('Пополнить')
  for (const senseless of ['49', '50001', '-100', 'сто', '1e3']) {
    await egor.says(senseless)
    await egor.sees(/от 50 до 50 000/)
  }
  await egor.says('123')
  const { invoice } = await egor.sees((message) => message.invoice !== undefined)
  assert.equal(invoice?.total_amount, 197, '123 × 1.6, rounded up')
})

test('one invoice can be paid once; a second time is refused before anything is paid', async () => {
  const kira = await world.person('Кира')
  await kira.says('/balance')
  await kira.taps('Пополнить')
  await kira.taps('50 ₽ ·')
  const invoice = await kira.sees((message) => message.invoice !== undefined)
  assert.equal((await kira.pays('pay', invoice)).outcome, 'paid')
  await kira.sees(/На балансе 50 ₽/)
  const again = await kira.pays('pay', invoice)
  assert.equal(again.outcome, 'refused')
  assert.match(again.error_message ?? '', /уже оплачен/)
  assert.equal(await balanceOf(kira), '50 ₽')
})

test('Stars that Telegram gives back by itself leave the balance, and what was spent of them stays a debt', async () => {
  const lev = await world.person('Лев')
  const charge = await topsUp(lev)
  assert.equal(await balanceOf(lev), '50 ₽')
  await lev.isRefunded(charge)
  await log.until('OPERATOR_TOLD', ({ what }) => String(what).includes(charge))
  assert.equal(await balanceOf(lev), '0 ₽')

  const second = await topsUp(lev)
  await opens(lev, 'Seedream 5.0 Flash')
  await lev.says('маяк в шторм')
  await lev.taps('Запустить · 2,55 ₽')
  await lev.getsPhoto()
  await lev.isRefunded(second)
  await log.until('OPERATOR_TOLD', ({ what }) => String(what).includes(second))
  assert.equal(await balanceOf(lev), '0 ₽')
  // The debt of 2.55 is paid first.
  await lev.says('/balance')
  await lev.taps('Пополнить')
  await lev.taps('50 ₽ ·')
  await lev.pays()
  await lev.sees(/На балансе 47,45 ₽/)
})

test('two people side by side see and pay only their own', async () => {
  const [ira, oleg] = await Promise.all([world.person('Ира'), world.person('Олег', { language: 'en' })])
  await Promise.all([topsUp(ira), getsFreePicture(oleg, 'a lighthouse')])
  await Promise.all([getsFreePicture(ira, 'маяк'), topsUp(oleg)])
  assert.equal(await balanceOf(ira), '50 ₽')
  const seenByIra = (await ira.looks()).map(({ text }) => text ?? '').join('\n')
  assert.match(seenByIra, /маяк/)
  assert.doesNotMatch(seenByIra, /lighthouse/)
  await ira.says('/history')
  const history = await ira.sees(/Мои картинки/)
  assert.equal(labelsOf(history).filter((label) => label.includes('Z-Image')).length, 1)
})
