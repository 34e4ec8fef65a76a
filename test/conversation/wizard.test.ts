import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { foreignFormats } from '../../src/catalog/foreign-format.ts'
import { priceOf, quoteMs } from '../../src/catalog/quote.ts'
import { after, instant } from '../../src/kit/clock.ts'
import { kieTaskId, offerId, quoteId } from '../../src/kit/ids.ts'
import { kopecks } from '../../src/money/amount.ts'
import { pricing } from '../catalog/the-catalog.ts'
import { cases } from '../fixtures/seed.ts'
import { anOrder, catalog, noon, photo, Talk } from './talk.ts'

/** A model that takes up to four photos and a prompt. */
const edit = { at: 'offer', offer: offerId('seedream-5-flash-edit') } as const
/** A model that takes exactly one photo. */
const single = { at: 'offer', offer: offerId('qwen-2-edit') } as const
const priced = { at: 'offer', offer: offerId('flux-2-pro') } as const
const free = { at: 'offer', offer: offerId('z-image') } as const

const runAddress = (talk: Talk) => {
  const button = talk.button('Запустить')
  assert.ok('to' in button && button.to.at === 'run')
  return button.to
}

describe('the wizard', () => {
  it('leads from /start to a run in the path that the smoke check walks', () => {
    const talk = new Talk().slash('start').taps('🎨 Картинки и дизайн')
    assert.equal(talk.view.screen, 'category')
    talk.taps('🆓')
    assert.equal(talk.view.screen, 'model_card')
    talk.writes('test')
    assert.equal(talk.view.screen, 'confirm')
    talk.taps('Запустить')
    assert.deepEqual(
      talk.commands.map(({ type }) => type),
      ['place_order'],
    )
    assert.equal(talk.session.draft, undefined)
  })

  it('takes a text on the card as the prompt, and the next text after a run as the next prompt', () => {
    const talk = new Talk().opens(free).writes('кот').taps('Запустить').writes('пёс')
    assert.equal(talk.view.screen, 'confirm')
    assert.match(talk.text, /пёс/)
  })

  it('asks for the photo first and keeps a prompt that came before it', () => {
    const talk = new Talk({ balance: 1000_00 }).opens(edit).writes('сделай акварель')
    assert.equal(talk.notice?.type, 'prompt_kept')
    assert.match(talk.text, /Пришлите фото/)
    talk.sends(photo(1))
    assert.match(talk.text, /Проверяю/)
    talk.learns(photo(1))
    assert.equal(talk.view.screen, 'confirm')
    assert.match(talk.text, /сделай акварель/)
    assert.match(talk.text, /1\s*картинка/)
  })

  it('takes the caption of a photo as the prompt', () => {
    const talk = new Talk({ balance: 1000_00 }).opens(single).sends(photo(1), { caption: 'в стиле аниме' })
    talk.learns(photo(1))
    assert.equal(talk.view.screen, 'confirm')
    assert.match(talk.text, /в стиле аниме/)
  })

  it('collects an album in silence and counts every picture of it once', () => {
    const talk = new Talk().opens(edit).taps('▶️ Начать')
    const before = talk.drawings
    for (const n of [1, 2, 3]) talk.sends(photo(n), { group: 'g' })
    assert.equal(talk.drawings - before, 1, 'one drawing speaks for the album')
    // The updates may be handled again, and verdicts come in any order.
    talk.learns(photo(3)).learns(photo(1)).learns(photo(1)).learns(photo(2)).learns(photo(2))
    assert.match(talk.text, /Уже есть: 3 из 4/)
    talk.taps('✅ Хватит').writes('соедини их')
    assert.match(talk.text, /3\s*картинки/)
  })

  it('says why the caption of a later picture of an album cannot be the prompt', () => {
    const talk = new Talk().opens(edit).sends(photo(1), { group: 'g' })
    const before = talk.drawings
    talk.sends(photo(2), { group: 'g', caption: 'я'.repeat(20_000) })
    assert.equal(talk.notice?.type, 'too_long')
    assert.equal(talk.drawings - before, 1)
  })

  it('lets one message speak for an album whose pictures are checked while others are on their way', () => {
    const talk = new Talk().opens(edit).taps('▶️ Начать')
    const before = talk.drawings
    for (const n of [1, 2, 3]) talk.sends(photo(n), { group: 'g' }).learns(photo(n))
    assert.equal(talk.drawings - before, 4, 'one for the first that came, and one for each that was checked')
    talk.sends(photo(4))
    assert.equal(talk.drawings - before, 5, 'a picture of its own is answered at once')
  })

  it('draws an album once when all of it was checked, not picture by picture', () => {
    const talk = new Talk().opens(edit).taps('▶️ Начать')
    for (const n of [1, 2, 3]) talk.sends(photo(n), { group: 'g' })
    const before = talk.drawings
    talk.learns(photo(1)).learns(photo(2))
    assert.equal(talk.drawings - before, 0)
    talk.learns(photo(3))
    assert.equal(talk.drawings - before, 1)
  })

  it('takes the same picture once, whether it is still checked or was taken before', () => {
    const talk = new Talk()
      .opens(edit)
      .taps('▶️ Начать')
      .sends(photo(1))
      .sends(photo(1))
      .learns(photo(1))
      .sends(photo(1))
    assert.equal(talk.commands.length, 1)
    assert.deepEqual(talk.session.draft?.values['image_urls'], [photo(1)])
  })

  it('does not go on to a price while a picture is still checked', () => {
    const talk = new Talk().opens(edit).taps('▶️ Начать').sends(photo(1)).learns(photo(1)).sends(photo(2))
    talk.opens({ at: 'enough', draft: talk.session.draft?.id ?? '', field: 'image_urls' })
    assert.equal(talk.notice?.type, 'still_checking')
    talk.writes('соедини их')
    assert.match(talk.text, /Проверяю/)
    talk.learns(photo(2)).taps('✅ Хватит')
    assert.equal(talk.view.screen, 'confirm')
    assert.match(talk.text, /2\s*картинки/)
  })

  it('asks again what cannot be skipped', () => {
    const talk = new Talk().opens(edit).taps('▶️ Начать')
    const draft = talk.session.draft?.id ?? ''
    talk.opens({ at: 'skip', draft, field: 'image_urls' })
    assert.match(talk.text, /Пришлите фото/)
    talk.sends(photo(1)).learns(photo(1)).opens({ at: 'skip', draft, field: 'prompt' })
    assert.match(talk.text, /Опишите/)
  })

  it('takes no more pictures than the model does, and says so', () => {
    const talk = new Talk().opens(edit).taps('▶️ Начать')
    for (const n of [1, 2, 3, 4, 5]) talk.sends(photo(n))
    assert.deepEqual(talk.notice, { type: 'too_many_pictures', max: 4 })
    assert.equal(talk.commands.length, 4)
  })

  it('replaces the one picture of a model that takes one', () => {
    const talk = new Talk().opens(single).sends(photo(1)).learns(photo(1)).writes('акварель')
    assert.equal(talk.view.screen, 'confirm')
    talk.sends(photo(2)).learns(photo(2))
    const values = talk.session.draft?.values['image_url']
    assert.deepEqual(values, [photo(2)])
  })

  it('says what was wrong with a file and goes on asking', () => {
    const talk = new Talk().opens(edit).taps('▶️ Начать').sends(photo(1)).learns(photo(1), 'not_a_picture')
    assert.equal(talk.notice?.type, 'not_a_picture')
    assert.match(talk.text, /Пришлите фото/)
    talk.sends(photo(2, 25_000_000))
    assert.equal(talk.notice?.type, 'file_too_big')
    assert.equal(talk.commands.length, 1)
  })

  it('draws nothing for a file whose draft was given up', () => {
    const talk = new Talk().opens(edit).sends(photo(1)).slash('cancel')
    const before = talk.drawings
    talk.learns(photo(1))
    assert.equal(talk.drawings, before)
  })

  it('refuses a prompt that is too long or empty, with the limit, and keeps the place', () => {
    const talk = new Talk().opens(free)
    talk.writes('я'.repeat(5000))
    assert.equal(talk.notice?.type, 'too_long')
    assert.equal(talk.view.screen, 'model_card')
    talk.writes('   ')
    assert.equal(talk.notice?.type, 'too_short')
  })

  it('keeps HTML, emoji and right-to-left text as they are written', () => {
    for (const prompt of ['<b>кот</b> & "пёс"', '👩‍👩‍👧‍👦 семья 🏳️‍🌈', 'قطة فضائية']) {
      const talk = new Talk().opens(free).writes(prompt)
      assert.equal(talk.session.draft?.values['prompt'], prompt)
      assert.ok(talk.text.includes(prompt))
    }
  })

  it('shows the price of a choice on its button where it changes the price', () => {
    const talk = new Talk().opens(priced).taps('⚙️ Настройки')
    talk.taps('Разрешение').button('✓')
    const tags = talk.labels.filter((label) => label.includes('₽'))
    assert.equal(tags.length, 2, JSON.stringify(talk.labels))
    talk.taps('‹ Назад').taps('Соотношение сторон')
    assert.ok(!talk.labels.some((label) => label.includes('₽')))
  })

  it('refuses a number out of range and takes one with a comma', () => {
    const talk = new Talk().opens({ at: 'offer', offer: offerId('seedream-3') }).writes('кот')
    const draft = talk.session.draft?.id ?? ''
    talk.opens({ at: 'ask', draft, field: 'guidance_scale' }).writes('11')
    assert.deepEqual(talk.notice, { type: 'not_a_number', min: 1, max: 10, step: 0.1 })
    talk.writes('2,5')
    assert.equal(talk.session.draft?.values['guidance_scale'], 2.5)
    assert.equal(talk.view.screen, 'params')
  })

  it('changes settings in any order from the panel and returns there', () => {
    const talk = new Talk({ balance: 1000_00 }).opens(priced).writes('кот').taps('⚙️ Изменить')
    talk.taps('Разрешение').taps('2K')
    assert.equal(talk.session.place.at, 'params')
    talk.taps('Соотношение сторон').taps('16:9').taps('✅ Готово')
    assert.equal(talk.view.screen, 'confirm')
    assert.match(talk.text, /16:9/)
    assert.match(talk.text, /2K/)
  })

  it('replaces the prompt by a text that comes on the confirm screen or in the panel', () => {
    const talk = new Talk().opens(free).writes('кот').writes('пёс')
    assert.equal(talk.notice?.type, 'prompt_replaced')
    assert.equal(talk.session.draft?.values['prompt'], 'пёс')
    talk.taps('⚙️ Изменить').writes('ёж')
    assert.equal(talk.view.screen, 'confirm')
    assert.equal(talk.session.draft?.values['prompt'], 'ёж')
  })

  it('goes back question by question, and starts over', () => {
    const talk = new Talk().opens(edit).sends(photo(1)).learns(photo(1)).taps('✅ Хватит')
    assert.match(talk.text, /Опишите/)
    talk.taps('‹ Назад')
    assert.match(talk.text, /Уже есть: 1/)
    talk.taps('‹ Назад')
    assert.equal(talk.view.screen, 'model_card')
    assert.match(talk.text, /можно продолжить/)
    talk.taps('🗑 Начать заново')
    assert.deepEqual(talk.session.draft?.values, {})
  })
})

