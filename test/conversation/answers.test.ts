import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Address } from '../../src/conversation/address.ts'
import { decodeAddress } from '../../src/conversation/address-codec.ts'
import type { Input } from '../../src/conversation/screen.ts'
import type { View } from '../../src/conversation/view.ts'
import { offerId, orderId, quoteId } from '../../src/kit/ids.ts'
import { kopecks } from '../../src/money/amount.ts'
import { renderKeyboard, renderText } from '../../src/telegram/send.ts'
import { cases } from '../fixtures/seed.ts'
import { anOrder, catalog, photo, Talk } from './talk.ts'

const someDraft = fc.constantFrom('d1', 'other')
const someField = fc.constantFrom('prompt', 'image_urls', 'aspect_ratio', 'seed', 'rendering_speed', 'nothing')
const someOrder = fc.constantFrom(anOrder('a1').id, orderId('00000000zzzz'))

const places: fc.Arbitrary<Address> = fc.oneof(
  fc.constantFrom<Address>(
    { at: 'home' },
    { at: 'balance' },
    { at: 'top_up' },
    { at: 'help' },
    { at: 'language' },
    { at: 'referral' },
    { at: 'nowhere' },
    { at: 'shelf', shelf: 'image', page: 99 },
    { at: 'shelf', shelf: 'video', page: 0 },
    { at: 'shelf', shelf: 'free', page: 0 },
    { at: 'history', page: 0 },
    { at: 'history', page: 7 },
    { at: 'page', page: 'terms' },
    { at: 'offer', offer: offerId('gone') },
    { at: 'top_up_amount', amount: kopecks(1) },
    { at: 'top_up_amount', amount: kopecks(100_00) },
    { at: 'set_language', language: 'en' },
  ),
  fc.constantFrom(...catalog.offers).map(({ id }): Address => ({ at: 'offer', offer: id })),
  fc
    .tuple(fc.constantFrom('ask' as const, 'skip' as const, 'enough' as const), someDraft, someField)
    .map(([at, draft, field]): Address => ({ at, draft, field })),
  fc
    .tuple(someDraft, someField, fc.constantFrom('1:1', 'none', 'true', '5', 'TURBO', 'forged'))
    .map(([draft, field, value]): Address => ({ at: 'set', draft, field, value })),
  fc
    .tuple(fc.constantFrom('reset' as const, 'params' as const, 'confirm' as const), someDraft)
    .map(([at, draft]): Address => ({ at, draft })),
  fc
    .tuple(
      fc.constantFrom(
        'cancel' as const,
        'order' as const,
        'again' as const,
        'edit' as const,
        'resend' as const,
        'original' as const,
      ),
      someOrder,
    )
    .map(([at, order]): Address => ({ at, order })),
  fc.constantFrom<Address>(
    { at: 'run', quote: quoteId('0000000000q1') },
    { at: 'run', quote: quoteId('0000000000a1') },
  ),
)

const files = fc.tuple(fc.nat(5), fc.constantFrom(1000, 25_000_000)).map(([n, bytes]) => photo(n, bytes))
const inputs: fc.Arbitrary<Input> = fc.oneof(
  places.map((address): Input => ({ kind: 'opened', address })),
  fc.constantFrom<Input>({ kind: 'unknown_button' }, { kind: 'unsupported' }, { kind: 'foreign_file', format: 'heic' }),
  fc.string({ unit: 'binary', maxLength: 5000 }).map((text): Input => ({ kind: 'text', text })),
  fc.constantFrom('кот', '5', 'да', '100', '').map((text): Input => ({ kind: 'text', text })),
  fc
    .tuple(
      fc.constantFrom('start', 'reset', 'cancel', 'status', 'nonsense', 'START', 'paysupport'),
      fc.constantFrom('', 'ref_7', '<b>'),
    )
    .map(([name, payload]): Input => ({ kind: 'command', name, payload })),
  fc.tuple(files, fc.option(fc.constant('g'), { nil: undefined }), fc.option(fc.string(), { nil: undefined })).map(
    ([file, group, caption]): Input => ({
      kind: 'file',
      file,
      ...(group === undefined ? {} : { group }),
      ...(caption === undefined ? {} : { caption }),
    }),
  ),
  fc
    .tuple(files, fc.constantFrom('picture' as const, 'not_a_picture' as const, 'too_big' as const, 'lost' as const))
    .map(([file, verdict]): Input => ({ kind: 'file_checked', file, verdict })),
)

