import assert from 'node:assert/strict'
import { after, before, describe, it, test } from 'node:test'
import { labelsOf, type Message, type Person, until } from '../fixtures/person.ts'
import { startWorld } from '../fixtures/service.ts'
import { ordersIn } from './orders.ts'
import { describes, getsFreePicture, picture } from './steps.ts'

/** Whatever is pressed, written or sent, at the right moment or not, is answered, and opens what it should. */
const world = await startWorld()
after(() => world.end())
const { controls, log } = world
const { countOf } = ordersIn(world)
before(() => controls.kie({ latency_ms: 50 }))

describe('a button of the predecessor, pressed on an old message, opens its screen', () => {
  const screens: Readonly<Record<string, RegExp>> = {
    'cat:image': /^🎨 Картинки и дизайн/,
    'gen_type:text-to-image': /^✍️ По описанию/,
    check_balance: /^Баланс\n/,
    topup_balance: /^Пополнение баланса/,
    back_to_menu: /Бесплатно сегодня/,
    'menu:balance': /^Баланс\n/,
    'menu:history': /^Мои картинки/,
    'menu:help': /^Как это работает/,
    my_generations: /^Мои картинки/,
    referral_info: /^Позвать друга/,
    fast_tools: /^🆓 Бесплатные модели/,
  }
  let anna: Person
  let old: Message
  before(async () => {
    anna = await world.person('Анна')
    await anna.says('/start')
    old = await anna.sees(/Привет/)
    // From here on the message is an old one: the conversation goes on below it.
    await anna.says('/language')
    await anna.sees(/На каком языке/)
  })
  for (const [data, screen] of Object.entries(screens)) {
    it(data, async () => {
      const answer = await anna.taps({ data }, old)
      assert.equal(answer.text, undefined, 'no complaint')
      await anna.sees(screen)
      await anna.says('/language')
      await anna.sees(/На каком языке/)
    })
  }
})

describe('a button that leads nowhere is answered, and the menu is shown', () => {
  const broken: Readonly<Record<string, string>> = {
    'an unknown one': 'nonsense',
    'one of another version': '2:offer:z-image',
    'one of our form with nothing behind it': '1:',
    'a forged one with a field too many': '1:home:home',
    'a forged one that tries to leave its place': '1:offer:../../etc/passwd',
    'a forged one with markup': '<b>1:home</b>',
    'one with control characters': '1:off\u0000er:\u202e',
    'one with 64 bytes of emoji': '🎨'.repeat(16),
    'an empty one': '',
  }
  for (const [what, data] of Object.entries(broken)) {
    it(what, async () => {
      const boris = await world.person('Борис')
      await boris.says('/help')
      const help = await boris.sees(/Как это работает/)
      const answer = await boris.taps({ data }, help)
      assert.equal(answer.text, 'Этой кнопки больше нет. Открываю меню.')
      await boris.sees(/Эта кнопка уже устарела[\s\S]*Картинки и дизайн/)
    })
  }

  it('one of an order that is somebody else’s', async () => {
    const [vera, gleb] = [await world.person('Вера'), await world.person('Глеб')]
    await getsFreePicture(vera, 'секрет')
    const { order_id: order } = await log.until('ORDER_COMPLETED')
    await gleb.says('/start')
    await gleb.sees(/Привет/)
    for (const act of ['order', 'again', 'edit', 'resend', 'original', 'cancel']) {
      await gleb.taps({ data: `1:${act}:${String(order)}` })
      const { text = '' } = await gleb.sees(/Такого заказа/)
      assert.doesNotMatch(text, /секрет/)
      await gleb.says('/start')
      await gleb.sees(/Привет/)
    }
  })

  it('one of a draft that has been replaced', async () => {
    const egor = await world.person('Егор')
    const first = await describes(egor, 'Z-Image', 'старое описание')
    await describes(egor, 'Seedream 3.0', 'новое описание')
    const answer = await egor.taps('Запустить', first)
    assert.equal(answer.text, 'Кнопка устарела')
    await egor.sees(/Эта кнопка уже устарела/)
    assert.equal(countOf(egor), 0)
  })
})

describe('the button that costs money', () => {
  it('pressed twice makes one order, and the second press is told so', async () => {
    const kira = await world.person('Кира')
    await controls.kie({ latency_ms: 3_000 })
    await describes(kira, 'Z-Image', 'двойное нажатие')
    const answers = await kira.tapsAtOnce('Запустить', 2)
    const texts = answers.map(({ text }) => text).toSorted()
    assert.deepEqual(texts, ['Запускаю', 'Уже запущено: один заказ, одна оплата. Результат придёт сам.'].toSorted())
    await kira.getsPhoto()
    assert.equal(countOf(kira), 1)
    await controls.kie({ latency_ms: 50 })
  })

  it('pressed fifty times at once makes one order, one task and one picture', async () => {
    const lev = await world.person('Лев')
    await describes(lev, 'Z-Image', 'пятьдесят нажатий')
    const tasksBefore = (await controls.tasks()).length
    const answers = await lev.tapsAtOnce('Запустить', 50)
    assert.equal(answers.filter(({ text }) => text === 'Запускаю').length, 1)
    assert.ok(
      answers.every(({ text }) => text !== undefined),
      'each press is told what became of it',
    )
    await until(async () => (await lev.looks()).some(({ photo }) => photo), 'the picture comes')
    assert.equal(countOf(lev), 1)
    assert.equal((await controls.tasks()).length, tasksBefore + 1)
    assert.equal(lev.chat().filter(({ photo }) => photo).length, 1)
  })

  it('pressed again after the picture came leads to its order, and takes nothing', async () => {
    const mila = await world.person('Мила')
    const confirm = await describes(mila, 'Z-Image', 'ещё раз то же')
    await mila.taps('Запустить', confirm)
    await mila.getsPhoto()
    await mila.sees(/✅ Готово/)
    await mila.taps('Запустить', confirm)
    await mila.sees(/Этот заказ уже запускался, второй раз денег не взял/)
    assert.equal(countOf(mila), 1)
  })
})

