import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { readCatalogue } from '../../sandbox/kie/models/catalogue.ts'
import { checkInput } from '../../sandbox/kie/models/check-input.ts'
import { priceOf as creditsAtKie } from '../../sandbox/kie/models/price.ts'
import type { Field, Offer, Value, Values } from '../../src/catalog/offer.ts'
import { costOf } from '../../src/catalog/quote.ts'
import { validateInput } from '../../src/catalog/validate-input.ts'
import { buildMarketInput } from '../../src/kie/families/market.ts'
import { cases } from '../fixtures/seed.ts'
import { theCatalog, theOffer } from './the-catalog.ts'

/**
 * The referee is the emulated KIE: it knows the documented inputs and prices of every model, and knows nothing of our
 * offers. Whatever an offer lets a person choose must pass there and cost there what we reckoned.
 */
const kie = readCatalogue()

/** What the referee says against a task with these inputs; undefined when it takes it. */
function objection(offer: Offer, values: Values): string | undefined {
  const model = kie.find(offer.model)
  if (model === undefined) return `KIE does not sell ${offer.model}`
  return checkInput(model, buildMarketInput(offer, values, new Map([['photo', 'https://files.example/photo.png']])))
}

/** Everything a person could answer to a field, its limits included. */
function answersTo(field: Field): fc.Arbitrary<Value> {
  switch (field.type) {
    case 'text':
      return fc
        .oneof(
          fc.string({ unit: 'grapheme', minLength: field.minLength, maxLength: 60 }),
          fc.constant('я'.repeat(field.maxLength)),
          fc.constant('🐈'.repeat(Math.floor(field.maxLength / 2))),
        )
        .filter((text) => text.trim() !== '')
    case 'choice':
      return fc.constantFrom(...field.options.map((option) => option.value))
    case 'switch':
      return fc.boolean()
    case 'number':
      return fc
        .nat({ max: Math.round((field.max - field.min) / field.step) })
        .map((steps) => Math.min(field.max, Number((field.min + steps * field.step).toFixed(6))))
    case 'images':
      return fc
        .integer({ min: field.min, max: field.max })
        .map((count) => Array(count).fill({ fileId: 'photo', uniqueId: 'photo', bytes: field.maxBytes }))
  }
}

const isAskedFor = (field: Field): boolean => field.required && (field.type === 'text' || field.type === 'images')

function drafts(offer: Offer): fc.Arbitrary<Values> {
  const answers = Object.fromEntries(offer.fields.map((field) => [field.name, answersTo(field)]))
  return fc
    .record(answers, { requiredKeys: offer.fields.filter(isAskedFor).map((field) => field.name) })
    .filter((values) => validateInput(offer, values).length === 0)
}

describe('the offers against the documents of KIE', () => {
  for (const offer of theCatalog().offers)
    it(`${offer.id}: whatever a person may choose is taken, at the cost that was reckoned`, () => {
      const model = kie.find(offer.model)
      assert.ok(model !== undefined, `KIE sells ${offer.model}`)
      fc.assert(
        fc.property(drafts(offer), (values) => {
          assert.equal(objection(offer, values), undefined)
          const cost = costOf(offer, values)
          assert.ok(cost !== undefined, 'it has a price')
          const input = buildMarketInput(offer, values, new Map([['photo', 'https://files.example/photo.png']]))
          assert.equal(Number(cost.credits.units) / 10 ** cost.credits.scale, creditsAtKie(model, input))
        }),
        cases(60),
      )
    })

  it('names of fields, options and limits that are wrong do not pass', () => {
    const offer = theOffer('nano-banana')
    const fine: Values = { prompt: 'a cat', aspect_ratio: '16:9' }
    assert.equal(objection(offer, fine), undefined)
    const renamed = {
      ...offer,
      fields: offer.fields.map((field) => ({ ...field, name: field.name.replace('aspect_', '') })),
    }
    assert.match(objection(renamed, { prompt: 'a cat', ratio: '16:9' }) ?? '', /ratio is not an input/)
    assert.match(objection(offer, { ...fine, aspect_ratio: '7:3' }) ?? '', /not within the range/)
    assert.match(objection(offer, { ...fine, prompt: 'я'.repeat(5001) }) ?? '', /cannot exceed 5000/)
    assert.match(objection({ ...offer, model: 'google/nano-banane' }, fine) ?? '', /does not sell/)
  })
})
