import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { pauseAfter, repeatsWithin } from '../../src/kit/pauses.ts'

describe('a pause before a repeat', () => {
  const pauses = (random: () => number) =>
    Array.from({ length: 10 }, (_, repeats) => pauseAfter(repeats, random) / 1000)

  it('doubles from two seconds to five minutes', () => {
    assert.deepEqual(
      pauses(() => 0),
      [2, 4, 8, 16, 32, 64, 128, 256, 300, 300],
    )
    assert.equal(
      pauseAfter(1_000_000, () => 0),
      300_000,
    )
  })

  it('is up to a half shorter by chance', () => {
    assert.deepEqual(
      pauses(() => 0.5),
      [1.5, 3, 6, 12, 24, 48, 96, 192, 225, 225],
    )
    assert.ok(pauseAfter(3, () => 0.999_999) >= 8_000)
  })

  it('of what is counted by its age alone takes about as long as everything before it', () => {
    const pauseAt = (ageMs: number) => pauseAfter(repeatsWithin(ageMs), () => 0)
    assert.deepEqual(
      [0, 1_000, 2_000, 6_000, 62_000, 3_600_000].map(pauseAt),
      [2_000, 2_000, 4_000, 8_000, 64_000, 300_000],
    )
  })
})
