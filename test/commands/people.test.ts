import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createPerson, type Person, until } from '../fixtures/person.ts'
import { openShop, type Running, type Shop, trt } from './shop.ts'

/** An operator looks at a person and their order, helps with money, and keeps somebody out; the books stay right. */
let shop: Shop
let running: Running
let anna: Person
before(async () => {
  shop = await openShop()
  await shop.controls.kie({ latency_ms: 50 })
  running = await shop.start()
  anna = await createPerson(shop.controls, { first_name: 'Анна', language_code: 'ru', username: 'anna' })
  await anna.says('/start')
  await anna.taps('Картинки и дизайн')
  await anna.taps('Z-Image')
  await anna.sees(/Что понадобится/)
  await anna.says('кот')
  await anna.taps('Запустить')
  await anna.getsPhoto()
})
after(async () => {
  await running.stop()
  await shop.end()
})

const trtIn = (...words: string[]) => trt(words, shop.env)
const show = async () => (await trtIn('people', 'show', String(anna.id))).out

describe('orders show', () => {
  it('tells an order, what moved for it, and where its whole story is', async () => {
    const id = /trt orders show (\w{12})/.exec(await show())?.[1] ?? ''
    await until(async () => (await trtIn('orders', 'show', id)).out.includes('completed'), 'the order is completed')
    const { code, out } = await trtIn('orders', 'show', id)
    assert.equal(code, 0)
    assert.match(out, new RegExp(`^order {5}${id}\\nstatus {4}completed\\nperson {4}${anna.id}\\noffer {5}z-image`))
    assert.match(out, /\nprice {5}1 free\n/)
    assert.match(out, /\ndelivered 1 of 1\n/)
    assert.match(out, /hold 1 free {2}person:.* → shop:holds\nmoney .* capture 1 free {2}shop:holds → shop:income\n/)
    const cid = /Everything of it: trt story ([0-9a-f]{8})\n$/.exec(out)?.[1] ?? ''
    assert.match((await trtIn('story', cid)).out, new RegExp(`order .*${id}`))
  })

  it('says of an order of a newer program that this one is too old for it', async () => {
    const id = /trt orders show (\w{12})/.exec(await show())?.[1] ?? ''
    const setVersion = (version: string) =>
      shop.sql(`update orders set body = jsonb_set(body, '{version}', $2::jsonb) where id = $1`, [id, version])
    await setVersion('3')
    try {
      const { code, err } = await trtIn('orders', 'show', id)
      assert.equal(code, 1)
      assert.match(err, /^This program is too old for it: order \w{12} cannot be read: it is of version 3/)
    } finally {
      await setVersion('2')
    }
  })

  it('knows an id that is none from one that is not here', async () => {
    assert.match((await trtIn('orders', 'show', 'x')).err, /its twelve symbols/)
    assert.match((await trtIn('orders', 'show', '000000000000')).err, /There is no order 000000000000 here/)
  })
})

describe('people show', () => {
  it('tells who it is, what they have, and what they ordered', async () => {
    const out = await show()
    assert.match(out, new RegExp(`^person {4}${anna.id} Анна @anna\\nlanguage {2}ru\\n`))
    assert.match(out, /\nbalance {3}0\.00 RUB\nfree {6}4 today, 0 without a day\n/)
    assert.match(out, /\norder .* {2}z-image {2}1 free\n/)
  })

  it('says so of somebody who never wrote', async () => {
    const { code, err } = await trtIn('people', 'show', '5')
    assert.deepEqual([code, err], [1, 'Nobody with the id 5 has written to this bot.\n'])
  })
})

describe('people credit', () => {
  const credit = (...words: string[]) => trtIn('people', 'credit', String(anna.id), ...words)

  it('gives roubles and free generations, each with its reason in the books', async () => {
    assert.match(
      (await credit('--rub', '12.50', '--why', 'испорченная картинка')).out,
      /has 12\.50 RUB more, as gift:operator:\w+:испорченная картинка/,
    )
    assert.match((await credit('--free', '3', '--why', 'a promise')).out, /has 3 free more/)
    const out = await show()
    assert.match(out, /\nbalance {3}12\.50 RUB\nfree {6}4 today, 3 without a day\n/)
    assert.match(out, /\nmoney .* {2}gift 12\.50 RUB {2}cid=[0-9a-f]{8}\n/)
    assert.equal((await trtIn('ledger', 'verify')).code, 0)
  })

  it('gives once for a key, whatever reason is typed the second time', async () => {
    assert.equal((await credit('--rub', '1', '--why', 'ticket', '--key', 'ticket-7')).code, 0)
    const again = await credit('--rub', '1', '--why', 'another word', '--key', 'ticket-7')
    assert.equal(again.code, 0)
    assert.match(again.out, /was given 1\.00 RUB \(ticket\) at 20.* under this key, and nothing again/)
    const more = await credit('--rub', '2', '--why', 'ticket', '--key', 'ticket-7')
    assert.equal(more.code, 1)
    assert.match(more.err, /ticket-7 is of another gift: \d+ was given 1\.00 RUB \(ticket\).*\n.*another key\.\n$/)
    // Another key that begins alike is another key.
    assert.match((await credit('--rub', '1', '--why', 'ticket', '--key', 'ticket-')).out, /more, as gift/)
    assert.match(await show(), /\nbalance {3}14\.50 RUB\n/)
  })

  it('gives nothing that is not a sum, has no reason, or is for nobody', async () => {
    const wrong = [
      ['--rub', '0', '--why', 'xxx'],
      ['--rub', '1.005', '--why', 'xxx'],
      ['--rub', '100001', '--why', 'xxx'],
      ['--rub=-5', '--why', 'xxx'],
      ['--free', '1.5', '--why', 'xxx'],
      ['--free', '5', '--rub', '5', '--why', 'xxx'],
      ['--rub', '5'],
      ['--rub', '5', '--why', 'x'],
      ['--rub', '5', '--why', 'xxx', '--key', 'a:b'],
    ]
    for (const words of wrong) {
      const { code, out } = await credit(...words)
      assert.deepEqual([words, code, out], [words, 1, ''])
    }
    assert.equal((await trtIn('people', 'credit', '5', '--rub', '5', '--why', 'xxx')).code, 1)
    assert.match(await show(), /\nbalance {3}14\.50 RUB\n/)
  })

  it('says that it gave only when the database has kept it', async () => {
    await shop.sql(`create function fail_at_commit() returns trigger language plpgsql
      as $$ begin raise exception 'no room at the commit'; end $$`)
    await shop.sql(`create constraint trigger fails after insert on gifts_by_hand deferrable initially deferred
      for each row execute function fail_at_commit()`)
    try {
      const { code, out, err } = await credit('--rub', '99', '--why', 'xxx')
      assert.deepEqual([code, out], [1, ''])
      assert.match(err, /no room at the commit/)
    } finally {
      await shop.sql('drop function fail_at_commit cascade')
    }
  })
})

describe('people block', () => {
  it('keeps somebody out until they are let in again', async () => {
    assert.equal((await trtIn('people', 'block', String(anna.id))).code, 0)
    assert.match(await show(), /\nblocked {3}by the operator, 20/)
    await anna.says('/start')
    await anna.sees((message) => !/Картинки/.test(JSON.stringify(message.reply_markup ?? '')))
    assert.equal((await trtIn('people', 'unblock', String(anna.id))).code, 0)
    assert.doesNotMatch(await show(), /blocked {3}by/)
    await anna.says('/start')
    await anna.sees(/Картинки и дизайн/)
  })
})
