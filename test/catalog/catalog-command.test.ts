import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { CatalogSource } from '../../src/catalog/compile-catalog.ts'
import type { Pricing } from '../../src/catalog/quote.ts'
import { checkCatalogCommand } from '../../src/commands/catalog.ts'
import { pricing, sources } from './the-catalog.ts'

async function check(files: readonly CatalogSource[], at: Pricing = pricing) {
  const printed: string[] = []
  const code = await checkCatalogCommand({
    readFiles: async () => files,
    pricing: at,
    print: (line) => printed.push(line),
  })
  return { code, printed }
}

describe('catalog check', () => {
  it('exits 0 and says how much is sold', async () => {
    const { code, printed } = await check(sources)
    assert.equal(code, 0)
    assert.match(printed.at(-2) ?? '', /^\d+ offers of \d+ models are in order, 5 of them free/)
  })

  it('exits 1 and names file, line and field of a planted wrong price', async () => {
    const planted = sources.map(({ file, text }) => ({ file, text: text.replace('"usd": "0.004"', '"usd": "0.04"') }))
    const { code, printed } = await check(planted)
    assert.equal(code, 1)
    const line = (sources.find(({ file }) => file.endsWith('z-image.json'))?.text.split('\n') ?? []).findIndex((one) =>
      one.includes('"usd"'),
    )
    assert.equal(
      printed[0],
      `src/catalog/offers/z-image.json:${line + 1}: offers[0].prices[0].usd: ` +
        'is not 0.8 credits at 0.005; name the "conflict" if KIE says so (offer z-image)',
    )
    assert.match(printed.at(-1) ?? '', /^1 problem/)
  })

  it('exits 1 when the shop has a rate that makes no sane prices', async () => {
    const { code, printed } = await check(sources, { usdToRub: '78570', multiplier: '2' })
    assert.equal(code, 1)
    assert.match(printed.at(-1) ?? '', /USD_TO_RUB and PRICE_MULTIPLIER/)
  })
})
