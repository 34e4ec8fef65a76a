import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { both, offerWith } from '../../test/fixtures/offer.ts'
import type { Value } from './offer.ts'
import { validateInput } from './validate-input.ts'

const offer = offerWith(
  [
    { name: 'photos', type: 'images', required: true, label: both, min: 2, max: 3, maxBytes: 100, wire: 'list' },
    { name: 'prompt', type: 'text', role: 'prompt', required: true, label: both, minLength: 3, maxLength: 10 },
    {
      name: 'size',
      type: 'choice',
      required: true,
      label: both,
      options: ['1K', '4K'].map((value) => ({ value, label: both })),
      initial: '1K',
    },
    { name: 'scale', type: 'number', required: false, label: both, min: 1, max: 10, step: 0.1, wire: 'number' },
    { name: 'pro', type: 'switch', required: false, label: both },
  ],
  { constants: { mode: 'plain' }, excluded: [{ size: '4K', pro: true }] },
)
const photo = { fileId: 'a', uniqueId: 'a', bytes: 100 }
const fine = { photos: [photo, photo], prompt: 'a cat' }
const types = (values: Readonly<Record<string, Value>>): readonly string[] =>
  validateInput(offer, { ...fine, ...values }).map((problem) => problem.type)

describe('validateInput', () => {
  it('has nothing to say about inputs within every limit', () => {
    assert.deepEqual(validateInput(offer, fine), [])
    assert.deepEqual(types({ size: '4K', scale: 10, pro: false, prompt: '1234567890' }), [])
  })

  it('asks for what is required and was not given, or is only white space', () => {
    assert.deepEqual(validateInput(offer, {}), [
      { type: 'missing', field: 'photos' },
      { type: 'missing', field: 'prompt' },
    ])
    assert.deepEqual(types({ prompt: ' \n ', photos: [] }), ['missing', 'missing'])
  })

  it('counts a text from above in UTF-16 units and from below in characters, so that KIE never finds it wrong', () => {
    assert.deepEqual(types({ prompt: '12345678901' }), ['too_long'])
    assert.deepEqual(types({ prompt: '🐈🐈🐈🐈🐈' }), [])
    assert.deepEqual(types({ prompt: '🐈🐈🐈🐈🐈🐈' }), ['too_long'])
    assert.deepEqual(types({ prompt: '🐈🐈' }), ['too_short'])
  })

  it('takes only documented options', () => {
    assert.deepEqual(types({ size: '8K' }), ['not_an_option'])
  })

  it('takes numbers of the range on its steps, however floating point writes them', () => {
    for (const scale of [1, 1.1, 2.3, 4.7, 9.9]) assert.deepEqual(types({ scale }), [], String(scale))
    for (const scale of [0.9, 10.1, 1.05, Number.NaN, Number.POSITIVE_INFINITY])
      assert.deepEqual(types({ scale }), ['out_of_range'], String(scale))
  })

  it('counts and weighs the pictures', () => {
    assert.deepEqual(types({ photos: [photo] }), ['too_few_images'])
    assert.deepEqual(types({ photos: [photo, photo, photo, photo] }), ['too_many_images'])
    assert.deepEqual(types({ photos: [photo, { ...photo, bytes: 101 }] }), ['file_too_big'])
  })

  it('refuses a value of another kind, and a field the offer does not have', () => {
    assert.deepEqual(types({ prompt: 5, size: true, scale: '2', pro: 'yes', photos: 'a' }), Array(5).fill('wrong_kind'))
    assert.deepEqual(types({ mask: 'x' }), ['unknown_field'])
  })

  it('names the fields that are fine alone and refused together', () => {
    assert.deepEqual(validateInput(offer, { ...fine, size: '4K', pro: true }), [
      { type: 'not_together', fields: ['size', 'pro'] },
    ])
  })
})