describe('the confirm screen', () => {
  it('shows the price of its quote, for every offer, and the quote is the price of the catalog', () => {
    for (const offer of catalog.offers) {
      const talk = new Talk({ balance: 100_000_00, freeToday: 0 }).opens({ at: 'offer', offer: offer.id })
      if (offer.kind === 'image-to-image') talk.sends(photo(1)).learns(photo(1))
      if (talk.labels.some((label) => label.startsWith('✅ Хватит'))) talk.taps('✅ Хватит')
      talk.writes('кот в скафандре')
      const quote = talk.session.draft?.quote
      assert.ok(quote, `${offer.id}: ${talk.text}`)
      const answer = priceOf(offer, quote.values, pricing)
      assert.ok(answer.kind === 'priced' && quote.price.unit === 'RUB')
      assert.equal(quote.price.kopecks, answer.kopecks)
      const money = talk.see([], talk.session.place).texts.money(answer.kopecks)
      assert.equal(talk.button('Запустить').label, `Запустить · ${money}`)
      assert.ok(talk.text.includes(`Цена: ${money}`))
    }
  })

  it('keeps its quote while nothing changed, so that two taps hit the same one', () => {
    const talk = new Talk().opens(free).writes('кот')
    const first = runAddress(talk)
    talk.opens({ at: 'confirm', draft: talk.session.draft?.id ?? '' })
    assert.deepEqual(runAddress(talk), first)
    talk.opens(first).opens(first)
    assert.equal(talk.commands.filter(({ type }) => type === 'place_order').length, 1)
    assert.match(talk.reaction.toast ?? '', /Уже запущено/)
  })

  it('makes a new quote when the answers change, and the old button does not run what is not shown', () => {
    const talk = new Talk().opens(free).writes('кот')
    const old = runAddress(talk)
    talk.writes('пёс')
    assert.notDeepEqual(runAddress(talk), old)
    talk.opens(old)
    assert.deepEqual(talk.commands, [])
    assert.equal(talk.notice?.type, 'old_button')
    assert.equal(talk.view.screen, 'confirm')
  })

  it('does not run answers that were changed in the panel and not yet shown with their price', () => {
    const talk = new Talk({ balance: 1000_00 }).opens(priced).writes('кот')
    const old = runAddress(talk)
    talk.taps('⚙️ Изменить').taps('Разрешение').taps('2K').opens(old)
    assert.deepEqual(talk.commands, [])
    assert.equal(talk.view.screen, 'confirm')
    assert.match(talk.text, /2K/)
  })

  it('makes a new quote when the old one expired, and says so', () => {
    const talk = new Talk().opens(free).writes('кот')
    const old = runAddress(talk)
    talk.now = after(talk.now, quoteMs)
    talk.opens(old)
    assert.deepEqual(talk.notice, { type: 'refused', refusal: { code: 'quote_expired' } })
    assert.notDeepEqual(runAddress(talk), old)
    assert.deepEqual(talk.commands, [])
  })

  it('tells the free generation that is used and how many stay', () => {
    const talk = new Talk({ freeToday: 2, freeExtra: 1 }).opens(free).writes('кот')
    assert.equal(talk.button('Запустить').label, 'Запустить · бесплатно')
    assert.match(talk.text, /останется 2\s*бесплатные генерации/)
  })

  it('turns to the paid price when the free ones ran out, clearly and with a new quote', () => {
    const talk = new Talk({ freeToday: 1, balance: 100 }).opens(free).writes('кот')
    const wasFree = runAddress(talk)
    talk.freeToday = 0
    talk.opens({ at: 'confirm', draft: talk.session.draft?.id ?? '' })
    assert.match(talk.text, /Бесплатные на сегодня закончились/)
    assert.match(talk.button('Запустить').label, /0,63/)
    talk.opens(wasFree)
    assert.deepEqual(talk.commands, [], 'the free button does not charge')
  })

  it('says what is missing and offers a top-up that covers it, and the draft is still there after it', () => {
    const talk = new Talk({ freeToday: 0, balance: 10 }).opens(free).writes('кот')
    assert.match(talk.text, /не хватает 0,53/)
    assert.ok(!talk.labels.some((label) => label.startsWith('Запустить')))
    talk.taps('💳 Пополнить на 50')
    assert.deepEqual(talk.commands, [{ type: 'open_top_up', amount: 50_00 }])
    talk.balance = 50_10
    talk.opens({ at: 'balance' }).taps('‹ К оформлению')
    assert.equal(talk.view.screen, 'confirm')
    talk.taps('Запустить')
    assert.equal(talk.commands.at(-1)?.type, 'place_order')
  })

  it('shows a long prompt cut by whole characters', () => {
    const talk = new Talk().opens(free).writes('🐈'.repeat(450))
    assert.ok(!/[\ud800-\udbff](?![\udc00-\udfff])/.test(talk.text))
    assert.match(talk.text, /…/)
  })
})

