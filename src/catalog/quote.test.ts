import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { cases } from '../../test/fixtures/seed.ts'
import { offerId } from '../kit/ids.ts'
import type { Offer, PriceRow } from './offer.ts'
import { costOf, lowestPrice, type Pricing, priceFields, priceOf } from './quote.ts'

const pricing: Pricing = { usdToRub: '78.57', multiplier: '2' }
const both = { ru: 'x', en: 'x' }
const flat = (usd: string): PriceRow => ({ when: {}, unit: 'image', credits: '1', usd, free: false })

const offer: Offer = {
  id: offerId('one'),
  model: 'one',
  family: 'market',
  category: 'image',
  kind: 'text-to-image',
  title: 'One',
  maker: 'Somebody',
  about: both,
  example: both,
  fields: [
    { name: 'prompt', type: 'text', role: 'prompt', required: true, label: both, minLength: 1, maxLength: 100 },
    {
      name: 'speed',
      type: 'choice',
      required: false,
      label: both,
      options: ['fast', 'slow'].map((value) => ({ value, label: both })),
      initial: 'fast',
    },
    { name: 'n', type: 'number', required: false, label: both, min: 1, max: 4, step: 1, initial: 1, wire: 'number' },
    { name: 'photos', type: 'images', required: false, label: both, min: 1, max: 3, maxBytes: 10, wire: 'list' },
  ],
  constants: {},
  prices: [
    { when: { speed: 'fast' }, unit: 'image', credits: '3.5', usd: '0.0175', free: true },
    { when: { speed: 'slow' }, unit: 'image', credits: '10', usd: '0.05', free: false },
  ],
  excluded: [],
  deadlines: { uncertainMs: 1, lostMs: 1 },
}
const kopecks = (one: Offer, values = {}): number | undefined => {
  const answer = priceOf(one, values, pricing)
  return answer.kind === 'priced' ? answer.kopecks : undefined
}
const photo = { fileId: 'a', uniqueId: 'a', bytes: 1 }

describe('priceOf', () => {
  it('multiplies dollars, rate and multiplier exactly and rounds once, half up', () => {
    for (const [usd, wanted] of [
      ['0.004', 63],
      ['0.0175', 275],
      ['0.02', 314],
      ['0.035', 550],
      ['0.05', 786],
      ['0.0162', 255],
    ] as const)
      assert.equal(kopecks({ ...offer, prices: [flat(usd)] }), wanted, usd)
    const even: Pricing = { usdToRub: '100', multiplier: '1' }
    const half = { ...offer, prices: [flat('0.00125')] }
    assert.deepEqual(priceOf(half, {}, even), { kind: 'priced', kopecks: 13, free: false }, '12.5 kopecks are 13')
    assert.deepEqual(priceOf({ ...offer, prices: [flat('0.001249')] }, {}, even), {
      kind: 'priced',
      kopecks: 12,
      free: false,
    })
  })

  it('takes the row of what was chosen, and of the initial choice when nothing was said', () => {
    assert.deepEqual(priceOf(offer, {}, pricing), { kind: 'priced', kopecks: 275, free: true })
    assert.deepEqual(priceOf(offer, { speed: 'slow' }, pricing), { kind: 'priced', kopecks: 786, free: false })
  })

  it('sells nothing that no row, or more than one row, prices', () => {
    const [fast, slow] = offer.prices
    assert.ok(fast !== undefined && slow !== undefined)
    assert.deepEqual(priceOf({ ...offer, prices: [slow] }, {}, pricing), { kind: 'not_sellable' })
    assert.deepEqual(priceOf({ ...offer, prices: [fast, flat('0.1')] }, {}, pricing), { kind: 'not_sellable' })
    assert.equal(kopecks({ ...offer, prices: [fast, flat('0.1')] }, { speed: 'slow' }), 1571, 'one row is left for it')
  })

  it('sells nothing that comes to less than a kopeck', () => {
    assert.deepEqual(priceOf(offer, {}, { usdToRub: '0.0001', multiplier: '1' }), { kind: 'not_sellable' })
  })

  it('sells no combination that is excluded, and every other', () => {
    const picky = { ...offer, excluded: [{ speed: 'slow', n: 4 }] }
    assert.equal(kopecks(picky, { speed: 'slow', n: 4 }), undefined)
    assert.equal(kopecks(picky, { speed: 'slow', n: 3 }), 786)
    assert.equal(kopecks(picky, { n: 4 }), 275)
  })

  it('multiplies a price per image by the number of images, before the one rounding', () => {
    const counted = { ...offer, prices: [flat('0.004')], countField: 'n' }
    assert.equal(kopecks(counted, { n: 4 }), 251, '0.62856 four times is 2.51424; rounded first it would be 2.52')
    assert.equal(kopecks({ ...offer, prices: [flat('0.0175')], countField: 'n' }, { n: 4 }), 1100)
    assert.equal(kopecks({ ...offer, prices: [{ ...flat('0.004'), unit: 'request' }], countField: 'n' }, { n: 3 }), 63)
    for (const n of [0, -1, 1.5, Number.NaN]) assert.equal(kopecks(counted, { n }), undefined, `${n} pictures`)
  })

  it('adds a little for every picture that is handed in after the included ones', () => {
    const extra = { field: 'photos', included: 1, credits: '0.5', usd: '0.0025' }
    const one = { ...offer, prices: [flat('0.035')], imageExtra: extra }
    assert.equal(kopecks(one, { photos: [photo] }), 550)
    assert.equal(kopecks(one, { photos: [photo, photo, photo] }), 629)
    assert.equal(
      kopecks({ ...one, imageExtra: { ...extra, included: 0 } }),
      589,
      'the first is still to come, and is charged',
    )
  })

  it('never asks less for more pictures', () => {
    const one = { ...offer, countField: 'n' }
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), fc.constantFrom('fast', 'slow'), (n, speed) => {
        const [less, more] = [kopecks(one, { n, speed }), kopecks(one, { n: n + 1, speed })]
        return less !== undefined && more !== undefined && less < more
      }),
      cases(),
    )
  })
})

describe('costOf', () => {
  it('has no cost for no pictures at all', () => {
    assert.equal(costOf({ ...offer, countField: 'n' }, { n: 0 }), undefined)
  })

  it('says in credits what KIE will take', () => {
    assert.deepEqual(costOf({ ...offer, countField: 'n' }, { n: 2 }), {
      credits: { units: 70n, scale: 1 },
      usd: { units: 350n, scale: 4 },
      free: true,
    })
  })
})

describe('lowestPrice', () => {
  it('is the cheapest row, for one picture', () => {
    assert.deepEqual(lowestPrice({ ...offer, countField: 'n' }, pricing), { kopecks: 275, free: true })
  })

  it('is marked free when any row is, and absent when nothing comes to a kopeck', () => {
    const dear = offer.prices.map((row) => ({ ...row, free: row.when['speed'] === 'slow' }))
    assert.deepEqual(lowestPrice({ ...offer, prices: dear }, pricing), { kopecks: 275, free: true })
    assert.equal(lowestPrice({ ...offer, prices: [] }, pricing), undefined)
    assert.equal(lowestPrice(offer, { usdToRub: '0.0001', multiplier: '1' }), undefined)
  })
})

describe('priceFields', () => {
  it('names what can change the price, and nothing else', () => {
    const extra = { field: 'photos', included: 0, credits: '0.5', usd: '0.0025' }
    assert.deepEqual(priceFields(offer), new Set(['speed']))
    assert.deepEqual(priceFields({ ...offer, countField: 'n', imageExtra: extra }), new Set(['speed', 'n', 'photos']))
  })
})
