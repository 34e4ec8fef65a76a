import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { cases } from '../../../test/fixtures/seed.ts'
import { type LockPurpose, lockKeys } from './lock-keys.ts'

const purposes: readonly LockPurpose[] = ['migrations', 'leader', 'fence']
/** Bots are named like this (`BOT_INSTANCE_ID`). */
const schema = fc.stringMatching(/^[a-z][a-z0-9_]{0,30}$/)

describe('the numbers of a lock', () => {
  it('are two that PostgreSQL takes for a lock, signed and of 32 bits, whatever the bot is called', () => {
    fc.assert(
      fc.property(schema, fc.constantFrom(...purposes), (name, purpose) => {
        const keys = lockKeys(name, purpose)
        assert.equal(keys.length, 2)
        for (const key of keys) assert.equal(key | 0, key, `${key} does not fit`)
      }),
      cases(500),
    )
  })

  it('are the same in every program, and different for every bot and purpose', () => {
    // Written down once: with other numbers, an old and a new program would both lead during a deploy.
    assert.deepEqual(lockKeys('main', 'leader'), [-1060828565, 1980802614])
    fc.assert(
      fc.property(fc.uniqueArray(schema, { minLength: 2, maxLength: 20 }), (names) => {
        const all = names.flatMap((name) => purposes.map((purpose) => lockKeys(name, purpose).join(' ')))
        assert.equal(new Set(all).size, all.length)
      }),
      cases(50),
    )
  })
})