describe('buttons that are old', () => {
  it('answers a button of another draft where the person is', () => {
    const talk = new Talk()
      .opens(free)
      .writes('кот')
      .opens({ at: 'set', draft: 'other', field: 'aspect_ratio', value: '1:1' })
    assert.equal(talk.notice?.type, 'old_button')
    assert.equal(talk.view.screen, 'confirm')
  })

  it('tells that a conversation was lost, once, and that money is safe', () => {
    const talk = new Talk().opens({ at: 'run', quote: quoteId('000000000zzz') })
    assert.equal(talk.notice?.type, 'session_lost')
    assert.match(talk.text, /Деньги и заказы на месте/)
    assert.equal(talk.view.screen, 'main_menu')
  })

  it('opens the order of a quote that was run long ago', () => {
    const talk = new Talk().opens(free).writes('кот')
    const run = runAddress(talk)
    talk.opens(run)
    const [placed] = talk.orders
    assert.ok(placed)
    talk.orders = [{ ...placed, status: 'released', reason: 'cancelled', releasedAt: talk.now, gift: 'none' }]
    talk.opens(run)
    assert.equal(talk.view.screen, 'order')
    assert.equal(talk.notice?.type, 'already_placed')
  })

  it("knows nothing of somebody else's order", () => {
    for (const at of ['again', 'edit', 'resend', 'original', 'cancel'] as const) {
      const talk = new Talk().opens({ at, order: anOrder('zz').id })
      assert.equal(talk.notice?.type, 'order_not_found', at)
      assert.deepEqual(talk.commands, [])
    }
  })
})