/** Telegram's limits of a message [telegram-bot-api 4.2]. */
function isAcceptable(view: View): void {
  const { text, entities } = renderText(view.text)
  assert.ok(text.length >= 1 && text.length <= 4_096 && text.isWellFormed())
  assert.ok(entities.length <= 100)
  for (const { offset, length } of entities) assert.ok(length > 0 && offset + length <= text.length)
  const rows = renderKeyboard(view.keyboard).inline_keyboard
  assert.ok(rows.flat().length <= 100 && rows.every((row) => row.length <= 8))
  assert.ok(Buffer.byteLength(JSON.stringify(rows)) < 10_000)
  for (const button of rows.flat()) {
    assert.ok(button.text.length >= 1 && button.text.isWellFormed())
    if ('callback_data' in button) assert.ok(Buffer.byteLength(button.callback_data) <= 64)
  }
}

/** Buttons that the person sees, too, so that random walks get deep into the wizard. */
const steps = fc.oneof(
  inputs.map((input) => ({ input })),
  fc.nat(20).map((button) => ({ button })),
)

describe('every input', () => {
  it('is answered on every screen: by a place, a sentence, a toast, a command, or the screen drawn again', () => {
    fc.assert(
      fc.property(fc.array(steps, { minLength: 1, maxLength: 25 }), fc.constantFrom(0, 5), (done, freeToday) => {
        const talk = new Talk({ freeToday, orders: [anOrder('a1')] })
        for (const step of done) {
          const buttons = talk.view.keyboard.flat().flatMap((button) => ('to' in button ? [button.to] : []))
          const pressed = 'button' in step ? buttons[step.button % Math.max(1, buttons.length)] : undefined
          const input: Input = 'input' in step ? step.input : { kind: 'opened', address: pressed ?? { at: 'home' } }
          const before = talk.drawings
          talk.does(input)
          const { toast, command, notice } = talk.reaction
          const isDrawn = talk.drawings > before
          // Nobody waits for an answer to a file's verdict; whoever tapped sees a toast, whoever wrote sees something.
          const isAnswered =
            input.kind === 'file_checked' ||
            isDrawn ||
            command !== undefined ||
            (input.kind === 'opened' && toast !== undefined)
          assert.ok(isAnswered, JSON.stringify({ input, reaction: talk.reaction }))
          if (notice !== undefined) assert.ok(isDrawn, 'a sentence is shown')
          assert.ok(talk.text.trim() !== '' && talk.text.length <= 4096)
          assert.ok((toast ?? '').length <= 200)
        }
      }),
      cases(400),
    )
  })

  it('is answered by a message that Telegram takes, whatever people are called and write', () => {
    const names = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 64 }),
      fc.constantFrom('🦊'.repeat(32), '👩‍👩‍👧'.repeat(8), '\u202e'.repeat(64)),
    )
    const long = fc
      .tuple(fc.constantFrom('🦊', 'ы', 'x ', '👩‍👩‍👧', '<b>'), fc.integer({ min: 1, max: 4_080 }))
      .map(([unit, units]): Input => ({ kind: 'text', text: unit.repeat(Math.ceil(units / unit.length)) }))
    const longPrompts = fc.constantFrom(
      ...catalog.offers.filter(({ fields }) =>
        fields.some((field) => field.type === 'text' && field.role === 'prompt' && field.maxLength >= 4_000),
      ),
    )
    const walk = fc.array(
      fc.oneof(
        steps,
        long.map((input) => ({ input })),
      ),
      { minLength: 1, maxLength: 25 },
    )
    fc.assert(
      fc.property(walk, names, longPrompts, fc.constantFrom('ru', 'en'), (done, firstName, { id }, language) => {
        const talk = new Talk({ orders: [anOrder('a1')], firstName, language }).opens({ at: 'offer', offer: id })
        for (const step of done) {
          const buttons = talk.view.keyboard.flat().flatMap((button) => ('to' in button ? [button.to] : []))
          if ('input' in step) talk.does(step.input)
          else talk.opens(buttons[step.button % Math.max(1, buttons.length)] ?? { at: 'home' })
          isAcceptable(talk.view)
          // Half a character stands there as this one.
          if (!JSON.stringify([done, firstName]).includes('\ufffd')) assert.ok(!talk.text.includes('\ufffd'))
          assert.ok(talk.text.isWellFormed())
        }
      }),
      cases(200),
    )
  })

  it('leads nobody to a place that cannot be drawn there', () => {
    fc.assert(
      fc.property(fc.array(steps, { minLength: 1, maxLength: 25 }), (done) => {
        const talk = new Talk({ orders: [anOrder('a1')] })
        for (const step of done) {
          const buttons = talk.view.keyboard.flat().flatMap((button) => ('to' in button ? [button.to] : []))
          if ('input' in step) talk.does(step.input)
          else talk.opens(buttons[step.button % Math.max(1, buttons.length)] ?? { at: 'home' })
          const { place } = talk.session
          // A place in the wizard is only ever stood at with its own draft, so its screen is not the menu in disguise.
          if ('draft' in place) assert.equal(talk.session.draft?.id, place.draft)
          const acts = [
            'set',
            'skip',
            'enough',
            'reset',
            'run',
            'cancel',
            'again',
            'edit',
            'resend',
            'original',
            'nowhere',
          ]
          assert.ok(!acts.includes(place.at), `nobody stays at ${place.at}`)
        }
      }),
      cases(400),
    )
  })

  it('of a blocked person has one answer and no effect', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const talk = new Talk({ orders: [anOrder('a1')] })
        talk.person = { ...talk.person, bannedAt: talk.now }
        talk.does(input)
        assert.deepEqual(talk.commands, [])
        assert.match(talk.text, /Доступ к боту закрыт/)
      }),
      cases(),
    )
  })
})

