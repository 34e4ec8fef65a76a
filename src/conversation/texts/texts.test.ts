import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { instant } from '../../kit/clock.ts'
import { kopecks } from '../../money/amount.ts'
import { commandsFor } from './commands-for.ts'
import { formatMoney } from './format.ts'
import { textsFor } from './texts-for.ts'

/** Unbreakable spaces are shown as ordinary ones here, so that expectations can be read. */
const readable = (text: string): string => text.replaceAll('\u00a0', ' ')

describe('the texts', () => {
  it('write money with roubles alone, as each language does, and keep it on one line', () => {
    const { money } = textsFor('ru')
    assert.equal(readable(money(kopecks(12_50))), '12,50 ₽')
    assert.equal(readable(money(kopecks(63))), '0,63 ₽')
    assert.equal(readable(money(kopecks(1_000_00))), '1 000 ₽')
    assert.equal(readable(money(kopecks(1_234_567_05))), '1 234 567,05 ₽')
    assert.equal(readable(textsFor('en').money(kopecks(1_234_05))), '1,234.05 ₽')
    assert.ok(!formatMoney(1_234_05, 'ru').includes(' '), 'no ordinary space')
  })

  it('count in Russian', () => {
    const { generations, pictures } = textsFor('ru')
    const counted = [1, 2, 5, 11, 14, 21, 22, 25, 111, 0].map((n) => readable(generations(n)))
    assert.deepEqual(counted, [
      '1 генерация',
      '2 генерации',
      '5 генераций',
      '11 генераций',
      '14 генераций',
      '21 генерация',
      '22 генерации',
      '25 генераций',
      '111 генераций',
      '0 генераций',
    ])
    assert.equal(readable(pictures(3)), '3 картинки')
  })

  it('tell time no finer than a waiting person cares for', () => {
    const { duration, range } = textsFor('ru')
    assert.equal(readable(duration(0)), '1 с')
    assert.equal(readable(duration(95_000)), '95 с')
    assert.equal(readable(duration(150_000)), '3 мин')
    assert.equal(readable(duration(3 * 3_600_000)), '3 ч')
    assert.equal(readable(range(20_000, 40_000)), '20–40 с')
    assert.equal(readable(range(40_000, 41_000)), '40–41 с')
    assert.equal(readable(range(90_000, 240_000)), '2–4 мин')
    assert.equal(readable(range(20_000, 20_000)), '20 с')
  })

  it("tell dates in the shop's time zone", () => {
    const at = instant(Date.UTC(2026, 10, 25, 22, 30))
    assert.match(textsFor('ru').date(at, 'Europe/Moscow'), /26 нояб\.?, 01:30/)
    assert.match(textsFor('en').date(at, 'UTC'), /25 Nov, 22:30/)
  })

  it('offer the same commands in both languages, within the limits of Telegram', () => {
    const [ru, en] = [commandsFor('ru'), commandsFor('en')]
    assert.deepEqual(
      ru.map(({ command }) => command),
      en.map(({ command }) => command),
    )
    for (const { command, description } of [...ru, ...en]) {
      assert.match(command, /^[a-z0-9_]{1,32}$/)
      assert.ok(description.length >= 3 && description.length <= 256)
    }
    assert.ok(ru.every(({ description }) => /[а-яё]/i.test(description)))
    assert.ok(en.every(({ description }) => !/[а-яё]/i.test(description)))
  })

  it('fit a toast and a payment refusal', () => {
    for (const language of ['ru', 'en'] as const) {
      const { toasts, preCheckout } = textsFor(language)
      const price = { unit: 'RUB', kopecks: kopecks(50_000_00) } as const
      for (const toast of Object.values(toasts)) {
        const said = typeof toast === 'string' ? toast : toast(price)
        assert.ok(said.length > 0 && said.length <= 200, said)
      }
      for (const said of Object.values(preCheckout)) assert.ok(said.length <= 200)
    }
  })

  it('never speak of kopecks', () => {
    for (const language of ['ru', 'en'] as const) {
      assert.doesNotMatch(JSON.stringify(textsFor(language)), /копе|коп\.|kopeck/i)
      const { refusals } = textsFor(language)
      assert.doesNotMatch(refusals.not_enough_money({ code: 'not_enough_money', missing: kopecks(5) }), /коп|kopeck/i)
    }
  })
})