describe('repeating', () => {
  it('brings the same inputs to the confirm screen at the price of today', () => {
    const talk = new Talk({ orders: [anOrder('r1')] }).opens({ at: 'again', order: anOrder('r1').id })
    assert.equal(talk.view.screen, 'confirm')
    assert.match(talk.text, /кот в скафандре/)
  })

  it('opens the panel with the inputs filled in, where a text is the new prompt', () => {
    const talk = new Talk({ orders: [anOrder('r1')] }).opens({ at: 'edit', order: anOrder('r1').id })
    assert.equal(talk.session.place.at, 'params')
    talk.writes('пёс в скафандре')
    assert.equal(talk.view.screen, 'confirm')
    assert.match(talk.text, /пёс в скафандре/)
  })

  it('hurries a picture that is on its way when it is asked for', () => {
    const order = anOrder('r1')
    const talk = new Talk({ orders: [order] }).opens({ at: 'original', order: order.id })
    assert.match(talk.reaction.toast ?? '', /Отправлять нечего/)
    const made = {
      task: kieTaskId('t1'),
      submittedAt: noon,
      producedAt: noon,
      artifacts: [{ url: 'https://kie/1', state: 'waiting' } as const],
    }
    talk.orders = [{ ...order, ...made, status: 'delivering' }]
    talk.opens({ at: 'original', order: order.id })
    assert.deepEqual(talk.commands, [{ type: 'send_again', order: order.id, as: 'document' }])
  })

  it('says so when the model is not sold any more', () => {
    const gone = { ...anOrder('r1'), offer: offerId('gone') }
    const talk = new Talk({ orders: [gone] }).opens({ at: 'again', order: gone.id })
    assert.deepEqual(talk.notice, { type: 'refused', refusal: { code: 'offer_withdrawn' } })
  })

  it('leaves behind what the model does not take any more', () => {
    const old = { ...anOrder('r1'), values: { prompt: 'кот', aspect_ratio: 'withdrawn', gone: 'x' } }
    const talk = new Talk({ orders: [old] }).opens({ at: 'again', order: old.id })
    assert.deepEqual(talk.session.draft?.values, { prompt: 'кот' })
    assert.equal(talk.view.screen, 'confirm')
  })
})

