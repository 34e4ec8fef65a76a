import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { View } from '../../src/conversation/view.ts'
import type { ChatGateway, ChatNo } from '../../src/delivery/chat-gateway.ts'
import { createTelegramBreaker } from '../../src/delivery/telegram-breaker.ts'
import { createWatchedChat } from '../../src/delivery/watched-chat.ts'
import { chatId, fileId, messageId } from '../../src/kit/ids.ts'
import { done, later, never, type Outcome, unknown } from '../../src/kit/outcome.ts'
import { createTestClock } from '../fixtures/clock.ts'
import { createTelling } from '../fixtures/telling.ts'

const answered = done(true)
const silence = unknown('Telegram answered 502: Bad Gateway')
const unreached = later('unreachable', 'connection refused')
const refusedToken = later('token_refused', 'Telegram answered 401: Unauthorized')

/** A Telegram that says the same to every call. */
const silent = (says: (method: string) => Outcome<never, ChatNo>) =>
  new Proxy({} as ChatGateway, { get: (_, method) => async () => says(String(method)) })

/** A breaker whose probe says what the test wants, by a clock that the test moves. */
function open(t: TestContext) {
  const clock = createTestClock()
  const telling = createTelling(clock)
  const world: { says: Outcome<unknown> } = { says: answered }
  const probes: number[] = []
  const breaker = createTelegramBreaker({
    probe: async () => {
      probes.push(clock.monotonicMs())
      return world.says
    },
    random: () => 0,
    clock,
    telemetry: telling.telemetry,
  })
  const over = new AbortController()
  const watching = breaker.watch(over.signal)
  t.after(async () => {
    over.abort()
    await watching
  })
  const notes = (outcome: Outcome<unknown>, times = 1) => {
    for (let n = 0; n < times; n++) breaker.note(outcome)
  }
  return { ...breaker, ...telling, clock, world, probes, notes }
}

