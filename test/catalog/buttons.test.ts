import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Field } from '../../src/catalog/offer.ts'
import type { Address } from '../../src/conversation/address.ts'
import { decodeAddress, encodeAddress } from '../../src/conversation/address-codec.ts'
import { theCatalog } from './the-catalog.ts'

/** As long as a draft's name can be. */
const draft = 'draft678'

function addressesOf(field: Field): readonly Address[] {
  const values =
    field.type === 'choice'
      ? field.options.map((option) => option.value)
      : field.type === 'switch'
        ? ['true', 'false']
        : field.type === 'number'
          ? [String(field.min), String(field.max)]
          : []
  return [
    ...(['ask', 'skip', 'enough'] as const).map((at) => ({ at, draft, field: field.name })),
    ...values.map((value) => ({ at: 'set' as const, draft, field: field.name, value })),
  ]
}

describe('the buttons of the offers', () => {
  it('fit into callback data and lead back to where they came from', () => {
    for (const offer of theCatalog().offers)
      for (const address of [{ at: 'offer' as const, offer: offer.id }, ...offer.fields.flatMap(addressesOf)])
        assert.deepEqual(decodeAddress(encodeAddress(address)), address, offer.id)
  })
})
