import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createPerson, type Person, until } from '../fixtures/person.ts'
import { describes, topsUp } from '../journeys/steps.ts'
import { openShop, type Running, type Shop, trt } from './shop.ts'

/** An operator gives money back by hand: kopecks of an order, Stars of a payment, each once, with a reason. */
let shop: Shop
let running: Running
before(async () => {
  shop = await openShop({ FREE_DAILY: '0' })
  await shop.controls.kie({ latency_ms: 50 })
  running = await shop.start()
})
after(async () => {
  await running.stop()
  assert.match((await trt(['ledger', 'verify'], shop.env)).out, /The books are right/)
  await shop.end()
})

const refund = (...words: string[]) => trt(['refund', ...words], shop.env)
const meet = (name: string) => createPerson(shop.controls, { first_name: name, language_code: 'ru' })
const why = ['--why', 'испорченная картинка'] as const
const callsOf = async (method: string) => (await shop.controls.calls(method)).length

async function buys(person: Person): Promise<{ readonly order: string; readonly cid: string }> {
  await describes(person, 'Z-Image', 'кот')
  await person.taps('Запустить · 0,63 ₽')
  await person.getsPhoto()
  await person.sees(/✅ Готово/)
  const [row] = await shop.sql('select id, cid from orders where person = $1 order by placed_at desc limit 1', [
    person.id,
  ])
  const { id, cid } = row as { id: string; cid: string }
  return { order: id, cid }
}

async function seesBalance(person: Person, balance: RegExp): Promise<void> {
  await person.says('/balance')
  await person.sees(balance)
}

describe('refund order', () => {
  it('gives the kopecks back once, however many type it at once, and says so with the reason', async () => {
    const anna = await meet('Анна')
    await topsUp(anna)
    const { order, cid } = await buys(anna)
    await anna.hears(async () => {
      const ended = await Promise.all(Array.from({ length: 8 }, () => refund('order', order, ...why)))
      assert.deepEqual([...new Set(ended.map(({ code }) => code))], [0])
      assert.equal(ended.filter(({ out }) => out.startsWith(`0.63 RUB of order ${order} went back`)).length, 1)
      assert.equal(ended.filter(({ out }) => out.includes('was given back before, and nothing again')).length, 7)
    })
    await anna.sees(/Вернул 0,63 ₽ за заказ. На балансе 50 ₽[\s\S]*Причина: испорченная картинка/)
    assert.equal((await anna.looks()).filter(({ text }) => text?.includes('Причина')).length, 1)
    await seesBalance(anna, /💳 50 ₽/)
    const { out: story } = await trt(['story', cid], shop.env)
    assert.match(story, /refund 63 RUB .*order=/)
    assert.match(story, new RegExp(`refund {2}order ${order} done why=испорченная картинка`))
    assert.match((await trt(['orders', 'show', order], shop.env)).out, /^status {4}refunded$/m)
  })

  it('changes nothing of an order that runs, that was never charged, or that is not there', async () => {
    const boris = await meet('Борис')
    await topsUp(boris)
    await shop.controls.kie({ latency_ms: 600_000 })
    await describes(boris, 'Z-Image', 'кот')
    await boris.taps('Запустить · 0,63 ₽')
    await until(async () => (await shop.controls.tasks()).at(-1)?.state !== 'success', 'the task runs')
    await shop.controls.kie({ latency_ms: 50 })
    const [row] = await shop.sql('select id from orders where person = $1', [boris.id])
    const { id } = row as { id: string }
    const early = await refund('order', id, ...why)
    assert.equal(early.code, 1)
    assert.match(early.err, /is still under way/)
    const task = (await shop.controls.tasks()).at(-1)?.id ?? ''
    await boris.hears(() => shop.controls.endTask(task, { state: 'fail', fail_code: '500', fail_msg: 'no' }))
    await boris.sees(/Ничего не списано/)
    const late = await refund('order', id, ...why)
    assert.equal(late.code, 1)
    assert.match(late.err, /was never charged/)
    assert.match((await refund('order', 'abcdefghjkmn', ...why)).err, /There is no order abcdefghjkmn/)
    assert.deepEqual(await shop.sql('select 1 from refunds where id = $1', [id]), [])
  })

  it('wants to know what and why, and knows every word', async () => {
    for (const words of [
      [],
      ['order'],
      ['order', 'abcdefghjkmn'],
      ['order', 'abcdefghjkmn', '--why', 'x'],
      ['order', 'abcdefghjkmn', '--why', 'a\u001b[31m red'],
      ['order', 'abcdefghjkmn', 'more', ...why],
      ['order', 'abcdefghjkmn', '--force', ...why],
      ['payment', ...why],
      ['payment', 'c', '--forse', ...why],
      ['everything', 'c', ...why],
    ]) {
      const { code, err } = await refund(...words)
      assert.equal(code, 1, words.join(' '))
      assert.notEqual(err, '')
    }
  })
})

