import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { cases } from '../../test/fixtures/seed.ts'
import { after, instant } from '../kit/clock.ts'
import { newTopUpId, personId } from '../kit/ids.ts'
import { kopecks, stars } from './amount.ts'
import {
  invoiceStarsMax,
  isWithin,
  judgePreCheckout,
  kopecksFor,
  starsFor,
  type TopUp,
  topUpOpenMs,
  topUpRange,
} from './top-up.ts'

const amounts = fc.integer({ min: 1, max: 1_000_000_00 }).map(kopecks)
/** A rate in thousandths, from 0.001 to 10. */
const rates = fc.integer({ min: 1, max: 10_000 })
const written = (thousandths: number): string =>
  `${Math.floor(thousandths / 1000)}.${String(thousandths % 1000).padStart(3, '0')}`

describe('Stars for money', () => {
  it('asks for whole Stars, rounded up', () => {
    assert.equal(starsFor(kopecks(100_00), '1.6'), 160)
    assert.equal(starsFor(kopecks(100_01), '1.6'), 161)
    assert.equal(starsFor(kopecks(1), '1.6'), 1)
  })

  it('never asks for less than the rate says, nor for a whole Star more', () => {
    fc.assert(
      fc.property(amounts, rates, (amount, rate) => {
        const asked = BigInt(starsFor(amount, written(rate))) * 100_000n
        const due = BigInt(amount) * BigInt(rate)
        assert.ok(asked >= due && asked < due + 100_000n)
      }),
      cases(),
    )
  })

  it('credits Stars without an invoice with whole kopecks, never more than the rate says', () => {
    assert.equal(kopecksFor(stars(160), '1.6'), 100_00)
    assert.equal(kopecksFor(stars(1), '1.6'), 62)
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }).map(stars), rates, (paid, rate) => {
        const credited = BigInt(kopecksFor(paid, written(rate))) * BigInt(rate)
        const worth = BigInt(paid) * 100_000n
        assert.ok(credited <= worth && credited > worth - BigInt(rate))
      }),
      cases(),
    )
  })

  it('gives a person who pays what was asked at least what they wanted', () => {
    fc.assert(
      fc.property(amounts, rates, (amount, rate) => {
        assert.ok(kopecksFor(starsFor(amount, written(rate)), written(rate)) >= amount)
      }),
      cases(),
    )
  })

  it('are within one invoice for every amount that can be topped up, and for no larger one', () => {
    assert.deepEqual(topUpRange('1.6'), { min: 50_00, max: 50_000_00 })
    assert.deepEqual(topUpRange('2.5'), { min: 50_00, max: 40_000_00 })
    assert.deepEqual(topUpRange('2000'), { min: 50_00, max: 50_00 })
    fc.assert(
      fc.property(amounts, rates, (amount, rate) => {
        const range = topUpRange(written(rate))
        if (isWithin(range, amount)) {
          const asked = starsFor(amount, written(rate))
          assert.ok(asked >= 1 && asked <= invoiceStarsMax)
        }
        const isOurs = range.max === 50_000_00
        assert.ok(isOurs || starsFor(kopecks(range.max + 1_00), written(rate)) > invoiceStarsMax)
      }),
      cases(),
    )
    assert.ok(topUpRange('0').max < topUpRange('0').min)
  })

  it('has no price at a rate of nothing', () => {
    assert.throws(() => starsFor(kopecks(100), '0'), /more than 0/)
    assert.throws(() => kopecksFor(stars(100), '0.000'), /more than 0/)
  })
})

describe('judging a pre-checkout', () => {
  const anna = personId(1)
  const madeAt = instant(1_764_000_000_000)
  const open: TopUp = {
    id: newTopUpId(),
    person: anna,
    amount: kopecks(100_00),
    stars: stars(160),
    madeAt,
    state: 'open',
  }
  const asked = { from: anna, currency: 'XTR', totalAmount: 160 }
  const judge = (topUp: TopUp | undefined, change: Partial<typeof asked> = {}, now = madeAt) => {
    const verdict = judgePreCheckout(topUp, { ...asked, ...change }, now)
    return verdict.ok ? 'yes' : verdict.why
  }

  it('lets through what was asked, for a day', () => {
    assert.equal(judge(open), 'yes')
    assert.equal(judge(open, {}, after(madeAt, topUpOpenMs)), 'yes')
    assert.equal(judge(open, {}, after(madeAt, topUpOpenMs + 1)), 'expired')
  })

  it('lets through an invoice that seems to be of the future, because a clock was set back', () => {
    assert.equal(judge(open, {}, after(madeAt, -60_000)), 'yes')
  })

  it('refuses a payload that nobody made', () => {
    assert.equal(judge(undefined), 'unknown')
  })

  it('refuses an invoice that was forwarded to somebody else', () => {
    assert.equal(judge(open, { from: personId(2) }), 'foreign')
  })

  it('refuses to take the same invoice twice, or a closed one', () => {
    assert.equal(judge({ ...open, state: 'paid' }), 'closed')
    assert.equal(judge({ ...open, state: 'closed' }), 'closed')
  })

  it('refuses another amount and another currency', () => {
    assert.equal(judge(open, { totalAmount: 159 }), 'amount_differs')
    assert.equal(judge(open, { totalAmount: 161 }), 'amount_differs')
    assert.equal(judge(open, { currency: 'RUB' }), 'amount_differs')
  })
})
