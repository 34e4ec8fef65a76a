import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { toSafeInteger } from './safe-integer.ts'

describe('a bigint of the database', () => {
  it('is read as the number it is', () => {
    assert.equal(toSafeInteger('9007199254740991', 'a sum'), Number.MAX_SAFE_INTEGER)
    assert.equal(toSafeInteger('-629', 'a sum'), -629)
    assert.equal(toSafeInteger(0, 'a sum'), 0)
  })

  it('is a fault that says what it was when a number cannot hold it, never rounded', () => {
    for (const wrong of ['9007199254740992', '-9007199254740993', '0.5', '', 'NaN', null, undefined, 2 ** 53]) {
      assert.throws(
        () => toSafeInteger(wrong, 'the balance of person 42'),
        /^Error: the balance of person 42 is no whole number/,
      )
    }
  })
})
