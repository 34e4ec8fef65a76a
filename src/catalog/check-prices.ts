/** Whether the shop's rate and multiplier make sane prices of the whole catalog. Pure. */
import type { OfferId } from '../kit/ids.ts'
import type { Catalog, Offer, Value, Values } from './offer.ts'
import { type Pricing, priceFields, priceOf } from './quote.ts'

export type PriceFinding = { readonly offer: OfferId; readonly message: string }

/** No picture is sold for more than 2,000 roubles; a price like that is a misread number. */
export const priceKopecksMax = 200_000

/** Every price an offer can have, from the fewest pictures to the most, lies above nothing and within the bound. */
export function checkPrices(catalog: Catalog, pricing: Pricing): readonly PriceFinding[] {
  return catalog.offers.flatMap((offer) =>
    offer.prices.flatMap((row) => {
      // A row is priced on its own here: which inputs lead to it was settled when the catalog was compiled.
      const alone = { ...offer, prices: [{ ...row, when: {} }], excluded: [] }
      const shown = `${row.credits} credits ${JSON.stringify(row.when)}`
      const least = priceOf(alone, {}, pricing)
      if (least.kind === 'not_sellable') return [{ offer: offer.id, message: `${shown} comes to nothing in roubles` }]
      const most = priceOf(alone, dearest(offer), pricing)
      const kopecks = most.kind === 'priced' ? most.kopecks : least.kopecks
      return kopecks < priceKopecksMax
        ? []
        : [{ offer: offer.id, message: `${shown} comes to ${kopecks / 100} roubles` }]
    }),
  )
}

/** The inputs that multiply a price the most. */
function dearest(offer: Offer): Values {
  const values: Record<string, Value> = {}
  for (const field of offer.fields) {
    if (!priceFields(offer).has(field.name)) continue
    if (field.type === 'number') values[field.name] = field.max
    if (field.type === 'images')
      values[field.name] = Array.from({ length: field.max }, () => ({ fileId: '', uniqueId: '', bytes: 0 }))
    if (field.type === 'choice' && field.name === offer.countField)
      values[field.name] = String(Math.max(...field.options.map((option) => Number(option.value))))
  }
  return values
}
