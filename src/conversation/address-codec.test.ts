import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { cases } from '../../test/fixtures/seed.ts'
import { offerId, orderId, quoteId } from '../kit/ids.ts'
import { kopecks } from '../money/amount.ts'
import type { Address } from './address.ts'
import { addressBytesMax, decodeAddress, encodeAddress } from './address-codec.ts'

const symbols = (alphabet: string, minLength: number, maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...alphabet), minLength, maxLength })
const minted = symbols('0123456789abcdefghjkmnpqrstvwxyz', 12, 12)
const draft = symbols('0123456789abcdefghjkmnpqrstvwxyz', 1, 8)
const field = symbols('abcdefghijklmnopqrstuvwxyz_', 1, 24)
const page = fc.nat(9999)
const order = minted.map(orderId)

const addresses: fc.Arbitrary<Address> = fc.oneof(
  fc.constantFrom<Address>(
    { at: 'home' },
    { at: 'balance' },
    { at: 'top_up' },
    { at: 'help' },
    { at: 'language' },
    { at: 'referral' },
    { at: 'nowhere' },
  ),
  fc.record({
    at: fc.constant('shelf' as const),
    shelf: fc.constantFrom('image', 'video', 'audio', 'text-to-image', 'image-to-image', 'free'),
    page,
  }),
  fc.record({ at: fc.constant('offer' as const), offer: symbols('abcz0189-', 1, 23).map((id) => offerId(`a${id}`)) }),
  fc.record({ at: fc.constantFrom('ask' as const, 'skip' as const, 'enough' as const), draft, field }),
  fc.record({ at: fc.constant('set' as const), draft, field, value: symbols('abc:19._ -x', 1, 20) }),
  fc.record({ at: fc.constantFrom('reset' as const, 'params' as const, 'confirm' as const), draft }),
  fc.record({ at: fc.constant('run' as const), quote: minted.map(quoteId) }),
  fc.record({
    at: fc.constantFrom(
      'cancel' as const,
      'order' as const,
      'again' as const,
      'edit' as const,
      'resend' as const,
      'original' as const,
    ),
    order,
  }),
  fc.record({ at: fc.constant('top_up_amount' as const), amount: fc.integer({ min: 1, max: 50_000_00 }).map(kopecks) }),
  fc.record({ at: fc.constant('history' as const), page }),
  fc.record({
    at: fc.constant('page' as const),
    page: fc.constantFrom('support' as const, 'terms' as const, 'privacy' as const),
  }),
  fc.record({ at: fc.constant('set_language' as const), language: fc.constantFrom('ru' as const, 'en' as const) }),
)

describe('the address codec', () => {
  it('leads every button back to the address it was made from, within 64 bytes', () => {
    fc.assert(
      fc.property(addresses, (address) => {
        const data = encodeAddress(address)
        assert.ok(new TextEncoder().encode(data).length <= addressBytesMax)
        assert.deepEqual(decodeAddress(data), { ...address })
      }),
      cases(2000),
    )
  })

  it('throws instead of making a button that Telegram would refuse', () => {
    const value = 'я'.repeat(24)
    assert.throws(() => encodeAddress({ at: 'set', draft: 'd1', field: 'aspect_ratio', value }), /bytes/)
  })

  it('reads anything at all without an exception', () => {
    const forged = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary' }),
      fc
        .tuple(fc.constantFrom('1', '2', 'cat', ''), fc.array(fc.string()))
        .map(([form, rest]) => [form, ...rest].join(':')),
      fc.tuple(addresses.map(encodeAddress), fc.string()).map(([data, tail]) => data + tail),
    )
    fc.assert(
      fc.property(forged, (data) => void decodeAddress(data)),
      cases(2000),
    )
  })

  it('knows nothing of another version, a forged id, or a place with an argument too many', () => {
    for (const data of [
      '2:home',
      '1:',
      '1:nowhere_at_all',
      '1:constructor',
      '__proto__',
      'toString',
      '1:order:../../etc/p',
      '1:order:ILOU00000000',
      '1:run:0000000000001',
      '1:home:x',
      '1:set:d1:field:',
      '1:top_up_amount:-5',
      '1:top_up_amount:1e3',
      '1:history:-1',
      '1:offer:UPPER',
    ]) {
      assert.equal(decodeAddress(data), undefined, data)
    }
  })

  it("opens the screens of the predecessor's entry points", () => {
    const image: Address = { at: 'shelf', shelf: 'image', page: 0 }
    const expected: readonly (readonly [string, Address])[] = [
      ['cat:image', image],
      ['gen_type:text-to-image', { at: 'shelf', shelf: 'text-to-image', page: 0 }],
      ['gen_type:image-to-image', { at: 'shelf', shelf: 'image-to-image', page: 0 }],
      ['check_balance', { at: 'balance' }],
      ['menu:balance', { at: 'balance' }],
      ['topup_balance', { at: 'top_up' }],
      ['back_to_menu', { at: 'home' }],
      ['menu:history', { at: 'history', page: 0 }],
      ['my_generations', { at: 'history', page: 0 }],
      ['menu:help', { at: 'help' }],
      ['referral_info', { at: 'referral' }],
      ['fast_tools', { at: 'shelf', shelf: 'free', page: 0 }],
    ]
    for (const [data, address] of expected) assert.deepEqual(decodeAddress(data), address, data)
    assert.equal(encodeAddress(image), 'cat:image')
  })
})