describe('global commands', () => {
  it('work anywhere, with any payload', () => {
    const expected = [
      ['start', 'main_menu'],
      ['help', 'help'],
      ['balance', 'balance'],
      ['history', 'history'],
      ['language', 'language'],
      ['models', 'category'],
      ['support', 'help'],
      ['paysupport', 'help'],
      ['terms', 'help'],
      ['privacy', 'help'],
      ['reset', 'main_menu'],
      ['status', 'history'],
      ['no_such_thing', 'main_menu'],
    ] as const
    for (const [name, screen] of expected) {
      const talk = new Talk().opens({ at: 'offer', offer: offerId('z-image') }).writes('кот')
      talk.does({ kind: 'command', name, payload: 'ref_123' })
      assert.equal(talk.view.screen, screen, name)
    }
  })

  it('/status shows what runs; /cancel drops the draft first, then leads to what runs', () => {
    const talk = new Talk({ orders: [anOrder('a1')] }).slash('status')
    assert.equal(talk.view.screen, 'order')
    talk
      .opens({ at: 'offer', offer: offerId('z-image') })
      .writes('кот')
      .slash('cancel')
    assert.equal(talk.notice?.type, 'draft_dropped')
    talk.slash('cancel')
    assert.equal(talk.view.screen, 'order')
    assert.ok(talk.labels.includes('✖️ Отменить'))
  })
})

describe("the predecessor's entry points", () => {
  it('open their screens when pressed on an old message', () => {
    for (const [data, screen] of [
      ['cat:image', 'category'],
      ['gen_type:text-to-image', 'model_selection'],
      ['check_balance', 'balance'],
      ['topup_balance', 'top_up'],
      ['back_to_menu', 'main_menu'],
      ['menu:balance', 'balance'],
      ['menu:history', 'history'],
      ['menu:help', 'help'],
      ['my_generations', 'history'],
      ['referral_info', 'referral'],
      ['fast_tools', 'model_selection'],
    ] as const) {
      const address = decodeAddress(data)
      assert.ok(address, data)
      assert.equal(new Talk().opens(address).view.screen, screen, data)
    }
    assert.equal(new Talk().does({ kind: 'unknown_button' }).view.screen, 'main_menu')
  })
})
