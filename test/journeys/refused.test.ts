import assert from 'node:assert/strict'
import { after, afterEach, describe, it } from 'node:test'
import { connectOnce } from '../../src/storage/postgres/database.ts'
import { sqlOf } from '../../src/storage/postgres/store.ts'
import { readStory } from '../../src/storage/postgres/story.ts'
import type { Message, Person } from '../fixtures/person.ts'
import { until } from '../fixtures/person.ts'
import { startWorld } from '../fixtures/service.ts'
import { describes, getsFreePicture } from './steps.ts'

/**
 * Telegram refuses a message of ours for good: the person reads a plain one in its place, and the operators hear of it
 * once for each kind.
 */
const world = await startWorld({
  env: { ADMIN_ID: '7000000001' },
  expects: [
    'MESSAGE_REFUSED',
    'UI_NOT_SHOWN',
    'RESULT_NOT_DELIVERED',
    'RESULT_LOST',
    'OPERATOR_NOT_TOLD',
    'PREFLIGHT_FINDING',
  ],
})
after(() => world.end())
const { controls, log } = world
await controls.kie({ latency_ms: 50 })
afterEach(async () => {
  await controls.clearFaults()
  await controls.kie({ latency_ms: 50, outcome: null })
})

const operator = await world.person('Ольга')
await operator.says('/start')
await operator.sees(/Привет/)

async function storyOf(cid: unknown): Promise<string> {
  const client = await connectOnce({ url: world.databaseUrl, schema: world.schema, owner: 'test' })
  try {
    const chapters = await readStory(sqlOf(client), world.schema, String(cid))
    return chapters.map(({ what, detail }) => `${what} ${detail}`).join('\n')
  } finally {
    await client.end()
  }
}

let kinds = 0
/** Refuses the next calls with a description of its own kind; gives the description. */
async function refuses(method: string, times = 1): Promise<string> {
  kinds += 1
  const description = `Bad Request: REFUSED_${String.fromCharCode(64 + kinds)}`
  await controls.fault({ on: 'telegram', method, times, status: 400, description })
  return description
}
const refusal = (description: string, method?: string) =>
  log.until(
    'MESSAGE_REFUSED',
    (fields) => String(fields['detail']).includes(description) && (method ?? fields['method']) === fields['method'],
  )
/** Telegram itself makes commands in a text tappable. */
const entitiesOf = ({ entities = [] }: Message): readonly { readonly type: string }[] =>
  (entities as { type: string }[]).filter(({ type }) => type !== 'bot_command')
const isPlain = (message: Message) =>
  message.reply_markup?.inline_keyboard === undefined && entitiesOf(message).length === 0
async function seesPlain(person: Person, words: RegExp, cid: unknown): Promise<void> {
  const message = await person.sees((each) => words.test(each.text ?? '') && (each.text ?? '').includes(String(cid)))
  assert.ok(isPlain(message), JSON.stringify(message))
  assert.ok((message.text ?? '').length < 1_000)
}

describe('a refusal for good ends in a plain message with the code', () => {
  it('of a screen that is sent', async () => {
    const anna = await world.person('Анна')
    const description = await refuses('sendMessage')
    await anna.says('/start')
    const { cid } = await refusal(description, 'sendMessage')
    await seesPlain(anna, /Telegram не принял моё сообщение.*\/start.*\/support/, cid)
    assert.match(await storyOf(cid), new RegExp(`loss message_refused said=sendMessage: .*${description}`))
  })

  it('of a screen that is sent, in the language of the person', async () => {
    const john = await world.person('John', { language: 'en' })
    const description = await refuses('sendMessage')
    await john.says('/help')
    const { cid } = await refusal(description, 'sendMessage')
    await seesPlain(john, /Telegram did not take my message/, cid)
  })

  it('of a screen that is edited', async () => {
    const boris = await world.person('Борис')
    await boris.says('/start')
    await boris.sees(/Привет/)
    const description = await refuses('editMessageText')
    await boris.taps('Помощь')
    const { cid } = await refusal(description, 'editMessageText')
    await seesPlain(boris, /Telegram не принял моё сообщение/, cid)
    await boris.says('/help')
    await boris.sees(/Как это работает/)
  })

  it('of an invoice, with another way to pay', async () => {
    const vera = await world.person('Вера')
    await vera.says('/balance')
    await vera.taps('Пополнить')
    const description = await refuses('sendInvoice')
    await vera.taps(/^50 ₽/)
    const { cid } = await refusal(description, 'sendInvoice')
    await seesPlain(vera, /Telegram не принял счёт на 50 ₽. Ничего не списано.*\/balance/, cid)
  })

  it('of the news that money came, with the same words', async () => {
    const gleb = await world.person('Глеб')
    await gleb.says('/balance')
    await gleb.taps('Пополнить')
    await gleb.taps(/^50 ₽/)
    await gleb.sees(({ invoice }) => invoice !== undefined)
    const description = await refuses('sendMessage')
    await gleb.pays()
    const { cid } = await refusal(description, 'sendMessage')
    await seesPlain(gleb, /Зачислено 50 ₽/, cid)
  })

  it('of the words on a button that was pressed', async () => {
    const fedor = await world.person('Фёдор')
    await fedor.says('/balance')
    await fedor.taps('Пополнить')
    const screen = await fedor.sees(/^Пополнение баланса/)
    const description = await refuses('answerCallbackQuery')
    await fedor.tapsAndGoes('50 ₽', screen)
    const { cid } = await refusal(description, 'answerCallbackQuery')
    await seesPlain(fedor, /счёт/i, cid)
  })

  it('of a receipt, with the same words', async () => {
    const daria = await world.person('Дарья')
    await describes(daria, 'Z-Image', 'маяк')
    const description = await refuses('sendMessage')
    await daria.taps('Запустить')
    const { cid } = await refusal(description, 'sendMessage')
    await daria.getsPhoto()
    await seesPlain(daria, /маяк[\s\S]*осталось 4/, cid)
    await daria.sees(/✅ Готово/)
  })

  it('of the original as a file', async () => {
    const egor = await world.person('Егор')
    const receipt = await getsFreePicture(egor, 'лес')
    const description = await refuses('sendDocument')
    await egor.taps('Оригинал файлом', receipt)
    const { cid } = await refusal(description, 'sendDocument')
    await seesPlain(egor, /Telegram не принял моё сообщение/, cid)
  })
})

