import assert from 'node:assert/strict'
import { after, afterEach, describe, it } from 'node:test'
import { onThisMachine } from '../fixtures/patience.ts'
import { until } from '../fixtures/person.ts'
import { startWorld } from '../fixtures/service.ts'
import { describes, getsFreePicture } from './steps.ts'

/** Telegram says later, no, or nothing: what it was told is told again, nothing is lost, and nothing is paid twice. */
const world = await startWorld({ expects: ['UI_NOT_SHOWN', 'RESULT_NOT_DELIVERED'] })
after(() => world.end())
const { controls, log } = world
await controls.kie({ latency_ms: 50 })
afterEach(() => controls.clearFaults())

/** When the bot's calls of this method came, in seconds, and how each ended. */
const callsOf = async (method: string, since: number) =>
  (await controls.calls(method)).filter(({ id }) => id > since).map(({ at, status }) => ({ at: at / 1000, status }))
const lastCall = async () => (await controls.calls()).at(-1)?.id ?? 0

describe('429', () => {
  it('of a screen is honoured: not sooner than it says, and then the newest screen', async () => {
    const anna = await world.person('Анна')
    const since = await lastCall()
    await controls.fault({ on: 'telegram', method: 'sendMessage', status: 429, retry_after: 2 })
    await anna.says('/start')
    await log.until('UI_NOT_SHOWN', ({ reason_code: reason }) => reason === 'RATE_LIMIT')
    await anna.says('/help')
    await anna.sees(/Как это работает/)
    const calls = await callsOf('sendMessage', since)
    assert.deepEqual(
      calls.map(({ status }) => status),
      [429, 200],
      'one screen, not two, once it may speak again',
    )
    assert.ok((calls[1]?.at ?? 0) - (calls[0]?.at ?? 0) >= 2, JSON.stringify(calls))
  })

  it('of one chat does not hold up another', async () => {
    const [boris, vera] = [await world.person('Борис'), await world.person('Вера')]
    const waitS = Math.ceil(onThisMachine(3_000) / 1_000)
    await controls.fault({ on: 'telegram', method: 'sendMessage', status: 429, retry_after: waitS })
    const told = log.count('UI_NOT_SHOWN')
    await boris.says('/start')
    await until(() => log.count('UI_NOT_SHOWN') > told, 'the first is told to wait')
    await vera.says('/start')
    await vera.sees(/Привет, Вера/)
    assert.ok(!(await boris.looks()).some(({ from }) => from === 'bot'), 'the other chat still waits')
    await boris.sees(/Привет, Борис/)
  })

  it('of a result is honoured, and the picture is sent once', async () => {
    const gleb = await world.person('Глеб')
    const since = await lastCall()
    await controls.fault({ on: 'telegram', method: 'sendPhoto', status: 429, retry_after: 1 })
    await getsFreePicture(gleb, 'закат')
    const calls = await callsOf('sendPhoto', since)
    assert.deepEqual(
      calls.map(({ status }) => status),
      [429, 200],
    )
    assert.ok((calls[1]?.at ?? 0) - (calls[0]?.at ?? 0) >= 1)
  })
})

describe('an unknown outcome', () => {
  it('of a screen is drawn again, rather than leaving silence', async () => {
    const daria = await world.person('Дарья')
    await controls.fault({ on: 'telegram', method: 'sendMessage', status: 502 })
    await daria.says('/start')
    await daria.sees(/Привет, Дарья/)
  })

  it('of a screen that was shown all the same is drawn again', async () => {
    const egor = await world.person('Егор')
    await controls.fault({ on: 'telegram', method: 'sendMessage', status: 500, after_execution: true })
    await egor.says('/start')
    await until(async () => {
      const menus = (await egor.looks()).filter(({ text }) => text?.includes('Привет, Егор'))
      return menus.length === 2
    }, 'the menu stands there twice, which is better than not at all')
  })

  it('of a result is sent again rather than lost: it may come twice, and is paid once', async () => {
    const zoya = await world.person('Зоя')
    await controls.fault({ on: 'telegram', method: 'sendPhoto', after_execution: true })
    await describes(zoya, 'Z-Image', 'маяк')
    await zoya.taps('Запустить')
    const receipt = await zoya.getsReceipt()
    assert.match(receipt.text ?? '', /осталось 4/)
    await until(async () => (await zoya.looks()).filter(({ photo }) => photo).length === 2, 'it is sent again')
    await zoya.sees(/✅ Готово/)
    await zoya.says('/start')
    await zoya.sees(/Бесплатно сегодня: 4 из 5/)
  })

  it('of an edit is edited again', async () => {
    const ivan = await world.person('Иван')
    await ivan.says('/start')
    await ivan.sees(/Привет/)
    await controls.fault({ on: 'telegram', method: 'editMessageText', status: 504 })
    await ivan.taps('Помощь')
    await ivan.sees(/Как это работает/)
  })
})

describe('a no', () => {
  it('to a photo sends the picture as a document', async () => {
    const kira = await world.person('Кира')
    await controls.fault({
      on: 'telegram',
      method: 'sendPhoto',
      status: 400,
      description: 'Bad Request: PHOTO_INVALID_DIMENSIONS',
    })
    await describes(kira, 'Z-Image', 'панорама')
    await kira.taps('Запустить')
    await kira.getsDocument()
    const receipt = await kira.getsReceipt()
    assert.match(receipt.text ?? '', /панорама\n\nБесплатно, осталось 4/)
    await kira.sees(/Готово/)
  })

  it('to an edit of a message that is gone sends a new one', async () => {
    const lev = await world.person('Лев')
    await lev.says('/start')
    await lev.sees(/Привет/)
    await controls.fault({
      on: 'telegram',
      method: 'editMessageText',
      // One more: somebody else's progress may be told to be done for a second time.
      times: 2,
      status: 400,
      description: 'Bad Request: message to edit not found',
    })
    await lev.taps('Помощь')
    const help = await lev.sees(/Как это работает/)
    assert.equal(help.edited, false)
  })
})

it('a database of updates is not lost when Telegram itself repeats them: one effect for each', async () => {
  const mila = await world.person('Мила')
  const update = JSON.stringify({
    update_id: 777_000,
    message: {
      message_id: 5,
      date: 1,
      text: '/help',
      entities: [{ type: 'bot_command', offset: 0, length: 5 }],
      chat: { id: mila.id, type: 'private', first_name: 'Мила' },
      from: { id: mila.id, is_bot: false, first_name: 'Мила', language_code: 'ru' },
    },
  })
  await mila.hears(() => Promise.all(Array.from({ length: 20 }, () => world.deliver(update))))
  await mila.sees(/Как это работает/)
  assert.equal(
    log.count('UPDATE_RECEIVED', ({ update_id: id }) => id === 777_000),
    20,
  )
  assert.equal(
    log.count('COMMAND_RECEIVED', ({ cid }) => cidsOf(777_000).has(String(cid))),
    1,
  )
  assert.equal(mila.chat().filter(({ from }) => from === 'bot').length, 1)
})

const cidsOf = (updateId: number): ReadonlySet<string> =>
  new Set(
    log.events
      .filter(({ event, fields }) => event === 'UPDATE_RECEIVED' && fields['update_id'] === updateId)
      .map(({ fields }) => String(fields['cid'])),
  )