describe('the breaker for Telegram', () => {
  it('opens when five calls in a row got no answer, whatever the reason', async (t) => {
    const breaker = open(t)
    breaker.notes(silence, 2)
    breaker.notes(unreached, 2)
    assert.equal(breaker.isOpen(), false)
    breaker.notes(silence)
    assert.equal(breaker.isOpen(), true)
    assert.deepEqual(breaker.fieldsOf('TELEGRAM_AWAY'), [
      { why: 'no_answer', detail: 'Telegram answered 502: Bad Gateway' },
    ])
    assert.equal(breaker.away()?.since, breaker.clock.now())
  })

  it('stays closed while Telegram answers in between, be it with a no', async (t) => {
    const breaker = open(t)
    for (const answer of [answered, never('blocked', '403'), later('too_many', '429', 3_000)]) {
      breaker.notes(silence, 4)
      breaker.notes(answer)
    }
    breaker.notes(silence, 4)
    assert.equal(breaker.isOpen(), false)
    assert.equal(breaker.waitMs(), undefined)
  })

  it('opens at once when the token is refused', async (t) => {
    const breaker = open(t)
    breaker.notes(refusedToken)
    assert.equal(breaker.isOpen(), true)
    assert.equal(breaker.away()?.why, 'token_refused')
  })

  it('asks with one probe at a time and pauses that grow to a minute, and tells it once', async (t) => {
    const breaker = open(t)
    breaker.world.says = silence
    const began = breaker.clock.monotonicMs()
    breaker.notes(silence, 5)
    await breaker.clock.advance(3_600_000)
    const at = breaker.probes.map((ms) => (ms - began) / 1000)
    assert.deepEqual(at.slice(0, 7), [2, 6, 14, 30, 62, 122, 182])
    assert.ok(at.length < 66, `${at.length} probes in an hour`)
    assert.deepEqual(breaker.events('TELEGRAM_AWAY', 'TELEGRAM_BACK'), ['TELEGRAM_AWAY'])
  })

  it('closes when a call is answered after the probe was', async (t) => {
    const breaker = open(t)
    breaker.notes(silence, 5)
    breaker.notes(answered)
    assert.equal(breaker.isOpen(), true, 'what was under way before says nothing')
    await breaker.clock.advance(2_000)
    assert.equal(breaker.isOpen(), false)
    assert.notEqual(breaker.away(), undefined, 'not before a call has proved it')
    breaker.notes(answered)
    assert.equal(breaker.away(), undefined)
    assert.deepEqual(breaker.fieldsOf('TELEGRAM_BACK'), [{ away_s: 2 }])
  })

  it('closes without a call, when none has failed for a minute', async (t) => {
    const breaker = open(t)
    breaker.notes(refusedToken)
    await breaker.clock.advance(62_000)
    assert.deepEqual(breaker.events('TELEGRAM_AWAY', 'TELEGRAM_BACK'), ['TELEGRAM_AWAY', 'TELEGRAM_BACK'])
    assert.equal(breaker.probes.length, 1)
  })

  it('lets few calls through when the probe is answered and nothing else is', async (t) => {
    const breaker = open(t)
    breaker.notes(silence, 5)
    let calls = 0
    for (let s = 0; s < 600; s++) {
      await breaker.clock.advance(1_000)
      if (breaker.isOpen()) continue
      calls += 1
      breaker.notes(silence)
    }
    assert.ok(calls <= 15, `${calls} calls in ten minutes`)
    assert.deepEqual(breaker.events('TELEGRAM_AWAY', 'TELEGRAM_BACK'), ['TELEGRAM_AWAY'], 'one alarm')
  })

  it('sends those who wait back one by one, after the probe', async (t) => {
    const clock = createTestClock()
    let n = 0
    const breaker = createTelegramBreaker({
      probe: async () => answered,
      random: () => (n++ % 100) / 100,
      clock,
      telemetry: createTelling(clock).telemetry,
    })
    t.after(() => clock.sleepers())
    breaker.note(refusedToken)
    const waits = Array.from({ length: 100 }, () => breaker.waitMs() ?? 0)
    assert.equal(new Set(waits).size, 100)
    assert.ok(Math.min(...waits) > 2_000 && Math.max(...waits) < 13_000, `${waits}`)
  })
})

describe('the chat gateway that everybody uses', () => {
  it('takes no file that is slow to come for a Telegram that is away, but a refused token', async (t) => {
    const breaker = open(t)
    const world: { says: Outcome<never, ChatNo> } = { says: silence }
    const chat = createWatchedChat(
      silent(() => world.says),
      breaker,
    )
    for (let n = 0; n < 10; n++) await chat.fetchFile(fileId('f'))
    assert.equal(breaker.isOpen(), false)
    world.says = refusedToken
    await chat.fetchFile(fileId('f'))
    assert.equal(breaker.isOpen(), true)
  })

  it('tells the breaker of every call, and calls nobody while it is open', async (t) => {
    const breaker = open(t)
    const called: string[] = []
    const says = (method: string) => {
      called.push(method)
      return silence
    }
    const chat = createWatchedChat(silent(says), breaker)
    const anna = chatId(1)
    const view: View = { screen: 'main_menu', text: [], keyboard: [] }
    await chat.send({ chat: anna }, view)
    await chat.edit(anna, messageId(1), view)
    await chat.answerTap('tap', {})
    await chat.sayBusy({ chat: anna }, 'typing')
    await chat.sendInvoice({ chat: anna }, { title: '', description: '', payload: '', label: '', stars: 1 })
    assert.equal(breaker.isOpen(), true)
    const kept = await chat.send({ chat: anna }, view)
    assert.ok(kept.kind === 'not_done' && kept.why === 'unreachable' && kept.retry.when === 'later')
    assert.equal(kept.retry.afterMs, 2_500)
    assert.deepEqual(called, ['send', 'edit', 'answerTap', 'sayBusy', 'sendInvoice'])
  })
})
