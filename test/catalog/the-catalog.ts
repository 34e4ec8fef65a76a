import assert from 'node:assert/strict'
import type { CatalogSource } from '../../src/catalog/compile-catalog.ts'
import { compileCatalog } from '../../src/catalog/compile-catalog.ts'
import type { Catalog, Offer } from '../../src/catalog/offer.ts'
import type { Pricing } from '../../src/catalog/quote.ts'
import { offerId } from '../../src/kit/ids.ts'
import { readOfferFiles } from '../../src/storage/catalog-files.ts'

/** The rate and the multiplier that the shop begins with. */
export const pricing: Pricing = { usdToRub: '78.57', multiplier: '2' }

export const sources: readonly CatalogSource[] = await readOfferFiles()

/** The catalog as it stands in the program; its problems fail the test that asks for it. */
export function theCatalog(): Catalog {
  const compiled = compileCatalog(sources)
  assert.ok(compiled.ok, JSON.stringify(compiled.ok ? [] : compiled.problems, null, 2))
  return compiled.catalog
}

export function theOffer(id: string): Offer {
  const offer = theCatalog().get(offerId(id))
  assert.ok(offer !== undefined, `there is an offer ${id}`)
  return offer
}