describe('refund payment', () => {
  it('gives the Stars back once, and takes what they bought, however many type it at once', async () => {
    const vera = await meet('Вера')
    const charge = await topsUp(vera)
    const callsBefore = await callsOf('refundStarPayment')
    await vera.hears(async () => {
      const ended = await Promise.all(Array.from({ length: 8 }, () => refund('payment', charge, ...why)))
      assert.deepEqual([...new Set(ended.map(({ code }) => code))], [0], ended.map(({ all }) => all).join(''))
    })
    await vera.sees(/вернул вам 80 ⭐[\s\S]*На балансе 0 ₽[\s\S]*Причина: испорченная картинка/)
    await seesBalance(vera, /💳 0 ₽/)
    const again = await refund('payment', charge, ...why)
    assert.equal(again.code, 0)
    assert.match(again.out, /were given back before, and nothing again/)
    const [row] = await shop.sql('select state, cid from refunds where id = $1', [charge])
    const { state, cid } = row as { state: string; cid: string }
    assert.equal(state, 'done')
    const { out: story } = await trt(['story', cid], shop.env)
    assert.match(story, new RegExp(`credit 5000 RUB .* charge=${charge}`))
    assert.match(story, new RegExp(`payment ${charge} done why=`))
    assert.ok((await callsOf('refundStarPayment')) > callsBefore)
    assert.equal((await vera.looks()).filter(({ text }) => text?.includes('вернул вам 80')).length, 1)
  })

  it('refuses what is spent, and with --force makes a debt that the next money pays', async () => {
    const gleb = await meet('Глеб')
    const charge = await topsUp(gleb)
    await buys(gleb)
    const spent = await refund('payment', charge, ...why)
    assert.equal(spent.code, 1)
    assert.match(spent.err, /It bought 50\.00 RUB, and 49\.37 RUB are left[\s\S]*--force/)
    await gleb.hears(async () => {
      assert.equal((await refund('payment', charge, '--force', ...why)).code, 0)
    })
    await gleb.sees(/На балансе 0 ₽[\s\S]*0,63 ₽ списать не вышло/)
    await topsUp(gleb)
    await seesBalance(gleb, /💳 49,37 ₽/)
  })

  it('is done when Telegram did it and its answer was lost: its list is asked, and nothing is repeated', async () => {
    const dina = await meet('Дина')
    const charge = await topsUp(dina)
    const [callsBefore, listsBefore] = [await callsOf('refundStarPayment'), await callsOf('getStarTransactions')]
    await shop.controls.fault({ on: 'telegram', method: 'refundStarPayment', after_execution: true })
    await dina.hears(() => refund('payment', charge, ...why))
    await dina.sees(/вернул вам 80 ⭐/)
    const isDone = async () =>
      (await shop.sql(`select 1 from refunds where id = $1 and state = 'done'`, [charge])).length
    await until(async () => (await isDone()) === 1, 'the refund is done')
    await until(async () => (await callsOf('getStarTransactions')) === listsBefore + 1, 'the list is asked')
    assert.equal(await callsOf('refundStarPayment'), callsBefore + 1)
  })

  it('is tried again when Telegram did not do it and did not say so', async () => {
    const egor = await meet('Егор')
    const charge = await topsUp(egor)
    await shop.controls.fault({ on: 'telegram', method: 'refundStarPayment', status: 502 })
    await egor.hears(() => refund('payment', charge, ...why))
    await egor.sees(/вернул вам 80 ⭐/)
    assert.ok((await callsOf('getStarTransactions')) > 0)
  })

  it('that Telegram refuses is told to the operator, moves nothing, and can be asked again', async () => {
    const zoya = await meet('Зоя')
    const charge = await topsUp(zoya)
    await shop.controls.fault({
      ...{ on: 'telegram', method: 'refundStarPayment', status: 400 },
      description: 'Bad Request: BALANCE_TOO_LOW',
    })
    assert.equal((await refund('payment', charge, ...why)).code, 0)
    const told = () =>
      running.lines().some((line) => line.includes('OPERATOR_TOLD') && line.includes('BALANCE_TOO_LOW'))
    await until(told, 'the operator is told')
    await seesBalance(zoya, /💳 50 ₽/)
    await zoya.hears(() => refund('payment', charge, ...why))
    await zoya.sees(/вернул вам 80 ⭐/)
  })

  it('knows nothing of a charge that was never credited', async () => {
    const { code, err } = await refund('payment', 'stx-of-nobody', ...why)
    assert.equal(code, 1)
    assert.match(err, /No payment with the charge stx-of-nobody/)
  })
})