describe('an order that ends while its message cannot be edited', () => {
  it('tells its failure in a new plain message, and the reason stands on the order', async () => {
    const zoya = await world.person('Зоя')
    await controls.kie({ latency_ms: 50, outcome: 'fail' })
    await describes(zoya, 'Z-Image', 'река')
    const description = await refuses('editMessageText', 50)
    await zoya.taps('Запустить')
    const { cid } = await refusal(description, 'editMessageText')
    await seesPlain(zoya, /Не получилось[\s\S]*бесплатная генерация снова ваша/, cid)
    const plain = zoya.chat().filter((each) => each.from === 'bot' && each.text?.includes(String(cid)) && isPlain(each))
    assert.ok(plain.length <= 2, `one on the way, one for the end: ${zoya.print()}`)
    assert.match(await storyOf(cid), new RegExp(`order .*status=released.* not_shown=.*${description}`))
  })

  it('tells its success in a new plain message, too', async () => {
    const ivan = await world.person('Иван')
    await describes(ivan, 'Z-Image', 'море')
    const description = await refuses('editMessageText', 50)
    await ivan.taps('Запустить')
    const { cid } = await refusal(description, 'editMessageText')
    await ivan.getsReceipt()
    await seesPlain(ivan, /Готово/, cid)
  })

  it('of which Telegram takes the picture in no form ends as a failure that is told', async () => {
    const kira = await world.person('Кира')
    await describes(kira, 'Z-Image', 'снег')
    const photo = await refuses('sendPhoto')
    const document = await refuses('sendDocument')
    await kira.taps('Запустить')
    await refusal(document, 'sendDocument')
    assert.equal(
      log.count('MESSAGE_REFUSED', ({ detail }) => String(detail).includes(photo)),
      0,
      'it was sent otherwise',
    )
    await kira.sees(/Не получилось/)
  })
})

it('a plain message that is refused as well is the last one', async () => {
  const lev = await world.person('Лев')
  // The screen, what is said in its place, and the alert to the operator.
  const description = await refuses('sendMessage', 3)
  await lev.says('/start')
  await until(
    () => log.count('MESSAGE_REFUSED', ({ detail }) => String(detail).includes(description)) === 2,
    'both are refused',
  )
  await until(async () => (await controls.faults()).length === 0, 'all three are refused')
  await lev.says('/help')
  await lev.sees(/Как это работает/)
  assert.equal(lev.chat().filter(({ from }) => from === 'bot').length, 1)
})

it('somebody who blocked the bot is told nothing, and nobody is alerted', async () => {
  const mila = await world.person('Мила')
  await mila.says('/start')
  await mila.sees(/Привет/)
  await mila.hears(async () => {
    await controls.fault({
      on: 'telegram',
      method: 'sendMessage',
      status: 403,
      description: 'Forbidden: bot was blocked by the user',
    })
  })
  const before = log.count('MESSAGE_REFUSED')
  await mila.says('/help')
  await log.until('UI_NOT_SHOWN', ({ reason_code: reason }) => reason === 'PERMISSION_DENIED')
  await mila.says('/help')
  await mila.sees(/Как это работает/)
  assert.equal(log.count('MESSAGE_REFUSED'), before)
})

it('the operators read of ten refusals of one kind twice: at the first, and at the tenth', async () => {
  const nina = await world.person('Нина')
  const alerts = async () =>
    (await operator.looks()).filter(({ text }) => text?.includes('MESSAGE_REFUSED') && text.includes('byte offset'))
  for (let n = 1; n <= 11; n++) {
    const description = `Bad Request: can't parse entities: "${n}" at byte offset ${n}0`
    await controls.fault({ on: 'telegram', method: 'sendMessage', status: 400, description })
    await nina.says('/help')
    const { cid } = await refusal(`offset ${n}0`)
    await nina.sees(({ text }) => text?.includes(String(cid)) === true)
    // The alert would else be the next message that is refused.
    const due = n < 10 ? 1 : 2
    await until(async () => (await alerts()).length === due, `${due} alerts after ${n} refusals`)
  }
  const [first, tenth] = await alerts()
  assert.match(first?.text ?? '', /a sendMessage of ours.*byte offset 10\n[\s\S]*trt story [0-9a-f]{8}/)
  assert.match(tenth?.text ?? '', /10 times by now.*byte offset 100/)
})
