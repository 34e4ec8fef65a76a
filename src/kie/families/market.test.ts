import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { both, offerWith } from '../../../test/fixtures/offer.ts'
import { buildMarketInput } from './market.ts'

const offer = offerWith(
  [
    { name: 'image_urls', type: 'images', required: true, label: both, min: 1, max: 3, maxBytes: 9, wire: 'list' },
    { name: 'mask', type: 'images', required: false, label: both, min: 1, max: 1, maxBytes: 9, wire: 'url' },
    { name: 'prompt', type: 'text', role: 'prompt', required: true, label: both, minLength: 1, maxLength: 10 },
    { name: 'avoid', type: 'text', role: 'extra', required: false, label: both, minLength: 1, maxLength: 10 },
    { name: 'size', type: 'choice', required: false, label: both, options: [], initial: '1K' },
    { name: 'seed', type: 'number', required: false, label: both, min: 0, max: 9, step: 1, wire: 'text' },
    { name: 'n', type: 'number', required: false, label: both, min: 1, max: 4, step: 1, wire: 'number' },
    { name: 'pro', type: 'switch', required: false, label: both },
  ],
  { constants: { watermark: false } },
)
const file = (fileId: string) => ({ fileId, uniqueId: fileId, bytes: 1 })
const urls = new Map([
  ['a', 'https://files.example/a.png'],
  ['b', 'https://files.example/b.png'],
])

describe('buildMarketInput', () => {
  it('sends what was said, what is initial and what is constant, each in the form that KIE wants', () => {
    const values = {
      image_urls: [file('b'), file('a')],
      mask: [file('a')],
      prompt: 'a cat',
      seed: 7,
      n: 2,
      pro: false,
    }
    assert.deepEqual(buildMarketInput(offer, values, urls), {
      watermark: false,
      image_urls: ['https://files.example/b.png', 'https://files.example/a.png'],
      mask: 'https://files.example/a.png',
      prompt: 'a cat',
      size: '1K',
      seed: '7',
      n: 2,
      pro: false,
    })
  })

  it('leaves out what nobody said, and what is empty', () => {
    assert.deepEqual(buildMarketInput(offer, { prompt: 'a cat', avoid: '', mask: [] }, urls), {
      watermark: false,
      prompt: 'a cat',
      size: '1K',
    })
  })

  it('sends no task with a picture missing', () => {
    assert.throws(() => buildMarketInput(offer, { image_urls: [file('a'), file('c')] }, urls), /was not uploaded/)
  })
})