describe('a message at the wrong moment', () => {
  it('is told what it could be for, and a photo is led to the models that work from one', () => {
    const talk = new Talk().writes('привет')
    assert.equal(talk.noticed(), 'unexpected_text')
    assert.equal(talk.view.screen, 'main_menu')
    talk.sends(photo(1))
    assert.equal(talk.noticed(), 'choose_for_file')
    assert.equal(talk.view.screen, 'model_selection')
    talk.opens(free).sends(photo(1))
    assert.equal(talk.noticed(), 'unexpected_file')
    assert.equal(talk.view.screen, 'model_card')
    assert.deepEqual(talk.commands, [])
    talk.does({ kind: 'unsupported' })
    assert.equal(talk.noticed(), 'unsupported')
  })
})

describe('a label of the keyboard of a former program', () => {
  it('leads where its button led, and has the keyboard taken away', () => {
    const talk = new Talk().opens(free).writes('💳 Баланс')
    assert.equal(talk.view.screen, 'balance')
    assert.deepEqual(talk.commands, [{ type: 'remove_keyboard' }])
    assert.equal(new Talk().writes('Помощь').view.screen, 'help')
  })

  it('is a description where one is asked for, as long as it has no picture before it', () => {
    const talk = new Talk().opens(free).writes('баланс')
    assert.equal(talk.view.screen, 'confirm')
    assert.deepEqual(talk.commands, [])
  })
})

