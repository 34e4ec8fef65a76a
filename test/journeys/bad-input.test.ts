import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Person } from '../fixtures/person.ts'
import { startWorld } from '../fixtures/service.ts'
import { describes, getsFreePicture, opens, picture, topsUp } from './steps.ts'

/** Whatever comes in, from a stranger at the door or from a person in the chat, gets a clear answer and breaks nothing. */
const world = await startWorld({ expects: ['WEBHOOK_REFUSED', 'UI_NOT_SHOWN'] })
after(() => world.end())
const { controls, log } = world
await controls.kie({ latency_ms: 50 })

describe('the door for updates', () => {
  const anUpdate = JSON.stringify({ update_id: 1, poll: { id: '1' } })
  const stored = () => log.count('UPDATE_RECEIVED')

  it('answers 403 to a wrong or missing secret, and 404 to a wrong path, whatever the body', async () => {
    const before = stored()
    const header = 'x-telegram-bot-api-secret-token'
    for (const body of [anUpdate, 'not JSON', '']) {
      assert.equal((await world.deliver(body, { [header]: 'wrong' })).status, 403)
      assert.equal((await world.deliver(body, { [header]: '' })).status, 403)
      for (const path of ['/webhook/wrong-path-of-a-stranger', '/webhook', '/webhook/', '/']) {
        const answer = await fetch(`${world.serviceUrl()}${path}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', [header]: 'token-of-the-tests' },
          body,
        })
        assert.equal(answer.status, 404, path)
      }
    }
    assert.equal(stored(), before)
  })

  const wrong: readonly (readonly [string, string | Uint8Array, Readonly<Record<string, string>>, number])[] = [
    ['malformed JSON', '{"update_id": 1', {}, 400],
    ['an empty body', '', {}, 400],
    ['bytes that are no text', Uint8Array.from([0xff, 0xfe, 0x00, 0x80]), {}, 400],
    ['no update_id', '{"message":{"text":"/start"}}', {}, 400],
    ['an update_id that is no number', '{"update_id":"1"}', {}, 400],
    ['a list', '[]', {}, 400],
    ['null', 'null', {}, 400],
    ['2 MiB', `{"update_id":2,"x":"${'x'.repeat(2 * 1024 * 1024)}"}`, {}, 413],
    ['another content type', anUpdate, { 'content-type': 'text/plain' }, 415],
    ['a form', 'update_id=1', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
  ]
  for (const [what, body, headers, status] of wrong) {
    it(`answers ${status} to ${what}`, async () => {
      const before = stored()
      assert.equal((await world.deliver(body, headers)).status, status)
      assert.equal(stored(), before)
    })
  }

  it('takes the operators’ probe, which has no chat and no date, and finishes it without a fault', async () => {
    const probe = '{"update_id": 999999, "message": {"text": "/start", "from": {"id": 1}}}'
    assert.equal((await world.deliver(probe)).status, 200)
    const { cid } = await log.until('UPDATE_RECEIVED', ({ update_id: id }) => id === 999_999)
    await log.until('DISPATCH_OK', (fields) => fields['cid'] === cid)
  })

  it('takes kinds of updates that nobody knows yet, and updates that are broken inside', async () => {
    const bodies = [
      { update_id: 800_001, telepathy: { from: { id: 5 } } },
      { update_id: 800_002 },
      { update_id: 800_003, message: null },
      { update_id: 800_004, message: 'hello' },
      { update_id: 800_005, my_chat_member: { from: 'nobody' } },
      { update_id: 800_006, message: { text: 5, chat: { id: 'x' }, from: { id: {} } } },
      { update_id: 800_007, pre_checkout_query: {} },
      { update_id: 800_008, message: { text: 'nul \u0000 and \ud800', chat: { id: 1, type: 'private' } } },
    ]
    for (const body of bodies) {
      assert.equal((await world.deliver(JSON.stringify(body))).status, 200, JSON.stringify(body))
      const { cid } = await log.until('UPDATE_RECEIVED', ({ update_id: id }) => id === body.update_id)
      await log.until('DISPATCH_OK', (fields) => fields['cid'] === cid)
    }
  })

  it('refuses a payment for an amount, a currency or an invoice that is not ours, and says why', async () => {
    const anna = await world.person('Анна')
    await anna.says('/balance')
    await anna.taps('Пополнить')
    await anna.taps('50 ₽ ·')
    await anna.sees((message) => message.invoice !== undefined)
    const sent = (await controls.calls('sendInvoice')).at(-1)?.params
    const payload = String(sent?.['payload'])
    let id = 850_000
    const ask = async (query: object, from: number) => {
      id += 1
      const answer = await world.deliver(
        JSON.stringify({
          update_id: id,
          pre_checkout_query: {
            id: `${id}`,
            from: { id: from, is_bot: false, first_name: 'Анна', language_code: 'ru' },
            currency: 'XTR',
            total_amount: 80,
            invoice_payload: payload,
            ...query,
          },
        }),
      )
      assert.equal(answer.status, 200)
      const { method, ok, error_message } = JSON.parse(answer.body)
      assert.equal(method, 'answerPreCheckoutQuery')
      return [ok, error_message]
    }
    const boris = await world.person('Борис')
    assert.deepEqual(await ask({}, anna.id), [true, undefined])
    const [, amount] = await ask({ total_amount: 79 }, anna.id)
    assert.match(amount, /Сумма не совпадает/)
    const [, currency] = await ask({ currency: 'RUB' }, anna.id)
    assert.match(currency, /Сумма не совпадает/)
    const [, foreign] = await ask({}, boris.id)
    assert.match(foreign, /выписан другому человеку/)
    for (const nonsense of ['', 'nonsense', '0'.repeat(12), '🎨'.repeat(30)]) {
      const [ok, unknown] = await ask({ invoice_payload: nonsense }, anna.id)
      assert.equal(ok, false)
      assert.match(unknown, /Этот счёт мне не известен/)
    }
    await anna.says('/balance')
    await anna.sees(/💳 0 ₽/)
  })
})

describe('what a person sends as a picture', () => {
  let vera: Person
  before(async () => {
    vera = await world.person('Вера')
    await topsUp(vera)
  })
  const asks = async () => {
    await vera.says('/reset')
    await vera.sees(/Картинки и дизайн/)
    await opens(vera, 'Qwen 2 Edit')
    await vera.taps('Начать')
    await vera.sees(/Пришлите/)
  }
  const noPictures: readonly (readonly [string, Uint8Array])[] = [
    ['text', Buffer.from('I am no picture, only called one')],
    ['the beginning of a PNG and nothing else', picture(1).subarray(0, 12)],
    ['a page', Buffer.from('<html><body>picture.png</body></html>')],
    ['a program', Buffer.from('\x7fELF and so on')],
  ]
  for (const [what, bytes] of noPictures) {
    it(`${what}, called a photo, is no picture`, async () => {
      await asks()
      await vera.sends({ photo: bytes })
      await vera.sees(/Это не картинка. Подойдут JPEG, PNG и WebP/)
    })

    it(`${what}, called a PNG file, is no picture`, async () => {
      await asks()
      await vera.sends({ document: { bytes, name: 'cat.png', mime: 'image/png' } })
      await vera.sees(/Это не картинка/)
    })
  }

  it('of 25 MB is too big, and the limit is named', async () => {
    await asks()
    const big = Buffer.concat([picture(1), Buffer.alloc(25 * 1024 * 1024)])
    await vera.sends({ document: { bytes: big, name: 'big.png', mime: 'image/png' } })
    await vera.sees(/Файл слишком большой: можно до \d+ МБ/)
  })

  it('is asked for again when text comes instead, and the text is kept as the description', async () => {
    await asks()
    await vera.says('сделай осень')
    await vera.sees(/Описание записал/)
    await vera.sends({ photo: picture(3) })
    await vera.sees(/сделай осень[\s\S]*\[Запустить/)
  })
})

describe('what a person writes', () => {
  let gleb: Person
  before(async () => {
    gleb = await world.person('Глеб')
    await topsUp(gleb)
  })
  const prompts: Readonly<Record<string, string>> = {
    'HTML and entities': '<b>кот</b> & <script>alert("x")</script> &amp; <a href="https://x.y">z</a>',
    'Markdown and format marks': '*кот* _на_ `крыше` [ссылка](https://x.y) {0} ${PATH} %s \\n',
    'emoji of many parts': '👨‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇷🇺 кот',
    'right-to-left text and marks that turn it': 'قطة על הגג \u202eабв\u202c кот',
    'quotes, equals and a line of a log': 'x=1 "y" | 2026-01-12 14:40:01,123 [INFO] boot: [BOOT] READY took_ms=1',
    'several lines': 'первая\nвторая\n\nчетвёртая',
    SQL: "'; drop table inbox; --",
  }
  for (const [what, prompt] of Object.entries(prompts)) {
    it(`${what} reaches KIE as written, and stands in the chat as written`, async () => {
      const confirm = await describes(gleb, 'Z-Image', prompt)
      assert.ok(confirm.text?.includes(prompt.split('\n')[0] ?? ''), confirm.text)
      await gleb.taps('Запустить')
      const { message } = await gleb.getsPhoto()
      assert.ok(message.caption?.includes(prompt.split('\n')[0] ?? ''), message.caption)
      assert.equal((await controls.tasks()).at(-1)?.input['prompt'], prompt)
    })
  }

  it('longer than the model takes is refused with both numbers, and the draft is kept', async () => {
    await opens(gleb, 'Z-Image')
    await gleb.says('я'.repeat(1_001))
    await gleb.sees(/Получилось 1 001 знак, а модель принимает до 1 000 знаков/)
    await gleb.says('я'.repeat(1_000))
    await gleb.sees(/Проверьте и запускайте/)
  })

  it('of six thousand characters comes as Telegram splits it, and each part is refused in plain words', async () => {
    await opens(gleb, 'Z-Image')
    await gleb.says('слово '.repeat(1_000))
    await gleb.sees(/модель принимает до 1 000 знаков/)
  })

  it('that shows nothing is asked for again', async () => {
    for (const nothing of ['', '   \n ', '\u00a0', '\u200b \u200b', '\u2060\ufe0f', '\u2800']) {
      await opens(gleb, 'Z-Image')
      await gleb.hears(() => world.deliver(messageOf(gleb, nothing)))
      await gleb.sees(/Слишком коротко: нужно хотя бы 1 знак/)
    }
  })

  it('as a number is read when it is one in range, and asked again when not', async () => {
    await describes(gleb, 'Seedream 3.0', 'кот')
    await gleb.taps('Изменить')
    await gleb.taps(/Близость|Точность|Следование|Guidance|описанию/i)
    await gleb.sees(/число от 1 до 10/)
    for (const senseless of ['0', '11', '-1', '2,5555555', 'много', '1e1', '٣', 'NaN', 'Infinity']) {
      await gleb.says(senseless)
      await gleb.sees(/Нужно число от 1 до 10/)
    }
    await gleb.says('7,5')
    await gleb.sees(/7,5/)
  })

  it('with half of a character or a NUL is cleaned, and made', async () => {
    const daria = await world.person('Дарья')
    await opens(daria, 'Z-Image')
    await daria.hears(() => world.deliver(messageOf(daria, 'кот \ud83d и \u0000 пёс')))
    await daria.sees(/Проверьте и запускайте/)
    await daria.taps('Запустить')
    await daria.getsPhoto()
    const prompt = String((await controls.tasks()).at(-1)?.input['prompt'])
    assert.ok(prompt.isWellFormed() && !prompt.includes('\u0000'), JSON.stringify(prompt))
  })

  it('under a name full of markup is answered all the same', async () => {
    const odd = await world.person('<b>&"\'🎨\u202e')
    await odd.says('/start')
    await odd.sees(/Привет, <b>&"'🎨/)
    await getsFreePicture(odd, 'кот')
  })
})

let nextUpdate = 860_000
/** A text message as Telegram sends it, with what the sandbox's person could not type. */
function messageOf(person: Person, text: string): string {
  nextUpdate += 1
  return JSON.stringify({
    update_id: nextUpdate,
    message: {
      message_id: nextUpdate,
      date: 1,
      text,
      chat: { id: person.id, type: 'private', first_name: person.name },
      from: { id: person.id, is_bot: false, first_name: person.name, language_code: 'ru' },
    },
  })
}
