import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createPacing } from '../../src/delivery/pacing.ts'
import { createTelegramBreaker } from '../../src/delivery/telegram-breaker.ts'
import { chatId, randomFraction } from '../../src/kit/ids.ts'
import { done, unknown } from '../../src/kit/outcome.ts'
import { createTestClock, type TestClock } from '../fixtures/clock.ts'
import { openStorage } from '../fixtures/storage.ts'
import { createTelling } from '../fixtures/telling.ts'

/** Waits, pauses and the pace of errands, on a real database, by a clock that the test moves. */
const { store, permit } = await openStorage()
const anna = chatId(1)
const silence = unknown('Telegram answered 502: Bad Gateway')
const tooMany = { kind: 'not_done', why: 'too_many', detail: 'Too Many Requests' } as const
const open = (clock: TestClock, waitMs: () => number | undefined = () => undefined) =>
  createPacing({ store, breaker: { waitMs }, random: () => 0, clock })

describe('an errand that comes again', () => {
  it('waits exactly as long as Telegram says, and that is no repeat', async () => {
    const clock = createTestClock()
    const pacing = open(clock)
    const againAt = clock.now() + 7_000
    const no = { ...tooMany, retry: { when: 'later', afterMs: 7_000 } } as const
    assert.deepEqual(await pacing.after(permit, anna, no, 4), { againAt, repeats: 4 })
    assert.equal(pacing.waitFor(anna), againAt)
    assert.deepEqual(pacing.hold(anna, 4), { againAt, repeats: 4 })
  })

  it('waits for longer each time where Telegram says nothing, and counts it', async () => {
    const clock = createTestClock()
    const pacing = open(clock)
    assert.deepEqual(pacing.again(0), { againAt: clock.now() + 2_000 })
    assert.deepEqual(pacing.again(5), { againAt: clock.now() + 64_000 })
    const no = { ...tooMany, retry: { when: 'later' } } as const
    assert.deepEqual(await pacing.after(permit, chatId(2), no, 3), { againAt: clock.now() + 16_000 })
  })

  it('waits while the breaker is open, and that is no repeat either', async () => {
    const clock = createTestClock()
    const pacing = open(clock, () => 9_000)
    assert.deepEqual(pacing.hold(anna, 2), { againAt: clock.now() + 9_000, repeats: 2 })
    const no = { kind: 'not_done', why: 'unreachable', detail: 'x', retry: { when: 'later' } } as const
    assert.deepEqual(await pacing.after(permit, anna, no, 1), { againAt: clock.now() + 4_000, repeats: 1 })
  })
})

describe('errands to many chats', () => {
  /** Chats whose errands come when they are told to; gives the seconds, after `fromMs`, in which each called. */
  async function carryOut(
    clock: TestClock,
    chats: number,
    hold: (chat: number) => number | undefined,
    seconds: number,
  ) {
    const due = new Map(Array.from({ length: chats }, (_, n) => [n + 1, clock.now() as number]))
    const calls: { readonly chat: number; readonly at: number }[] = []
    for (let ms = 0; ms < seconds * 1000 && due.size > 0; ms += 20) {
      for (const [chat, at] of due) {
        if (at > clock.now()) continue
        const again = hold(chat)
        if (again === undefined) {
          calls.push({ chat, at: clock.now() })
          due.delete(chat)
        } else due.set(chat, again)
      }
      await clock.advance(20)
    }
    return calls
  }
  const mostInASecond = (calls: readonly { readonly at: number }[]) =>
    Math.max(...calls.map(({ at }) => calls.filter((each) => each.at >= at && each.at < at + 1_000).length))
  const timeOf = (settled: ReturnType<ReturnType<typeof open>['hold']>) =>
    settled === undefined || settled === 'settled' ? undefined : settled.againAt

  it('call at once while there are few, and 25 a second when there are many, each once and in their order', async () => {
    const clock = createTestClock()
    const pacing = open(clock)
    const began = clock.now()
    const calls = await carryOut(clock, 300, (chat) => timeOf(pacing.hold(chatId(chat), 0)), 30)
    assert.deepEqual(
      calls.map(({ chat }) => chat),
      Array.from({ length: 300 }, (_, n) => n + 1),
    )
    assert.equal(calls.filter(({ at }) => at === began).length, 10)
    assert.ok(mostInASecond(calls) <= 36, `${mostInASecond(calls)} in a second`)
    assert.ok((calls.at(-1)?.at ?? 0) - began < 13_000)
  })

  it('that waited while Telegram was away for an hour go out at that pace when it is back, and none before', async (t) => {
    const clock = createTestClock()
    const backAt = clock.now() + 3_600_000
    const breaker = createTelegramBreaker({
      probe: async () => (clock.now() >= backAt ? done(true) : silence),
      random: randomFraction,
      clock,
      telemetry: createTelling(clock).telemetry,
    })
    const over = new AbortController()
    const watching = breaker.watch(over.signal)
    t.after(async () => {
      over.abort()
      await watching
    })
    for (let n = 0; n < 5; n++) breaker.note(silence)
    const pacing = createPacing({ store, breaker, random: randomFraction, clock })
    // The last minutes of that hour.
    await clock.advance(3_480_000)
    const calls = await carryOut(clock, 400, (chat) => timeOf(pacing.hold(chatId(chat), 0)), 240)
    assert.equal(calls.length, 400)
    assert.ok(calls.every(({ at }) => at >= backAt))
    assert.ok(mostInASecond(calls) <= 36, `${mostInASecond(calls)} in a second`)
    assert.ok((calls.at(-1)?.at ?? 0) - backAt < 90_000, 'and all soon after the next probe')
  })
})
