import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkPrices } from '../../src/catalog/check-prices.ts'
import { inOrder } from '../../src/catalog/compile-catalog.ts'
import type { Value } from '../../src/catalog/offer.ts'
import { lowestPrice, type Pricing, priceOf } from '../../src/catalog/quote.ts'
import { validateInput } from '../../src/catalog/validate-input.ts'
import { missingField } from '../../src/catalog/values.ts'
import { pricing, theCatalog, theOffer } from './the-catalog.ts'

const photo = { fileId: 'AgACAgIAAxkBAAI', uniqueId: 'AQADx', bytes: 200_000 }
const kopecks = (id: string, values = {}): number | 'not_sellable' => {
  const answer = priceOf(theOffer(id), values, pricing)
  return answer.kind === 'priced' ? answer.kopecks : answer.kind
}

describe('the offers', () => {
  it('compile, every one of them, into at least twenty-four models', () => {
    const { offers } = theCatalog()
    assert.ok(new Set(offers.map((offer) => offer.model)).size >= 24)
    assert.deepEqual(theCatalog().categories, ['image'])
  })

  it('cost in roubles what the price list of the shop says', () => {
    for (const [id, values, wanted] of [
      ['z-image', {}, 63],
      ['z-image', { aspect_ratio: '16:9' }, 63],
      ['seedream-3', {}, 275],
      ['imagen4-fast', {}, 314],
      ['nano-banana', {}, 314],
      ['nano-banana-edit', {}, 314],
      ['ideogram-v3', { rendering_speed: 'TURBO' }, 275],
      ['ideogram-v3', { rendering_speed: 'BALANCED' }, 550],
      ['ideogram-v3', { rendering_speed: 'QUALITY' }, 786],
      ['ideogram-v3-remix', { rendering_speed: 'QUALITY', num_images: '3' }, 2357],
      ['grok-imagine', { enable_pro: true }, 393],
      ['gpt-image-1-5', { quality: 'high' }, 1729],
      ['flux-2-pro', { resolution: '2K' }, 550],
      ['nano-banana-pro', { resolution: '4K' }, 1886],
      ['wan-2-7', { n: 4 }, 1509],
      ['qwen-3-edit', { image_urls: [photo, photo, photo] }, 495],
      ['seedream-5-pro-edit', { image_urls: [photo] }, 550],
      ['seedream-5-pro-edit', { image_urls: [photo, photo], quality: 'high' }, 1139],
      ['gpt-image-2', { resolution: '4K', aspect_ratio: '16:9' }, 1257],
      ['gpt-image-2', { resolution: '4K', aspect_ratio: '1:1' }, 'not_sellable'],
    ] as const)
      assert.equal(kopecks(id, values), wanted, `${id} ${JSON.stringify(values)}`)
  })

  it('are free where the shop has always given them away, and nowhere else', () => {
    const free = theCatalog().offers.flatMap((offer) =>
      offer.prices.filter((row) => row.free).map((row) => `${offer.model} ${Object.values(row.when).join()}`.trim()),
    )
    assert.deepEqual(free.sort(), [
      'bytedance/seedream',
      'google/imagen4-fast',
      'google/nano-banana',
      'ideogram/v3-text-to-image TURBO',
      'z-image',
    ])
  })

  it('stand on the shelf with the free ones first, then from cheap to dear, then by title', () => {
    const { offers } = theCatalog()
    assert.equal(offers[0]?.id, 'z-image')
    const tags = offers.map((offer) => lowestPrice(offer, pricing))
    assert.ok(tags.every((tag) => tag !== undefined))
    tags.slice(1).forEach((tag, index) => {
      const before = tags[index]
      assert.ok(before !== undefined)
      assert.ok(before.free === tag.free ? before.kopecks <= tag.kopecks : before.free, `place ${index + 1}`)
    })
    assert.deepEqual(inOrder(offers.toReversed()), offers, 'no two have the same place')
  })

  it('need only their pictures and a prompt: the example of the card can be ordered as it is', () => {
    for (const offer of theCatalog().offers)
      for (const example of [offer.example.ru, offer.example.en]) {
        const values: Record<string, Value> = {}
        for (const field of offer.fields) {
          if (field.type === 'images' && field.required) values[field.name] = Array(field.min).fill(photo)
          if (field.type === 'text' && field.role === 'prompt') values[field.name] = example
        }
        assert.deepEqual(validateInput(offer, values), [], offer.id)
        assert.equal(missingField(offer, values), undefined, offer.id)
        assert.equal(priceOf(offer, values, pricing).kind, 'priced', offer.id)
      }
  })

  it('speak Russian in Russian and English in English', () => {
    const texts = theCatalog().offers.flatMap((offer) => [offer.about, offer.example])
    for (const { ru, en } of texts) {
      assert.match(ru, /[а-яё]/iu)
      assert.doesNotMatch(en, /[а-яё]/iu)
    }
  })

  it('come to a sane number of roubles, and a rate that makes none is found', () => {
    assert.deepEqual(checkPrices(theCatalog(), pricing), [])
    const dear: Pricing = { usdToRub: '7857', multiplier: '2' }
    assert.ok(checkPrices(theCatalog(), dear).some(({ message }) => /comes to \d+(\.\d+)? roubles/.test(message)))
    const nothing: Pricing = { usdToRub: '0.001', multiplier: '1' }
    assert.ok(checkPrices(theCatalog(), nothing).some(({ message }) => message.includes('comes to nothing')))
  })
})
