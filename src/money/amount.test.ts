import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { instant } from '../kit/clock.ts'
import { personId } from '../kit/ids.ts'
import { nameOfAccount } from './account.ts'
import { generations, kopecks, shareOf, stars } from './amount.ts'
import { shopDay, shopDayAt, shopDaySpan } from './shop-day.ts'

describe('amounts', () => {
  it('are whole numbers that are held exactly, or nothing', () => {
    for (const make of [kopecks, generations, stars]) {
      assert.equal(make(629), 629)
      for (const wrong of [0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
        assert.throws(() => make(wrong), /must be a whole number/)
      }
    }
  })
})

describe('a share of a price', () => {
  it('is rounded down to the kopeck, is never nothing, and never more than the price', () => {
    assert.equal(shareOf(kopecks(1509), 2, 4), 754)
    assert.equal(shareOf(kopecks(1509), 3, 4), 1131)
    assert.equal(shareOf(kopecks(100), 1, 3), 33)
    assert.equal(shareOf(kopecks(1), 1, 4), 1)
    for (const [arrived, ordered] of [
      [4, 4],
      [5, 4],
      [1, 1],
    ] as const) {
      assert.equal(shareOf(kopecks(629), arrived, ordered), 629)
    }
  })
})

describe('the day of the shop', () => {
  const at = (text: string) => instant(Date.parse(text))

  it('changes at midnight in the time zone of the shop', () => {
    assert.equal(shopDayAt(at('2026-11-25T20:59:59.999Z'), 'Europe/Moscow'), '2026-11-25')
    assert.equal(shopDayAt(at('2026-11-25T21:00:00Z'), 'Europe/Moscow'), '2026-11-26')
    assert.equal(shopDayAt(at('2026-11-25T21:00:00Z'), 'America/New_York'), '2026-11-25')
  })

  it('follows the change of the clocks where there is one', () => {
    assert.equal(shopDayAt(at('2026-03-28T23:30:00Z'), 'Europe/Berlin'), '2026-03-29')
    assert.equal(shopDayAt(at('2026-03-29T21:30:00Z'), 'Europe/Berlin'), '2026-03-29')
    assert.equal(shopDayAt(at('2026-03-29T22:30:00Z'), 'Europe/Berlin'), '2026-03-30')
  })

  it('begins and ends with the clock of the shop, also when that is put forward or back', () => {
    const span = (day: string, timezone: string) => {
      const { from, to } = shopDaySpan(shopDay(day), timezone)
      return [new Date(from).toISOString(), new Date(to).toISOString()]
    }
    assert.deepEqual(span('2026-11-25', 'Europe/Moscow'), ['2026-11-24T21:00:00.000Z', '2026-11-25T21:00:00.000Z'])
    assert.deepEqual(span('2026-03-29', 'Europe/Berlin'), ['2026-03-28T23:00:00.000Z', '2026-03-29T22:00:00.000Z'])
    assert.deepEqual(span('2026-10-25', 'Europe/Berlin'), ['2026-10-24T22:00:00.000Z', '2026-10-25T23:00:00.000Z'])
    assert.deepEqual(span('2026-12-31', 'Pacific/Kiritimati'), ['2026-12-30T10:00:00.000Z', '2026-12-31T10:00:00.000Z'])
    assert.deepEqual(span('2026-01-01', 'Asia/Kathmandu'), ['2025-12-31T18:15:00.000Z', '2026-01-01T18:15:00.000Z'])
  })

  it('knows no time zone that does not exist, and no day that is none', () => {
    assert.throws(() => shopDayAt(at('2026-11-25T20:00:00Z'), 'Europe/Atlantis'))
    for (const text of ['', '2026-13-01', '2026-1-1', '26-01-01', '2026-01-32', '2026-01-01 ']) {
      assert.throws(() => shopDay(text), /not a day of the shop/)
    }
  })
})

describe('accounts', () => {
  it('have a name for each person, unit and day', () => {
    const person = personId(42)
    assert.equal(nameOfAccount({ person, unit: 'RUB' }), 'person:42/RUB')
    assert.equal(nameOfAccount({ person, unit: 'GEN' }), 'person:42/GEN')
    assert.equal(nameOfAccount({ person, unit: 'GEN', day: shopDay('2026-11-25') }), 'person:42/GEN/2026-11-25')
  })
})