describe('a file that the model cannot take', () => {
  const large = { at: 'offer', offer: offerId('qwen-2-1-edit') } as const

  it('is named, in either language, with what to do', () => {
    for (const [language, words] of [
      ['ru', /HEIC.*Пришлите снимок как фото/],
      ['en', /HEIC.*Send it as a photo/],
    ] as const) {
      const talk = new Talk({ language }).opens(single)
      talk.does({ kind: 'foreign_file', format: 'heic' })
      assert.match(talk.text, words)
      talk.sends(photo(1)).learns(photo(1), 'heic')
      assert.match(talk.text, words, 'found out by its bytes')
      assert.equal(talk.session.draft?.values['image_url'], undefined)
      for (const format of foreignFormats) {
        talk.does({ kind: 'foreign_file', format })
        assert.match(
          talk.text,
          format === 'jxl' ? /JPEG XL/ : new RegExp(format === 'animation' ? 'анимация|moves' : format.toUpperCase()),
        )
      }
    }
  })

  it('is refused with the limit in pixels of the model, and of that model alone', () => {
    const huge = { ...photo(1), width: 6000, height: 5000 }
    const talk = new Talk({ balance: 1000_00 }).opens(large).sends(photo(1), { caption: 'лето' }).learns(huge)
    assert.match(talk.text, /до 25.Мп/)
    assert.equal(talk.session.draft?.values['image_urls'], undefined)
    const fits = { ...photo(2), width: 5000, height: 5000 }
    talk.sends(photo(2)).learns(fits)
    assert.deepEqual(talk.session.draft?.values['image_urls'], [fits])
    const other = new Talk({ balance: 1000_00 }).opens(single).sends(photo(1), { caption: 'лето' }).learns(huge)
    assert.equal(other.view.screen, 'confirm')
  })

  it('is refused when the size that Telegram told was too small', () => {
    const talk = new Talk().opens(single).sends(photo(1, 0)).learns(photo(1, 11_000_000))
    assert.match(talk.text, /до 10.МБ/)
    assert.equal(talk.session.draft?.values['image_url'], undefined)
  })

  it('is not kept for a model when no model may see it', () => {
    const talk = new Talk().sends(photo(1, 20 * 1024 * 1024 + 1))
    assert.equal(talk.noticed(), 'file_too_big')
    assert.equal(talk.session.photos, undefined)
    talk.sends(photo(1, 20 * 1024 * 1024))
    assert.equal(talk.noticed(), 'choose_for_file')
  })
})

