import assert from 'node:assert/strict'
import { after, before, describe, it, type TestContext } from 'node:test'
import { z } from 'zod'
import { later, type Outcome, unknown } from '../../src/kit/outcome.ts'
import { createIdentity } from '../../src/preflight/identity.ts'
import { openShop, type Shop } from '../commands/shop.ts'
import { createTestClock } from '../fixtures/clock.ts'
import { createPerson, type Person, until } from '../fixtures/person.ts'

/** Who this bot is: asked until Telegram says so, and remembered by the database that it serves. */
describe('Telegram is asked who this bot is', () => {
  /** `answers` in their order; the last one for ever. */
  function ask(t: TestContext, ...answers: readonly Outcome<string>[]) {
    const clock = createTestClock()
    const over = new AbortController()
    const known: string[] = []
    const failed: Outcome<string>[] = []
    let asked = 0
    const running = createIdentity<string, string>({
      getMe: async () => answers[Math.min(asked++, answers.length - 1)] ?? assert.fail('no answer'),
      known: (me) => void known.push(me),
      failed: (outcome) => void failed.push(outcome),
      clock,
    }).run(undefined, over.signal)
    const end = async () => {
      over.abort()
      await running
    }
    t.after(end)
    return { clock, known, failed, asked: () => asked, running, end }
  }

  it('once, when it says so at once', async (t) => {
    const { clock, known, failed, asked, running } = ask(t, { kind: 'done', value: 'a bot' })
    await running
    await clock.advance(600_000)
    assert.deepEqual([known, failed, asked()], [['a bot'], [], 1])
  })

  it('again and again when it does not, at most every five minutes; the first no is told, and only that', async (t) => {
    const no = later('unreachable', 'no route to host')
    const { clock, known, failed, running } = ask(t, no, ...Array(6).fill(unknown('silence')), {
      kind: 'done',
      value: 'a bot',
    })
    for (const seconds of [5, 10, 20, 60, 300, 300, 300]) {
      await clock.advance(0)
      assert.deepEqual(clock.sleepers(), [seconds * 1_000])
      await clock.advance(seconds * 1_000)
    }
    await running
    assert.deepEqual(known, ['a bot'])
    assert.deepEqual(failed, [no])
  })

  it('in vain when the answer comes after the stop: nothing is told of it', async () => {
    for (const answer of [unknown('the wait was given up'), { kind: 'done', value: 'a bot' } as const]) {
      const late = Promise.withResolvers<Outcome<string>>()
      const over = new AbortController()
      const told: unknown[] = []
      const running = createIdentity<string, string>({
        getMe: () => late.promise,
        known: (me) => void told.push(me),
        failed: (outcome) => void told.push(outcome),
        clock: createTestClock(),
      }).run(undefined, over.signal)
      over.abort()
      late.resolve(answer)
      await running
      assert.deepEqual(told, [])
    }
  })

  it('no more when the instance stops', async (t) => {
    const { clock, known, end } = ask(t, unknown('silence'), { kind: 'done', value: 'a bot' })
    await clock.advance(1_000)
    await end()
    assert.deepEqual(clock.sleepers(), [])
    assert.deepEqual(known, [])
  })
})

describe('the bot of a database', () => {
  let shop: Shop
  let anna: Person
  before(async () => {
    shop = await openShop()
  })
  after(() => shop.end())

  const findings = (lines: readonly string[]) => lines.filter((line) => line.includes(' PREFLIGHT_FINDING '))
  const chatShape = z.object({ messages: z.array(z.looseObject({ from: z.string(), text: z.string().optional() })) })

  /** What this bot, and no other, has written to Anna. */
  async function writtenBy(bot: number): Promise<readonly string[]> {
    const chat = await shop.controls.ask('GET', `/people/${anna.id}/chat?bot=${bot}&after=0`)
    return chatShape.parse(chat).messages.flatMap(({ from, text }) => (from === 'bot' ? (text ?? '') : []))
  }

  /** Starts with a token, and is asked for the menu; gives what the start found doubtful. */
  async function serves(token: string): Promise<readonly string[]> {
    // Telegram takes another webhook a second after the last.
    await shop.controls.advance(2_000)
    const running = await shop.start({ TELEGRAM_BOT_TOKEN: token })
    try {
      anna ??= await createPerson(shop.controls, { first_name: 'Анна', language_code: 'ru' })
      const bot = Number(token.split(':')[0])
      const before = (await writtenBy(bot)).length
      await shop.controls.ask('POST', `/people/${anna.id}/messages?bot=${bot}`, { text: '/start' })
      await until(async () => (await writtenBy(bot)).length > before, `bot ${bot} has answered /start`)
      await until(() => running.lines().some((line) => line.includes(` BOT_VERIFIED `)), 'it knows who it is')
    } finally {
      await running.stop()
    }
    return findings(running.lines())
  }

  it('is remembered: a rotated token of the same bot goes on without a word, with everybody it knows', async () => {
    assert.deepEqual(await serves('7000001:the-first-token-of-this-bot-opens-nothing'), [])
    assert.deepEqual(await shop.sql('select bot::int from world'), [{ bot: 7_000_001 }])
    assert.deepEqual(await serves('7000001:a-rotated-token-of-it-opens-nothing-too'), [])
    assert.equal((await shop.sql('select 1 from people')).length, 1)
  })

  it('is warned of when another bot’s token comes, which serves all the same; the first one stays written', async () => {
    const [finding, ...more] = await serves('7000002:a-token-of-another-bot-opens-nothing')
    assert.match(finding ?? '', /check=world problem="the bot is 7000002, and this database was begun by 7000001"/)
    assert.match(finding ?? '', /todo="if that is meant, nothing; files and payments of the two are never mixed"/)
    assert.deepEqual(more, [])
    assert.deepEqual(await shop.sql('select bot::int from world'), [{ bot: 7_000_001 }])
    assert.deepEqual(await shop.sql('select distinct bot::int from inbox order by bot'), [
      { bot: 7_000_001 },
      { bot: 7_000_002 },
    ])
    assert.deepEqual(await serves('7000001:a-rotated-token-of-it-opens-nothing-too'), [], 'the way back is no trouble')
  })

  it('works without Telegram having said who it is, and says that it does not know', async () => {
    await shop.controls.fault({ on: 'telegram', method: 'getMe', times: 100, status: 401, description: 'Unauthorized' })
    await shop.controls.advance(2_000)
    const running = await shop.start()
    try {
      const before = (await writtenBy(7_000_001)).length
      await shop.controls.ask('POST', `/people/${anna.id}/messages?bot=7000001`, { text: '/start' })
      await until(async () => (await writtenBy(7_000_001)).length > before, 'the bot has answered /start')
    } finally {
      await running.stop()
      await shop.controls.clearFaults()
    }
    assert.equal(findings(running.lines()).length, 1)
    assert.match(findings(running.lines())[0] ?? '', /Unauthorized/)
  })
})