describe('what nobody asked for is answered where the person is', () => {
  let nina: Person
  before(async () => {
    nina = await world.person('Нина')
  })
  const strays: readonly (readonly [string, () => Promise<unknown>, RegExp])[] = [
    ['text', () => nina.says('привет, как дела?'), /Текст сейчас ни к чему не относится/],
    ['a voice message', () => nina.sends({ voice: Buffer.from('OggS and so on') }), /Такое сообщение я не понимаю/],
    ['an unknown command', () => nina.says('/fly'), /Такой команды нет/],
    ['a command with a payload', () => nina.says('/start ref_123'), /Привет/],
    ['a cancel with nothing to cancel', () => nina.says('/cancel'), /Отменять нечего/],
    ['a reset with nothing to reset', () => nina.says('/reset'), /Картинки и дизайн/],
    ['a status of nothing', () => nina.says('/status'), /Мои картинки/],
    ['a photo', () => nina.sends({ photo: picture(1) }), /Что сделать с фото\?/],
    ['a cancel of a photo that waits', () => nina.says('/cancel'), /Отменил\. Ничего не списано/],
  ]
  for (const [what, act, answer] of strays) {
    it(what, async () => {
      await nina.says('/start')
      await nina.sees(/Картинки и дизайн/)
      await act()
      await nina.sees(answer)
    })
  }

  it('a photo for a model that takes none', async () => {
    await describes(nina, 'Z-Image', 'кот')
    await nina.sends({ photo: picture(2) })
    await nina.sees(/Этой модели фото не нужно/)
  })

  it('a sticker, a place, a poll, a dice', async () => {
    const update = (id: number, content: object) =>
      JSON.stringify({
        update_id: id,
        message: {
          message_id: 1,
          date: 1,
          chat: { id: nina.id, type: 'private', first_name: 'Нина' },
          from: { id: nina.id, is_bot: false, first_name: 'Нина', language_code: 'ru' },
          ...content,
        },
      })
    const contents = [
      { sticker: { file_id: 'a', file_unique_id: 'b', type: 'regular', width: 1, height: 1 } },
      { location: { latitude: 1, longitude: 2 } },
      { poll: { id: '1', question: '?', options: [] } },
      { dice: { emoji: '🎲', value: 3 } },
    ]
    for (const [n, content] of contents.entries()) {
      await nina.says('/start')
      await nina.sees(/Картинки и дизайн/)
      await nina.hears(() => world.deliver(update(900_000 + n, content)))
      await nina.sees(/Такое сообщение я не понимаю/)
    }
  })
})

test('the language is changed by a button, at once and for good', async () => {
  const olga = await world.person('Ольга')
  await olga.says('/start')
  await olga.taps('Язык')
  await olga.taps('English')
  await olga.sees(/My pictures|Main menu/)
  await olga.says('/help')
  await olga.sees(/How it works/)
  await getsFreePicture(olga, 'a cat')
  await olga.sees(/Free, 4/)
  await olga.says('/language')
  await olga.taps('Русский')
  await olga.says('/balance')
  await olga.sees(/^Баланс/)
})

test('every button of the menu opens its screen, in every language', async () => {
  const screens: readonly (readonly [sign: string, screen: Readonly<Record<'ru' | 'en', RegExp>>])[] = [
    ['🎨', { ru: /^🎨 Картинки и дизайн\n/, en: /^🎨 Pictures and design\n/ }],
    ['🆓', { ru: /^🆓 Бесплатные модели\n/, en: /^🆓 Free models\n/ }],
    ['💳', { ru: /^Баланс\n/, en: /^Balance\n/ }],
    ['🕘', { ru: /^Мои картинки\n/, en: /^My pictures\n/ }],
    ['❓', { ru: /^Как это работает\n/, en: /^How it works\n/ }],
    ['🤝', { ru: /^Позвать друга\n/, en: /^Invite a friend\n/ }],
    ['🌐', { ru: /^На каком языке говорим\?\n/, en: /^Which language shall we speak\?\n/ }],
  ]
  for (const language of ['ru', 'en'] as const) {
    const person = await world.person('Пётр', { language })
    await person.says('/start')
    const menu = await person.sees(/5 (из|of) 5/)
    const signs = labelsOf(menu).map((label) => label.split(' ')[0])
    assert.deepEqual(
      signs,
      screens.map(([sign]) => sign),
    )
    for (const [sign, screen] of screens) {
      await person.says('/menu')
      await person.sees(/5 (из|of) 5/)
      await person.taps(sign)
      await person.sees(screen[language])
    }
  }
})