describe('a photo that comes before a model is chosen', () => {
  it('is kept, with what was written under it, and is the first answer to the model that is picked then', () => {
    const talk = new Talk({ balance: 1000_00 }).sends(photo(1), { caption: 'сделай акварель' })
    assert.equal(talk.noticed(), 'choose_for_file')
    assert.deepEqual(talk.commands, [], 'nothing is fetched for nobody')
    talk.opens({ at: 'home' }).opens(free).opens(edit)
    assert.deepEqual(talk.commands, [{ type: 'take_files', files: [photo(1)] }])
    assert.match(talk.text, /Проверяю/)
    talk.learns(photo(1))
    assert.equal(talk.view.screen, 'confirm')
    assert.match(talk.text, /сделай акварель[\s\S]*1\s*картинка/)
    // It is taken once: the next model begins without it.
    talk.opens(single)
    assert.equal(talk.view.screen, 'model_card')
    assert.equal(talk.commands.length, 1)
  })

  it('may be an album: one message speaks for it, and the model takes as many as it can', () => {
    const talk = new Talk().sends(photo(1), { group: 'g', caption: 'соедини их' })
    assert.equal(talk.reaction.inPlace, undefined)
    for (const n of [2, 3, 3]) {
      talk.sends(photo(n), { group: 'g' })
      assert.equal(talk.reaction.inPlace, true)
      assert.equal(talk.noticed(), 'choose_for_file')
    }
    talk.opens(edit)
    assert.deepEqual(talk.commands, [{ type: 'take_files', files: [photo(1), photo(2), photo(3)] }])
    // The last picture of the album arrives when the model was picked already.
    talk.sends(photo(4), { group: 'g' })
    for (const n of [1, 2, 3, 4]) talk.learns(photo(n))
    assert.deepEqual(talk.session.draft?.values, {
      prompt: 'соедини их',
      image_urls: [1, 2, 3, 4].map((n) => photo(n)),
    })

    const one = new Talk()
    for (const n of [1, 2]) one.sends(photo(n), { group: 'g' })
    one.opens(single)
    assert.deepEqual(one.commands, [{ type: 'take_files', files: [photo(1)] }])
    assert.equal(one.noticed(), 'too_many_pictures')
  })

  it('is replaced by a later one, and forgotten after an hour, by /cancel, or when it is too big', () => {
    const later = new Talk().sends(photo(1)).sends(photo(2)).opens(single)
    assert.deepEqual(later.commands, [{ type: 'take_files', files: [photo(2)] }])

    const old = new Talk().sends(photo(1))
    old.now = instant(old.now + 3_600_001)
    old.opens(single)
    assert.equal(old.view.screen, 'model_card')

    const cancelled = new Talk().sends(photo(1)).slash('cancel')
    assert.equal(cancelled.noticed(), 'draft_dropped')
    assert.deepEqual(cancelled.opens(single).commands, [])

    const big = new Talk().sends(photo(1, 15_000_000)).opens(single)
    assert.equal(big.noticed(), 'file_too_big')
    assert.equal(big.view.screen, 'model_card')
    assert.deepEqual(
      [old, big].flatMap(({ commands }) => commands),
      [],
    )
  })
})

describe('the rule of cancelling', () => {
  it('gives the price back while the order is placed, and afterwards only hides its progress', () => {
    const placed = anOrder('c1')
    const talk = new Talk({ orders: [placed] }).opens({ at: 'cancel', order: placed.id })
    assert.match(talk.reaction.toast ?? '', /ничего не списано: 0,63\s₽ снова на балансе/)
    talk.orders = [{ ...placed, status: 'submitting', since: talk.now }]
    talk.opens({ at: 'cancel', order: placed.id })
    assert.match(talk.reaction.toast ?? '', /результат придёт сам и будет оплачен/)
    talk.orders = [{ ...placed, status: 'submitting', since: talk.now, quiet: true }]
    talk.opens({ at: 'cancel', order: placed.id })
    assert.equal(talk.commands.length, 2)
    assert.match(talk.reaction.toast ?? '', /уже нельзя/)
  })
})

