/** `trt catalog check`: whether the catalog as it stands in the program can be sold, without asking anybody outside. */

import { checkPrices } from '../catalog/check-prices.ts'
import { type CatalogSource, compileCatalog } from '../catalog/compile-catalog.ts'
import type { Catalog } from '../catalog/offer.ts'
import type { Pricing } from '../catalog/quote.ts'
import { readConfig } from '../config/config.ts'
import { readOfferFiles } from '../storage/catalog-files.ts'
import type { Command } from './command.ts'

export const catalog: Command = {
  summary: 'The offers: `catalog check` validates them offline.',
  usage: '  check   validate every offer file; exit 1 and name file, line and field',
  async run({ words, env, print, complain }) {
    if (words[0] !== 'check') {
      complain('Say what to do with the catalog: trt catalog check')
      return 1
    }
    const read = readConfig(env)
    if (!read.ok) {
      for (const { setting, problem, todo } of read.problems) complain(`${setting} ${problem}: ${todo}`)
      return 1
    }
    const { usdToRub, multiplier } = read.config.shop
    return await checkCatalogCommand({ readFiles: readOfferFiles, pricing: { usdToRub, multiplier }, print })
  },
}

export type CatalogCheckDeps = {
  readonly readFiles: () => Promise<readonly CatalogSource[]>
  readonly pricing: Pricing
  readonly print: (line: string) => void
}

/** Prints every problem with its file, line and field, or what is sold; resolves to the exit code. */
export async function checkCatalogCommand({ readFiles, pricing, print }: CatalogCheckDeps): Promise<0 | 1> {
  const compiled = compileCatalog(await readFiles())
  if (!compiled.ok) {
    for (const { file, line, field, message } of compiled.problems)
      print(`${file}:${line}: ${field === '' ? '' : `${field}: `}${message}`)
    print(`${compiled.problems.length} problem(s). Correct the lines above and run this again.`)
    return 1
  }
  return reportPrices(compiled.catalog, pricing, print)
}

function reportPrices(catalog: Catalog, pricing: Pricing, print: (line: string) => void): 0 | 1 {
  for (const offer of catalog.offers)
    for (const row of offer.prices)
      if (row.conflict !== undefined)
        print(`note: ${offer.id}: ${row.credits} credits for ${row.usd} USD: ${row.conflict}`)
  const findings = checkPrices(catalog, pricing)
  for (const { offer, message } of findings) print(`${offer}: ${message}`)
  if (findings.length > 0) {
    print(`${findings.length} price(s) out of bounds. Check USD_TO_RUB and PRICE_MULTIPLIER, then run this again.`)
    return 1
  }
  const free = catalog.offers.filter((offer) => offer.prices.some((row) => row.free)).length
  const models = new Set(catalog.offers.map((offer) => offer.model)).size
  print(
    `${catalog.offers.length} offers of ${models} models are in order, ${free} of them free within the daily number.`,
  )
  print('Nothing is to be done: every one of them can be sold.')
  return 0
}
