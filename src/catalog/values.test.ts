import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { both, offerWith } from '../../test/fixtures/offer.ts'
import { completeValues, missingField, withFreshSeed } from './values.ts'

const offer = offerWith(
  [
    { name: 'title', type: 'text', role: 'extra', required: true, label: both, minLength: 1, maxLength: 9 },
    { name: 'prompt', type: 'text', role: 'prompt', required: true, label: both, minLength: 1, maxLength: 9 },
    { name: 'size', type: 'choice', required: true, label: both, options: [], initial: '1K' },
    { name: 'pro', type: 'switch', required: false, label: both },
    { name: 'photos', type: 'images', required: true, label: both, min: 2, max: 3, maxBytes: 9, wire: 'list' },
  ],
  { constants: { mode: 'plain' } },
)
const photo = { fileId: 'a', uniqueId: 'a', bytes: 1 }

describe('completeValues', () => {
  it('adds what is constant and what is initial, and nothing that nobody said', () => {
    assert.deepEqual(completeValues(offer, { prompt: 'a cat' }), { mode: 'plain', prompt: 'a cat', size: '1K' })
    assert.deepEqual(completeValues(offer, { size: '4K', pro: false }), { mode: 'plain', size: '4K', pro: false })
  })
})

describe('withFreshSeed', () => {
  const seed = { name: 'seed', type: 'number', required: false, label: both, wire: 'number' } as const

  it('chooses any seed that the model takes, and nothing else', () => {
    const seeded = offerWith([{ ...seed, min: 10, max: 16, step: 3 }])
    const chosen = [0, 0.2, 0.34, 0.5, 0.67, 0.99].map((random) => withFreshSeed(seeded, {}, () => random)['seed'])
    assert.deepEqual(chosen, [10, 10, 13, 13, 16, 16])
    const wide = offerWith([{ ...seed, min: 0, max: 2_147_483_647, step: 1 }])
    assert.equal(withFreshSeed(wide, {}, () => 1 - 2 ** -53)['seed'], 2_147_483_647)
  })

  it('keeps the seed that the person chose, also when it is 0, and gives none to a model without', () => {
    const seeded = offerWith([{ ...seed, min: 0, max: 9, step: 1 }])
    for (const chosen of [0, 7])
      assert.deepEqual(
        withFreshSeed(seeded, { seed: chosen }, () => 0.5),
        { seed: chosen },
      )
    assert.deepEqual(
      withFreshSeed(offer, { prompt: 'a cat' }, () => 0.5),
      { prompt: 'a cat' },
    )
  })
})

describe('missingField', () => {
  it('asks for pictures first, until there are enough, then for the prompt, then for the rest', () => {
    const asked = (values: Parameters<typeof missingField>[1]) => missingField(offer, values)?.name
    assert.equal(asked({}), 'photos')
    assert.equal(asked({ photos: [photo] }), 'photos')
    const photos = [photo, photo]
    assert.equal(asked({ photos }), 'prompt')
    assert.equal(asked({ photos, prompt: ' ' }), 'prompt')
    assert.equal(asked({ photos, prompt: 'a cat' }), 'title')
    assert.equal(asked({ photos, prompt: 'a cat', title: 'Cat' }), undefined)
  })
})