describe('topping up', () => {
  it('takes an amount by button or typed as people type, within its bounds', () => {
    for (const [typed, amount] of [
      ['250', 250_00],
      ['1 000 ₽', 1000_00],
      ['99,5', 99_50],
      ['50000 руб.', 50_000_00],
    ] as const) {
      const talk = new Talk().opens({ at: 'top_up' }).writes(typed)
      assert.deepEqual(talk.commands, [{ type: 'open_top_up', amount }], typed)
    }
    for (const typed of ['49,99', '50001', 'много', '-100', '1e3', '']) {
      const talk = new Talk().opens({ at: 'top_up' }).writes(typed)
      assert.equal(talk.notice?.type, 'amount_out_of_range', typed)
      assert.deepEqual(talk.commands, [])
    }
    assert.ok(new Talk().opens({ at: 'top_up' }).labels[0]?.includes('80 ⭐'))
  })

  it('takes no amount that Telegram would not take as one invoice, and names the largest', () => {
    const opened = () => new Talk({ starsPerRub: '2.5' }).opens({ at: 'top_up' })
    assert.match(opened().text, /от 50 до 40\s000/)
    assert.deepEqual(opened().writes('40000').commands, [{ type: 'open_top_up', amount: 40_000_00 }])
    for (const talk of [
      opened().writes('50000'),
      opened().writes('40 001'),
      opened().opens({ at: 'top_up_amount', amount: kopecks(50_000_00) }),
    ]) {
      assert.deepEqual(talk.commands, [])
      assert.match(talk.text, /от 50 до 40\s000. Больше за один раз не получится/)
    }
    const dear = new Talk({ starsPerRub: '200' }).opens({ at: 'top_up' })
    assert.deepEqual(
      dear.labels.filter((label) => label.includes('⭐')).map((label) => label.split(/\s/)[0]),
      ['50', '100', '300', '500'],
    )
  })

  it('offers on the confirm screen no amount that cannot be an invoice', () => {
    const talk = new Talk({ starsPerRub: '2000', freeToday: 0 })
    talk.opens({ at: 'offer', offer: offerId('z-image') }).writes('кот')
    const buttons = talk.view.keyboard.flat().flatMap((button) => ('to' in button ? [button.to] : []))
    const amounts = buttons.flatMap((to) => (to.at === 'top_up_amount' ? [to.amount] : []))
    assert.deepEqual(amounts, [50_00])
    const costly = new Talk({ starsPerRub: '2001', freeToday: 0 })
    costly.opens({ at: 'offer', offer: offerId('z-image') }).writes('кот')
    assert.ok(!costly.view.keyboard.flat().some((button) => 'to' in button && button.to.at === 'top_up_amount'))
  })
})

describe('a text in which nothing can be seen', () => {
  const invisible = [
    ...'\u0007\u001b\u009f\u00a0\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b\u180e\u200b\u200c\u200d\u200e\u200f\u2028\u202a\u202e',
    ...'\u2060\u2061\u2066\u2069\u2800\u3000\u3164\ufe00\ufe0f\ufeff\uffa0\ufff9\ufffb\u{1d159}\u{1d173}\u{e0001}\u{e0041}\u{e0100}',
  ]

  it('is empty, whatever it is made of', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...invisible), { maxLength: 40 }), (pieces) => {
        const talk = new Talk().opens(free).writes(pieces.join(''))
        assert.equal(talk.noticed(), 'too_short')
        assert.equal(talk.session.draft?.values['prompt'], undefined)
      }),
      cases(),
    )
    for (const one of invisible)
      assert.equal(new Talk().opens(free).writes(one).noticed(), 'too_short', one.codePointAt(0)?.toString(16))
  })

  it('under a photo is no description, and nothing to complain of', () => {
    const talk = new Talk({ balance: 1000_00 }).opens(single).sends(photo(1), { caption: '\u200b\u3164' })
    assert.equal(talk.noticed(), undefined)
    assert.equal(talk.session.draft?.values['prompt'], undefined)
    assert.equal(new Talk().sends(photo(1), { caption: '\u2800' }).opens(single).noticed(), undefined)
  })

  it('may stand within a description, and stays there: right-to-left marks are somebody’s language', () => {
    const words = '\u202bשלום\u202c \u2067عالم\u2069'
    assert.equal(new Talk().opens(free).writes(words).session.draft?.values['prompt'], words)
  })
})
