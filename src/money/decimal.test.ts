import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { cases } from '../../test/fixtures/seed.ts'
import { compareDecimals, type Decimal, parseDecimal, plus, roundHalfUp, times, wholeDecimal } from './decimal.ts'

const decimals: fc.Arbitrary<Decimal> = fc.record({
  units: fc.bigInt({ min: 0n, max: 10n ** 27n }),
  scale: fc.integer({ min: 0, max: 12 }),
})
/** The exact value over a common denominator that every test value fits. */
const exact = ({ units, scale }: Decimal, denominatorScale = 40): bigint =>
  units * 10n ** BigInt(denominatorScale - scale)

describe('decimal numbers', () => {
  it('reads what settings and price lists write', () => {
    assert.deepEqual(parseDecimal('78.57'), { units: 7857n, scale: 2 })
    assert.deepEqual(parseDecimal('2'), { units: 2n, scale: 0 })
    assert.deepEqual(parseDecimal('0.004'), { units: 4n, scale: 3 })
    assert.deepEqual(parseDecimal('123456789012345.123456789012'), { units: 123456789012345123456789012n, scale: 12 })
  })

  it('guesses nothing: a number that is not written plainly is an error', () => {
    for (const text of [
      '',
      ' 1',
      '1 ',
      '-1',
      '+1',
      '1,5',
      '.5',
      '1.',
      '1e3',
      '0x1',
      'NaN',
      '1_000',
      '1.1234567890123',
    ]) {
      assert.throws(() => parseDecimal(text), /not a decimal number/, text)
    }
  })

  it('reads back what a decimal is written as', () => {
    fc.assert(
      fc.property(fc.nat(), fc.stringMatching(/^\d{1,12}$/), (whole, fraction) => {
        const { units, scale } = parseDecimal(`${whole}.${fraction}`)
        assert.equal(units, BigInt(`${whole}${fraction}`))
        assert.equal(scale, fraction.length)
      }),
      cases(),
    )
  })

  it('rounds a half up, and everything below it down', () => {
    const places = 2
    assert.equal(roundHalfUp(parseDecimal('0.005'), places), 1n)
    assert.equal(roundHalfUp(parseDecimal('0.0049999'), places), 0n)
    assert.equal(roundHalfUp(parseDecimal('1.995'), places), 200n)
    assert.equal(roundHalfUp(parseDecimal('7'), places), 700n)
    assert.equal(roundHalfUp(parseDecimal('0.5'), 0), 1n)
  })

  it('never rounds by more than a half, and by exactly a half only upwards', () => {
    fc.assert(
      fc.property(decimals, fc.integer({ min: 0, max: 6 }), (value, places) => {
        const off = exact({ units: roundHalfUp(value, places), scale: places }) - exact(value)
        const half = exact({ units: 5n, scale: places + 1 })
        assert.ok(off > -half && off <= half)
      }),
      cases(),
    )
  })

  it('multiplies and adds without losing a digit', () => {
    fc.assert(
      fc.property(decimals, decimals, (a, b) => {
        assert.equal(exact(times(a, b), 80), exact(a) * exact(b))
        assert.equal(exact(plus(a, b)), exact(a) + exact(b))
        assert.equal(Math.sign(compareDecimals(a, b)), exact(a) < exact(b) ? -1 : exact(a) > exact(b) ? 1 : 0)
      }),
      cases(),
    )
    assert.deepEqual(wholeDecimal(12), parseDecimal('12'))
  })

  it('makes a price: dollars x rate x multiplier, one rounding at the end', () => {
    const rub = times(times(parseDecimal('0.04'), parseDecimal('78.57')), parseDecimal('2'))
    assert.equal(roundHalfUp(rub, 2), 629n)
  })
})
