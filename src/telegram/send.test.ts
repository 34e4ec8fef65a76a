import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { cases } from '../../test/fixtures/seed.ts'
import type { Piece, Rich } from '../conversation/view.ts'
import {
  captionUnitsMax,
  renderCaption,
  renderKeyboard,
  renderPlain,
  renderRich,
  renderText,
  textUnitsMax,
} from './send.ts'

const render = (...rich: Rich) => renderRich(rich, textUnitsMax)
/** The stretch of text that an entity covers. */
const covered = ({ text, entities }: ReturnType<typeof render>) =>
  entities.map(({ type, offset, length }) => [type, text.slice(offset, offset + length)])

describe('text for a person', () => {
  it('carries its formatting beside it', () => {
    const rendered = render(
      'a ',
      { bold: ['b'] },
      { italic: ['c'] },
      '\n',
      { code: '<d>' },
      { quote: ['e ', { bold: ['f'] }] },
    )
    assert.equal(rendered.text, 'a bc\n<d>e f')
    assert.deepEqual(covered(rendered), [
      ['bold', 'b'],
      ['italic', 'c'],
      ['code', '<d>'],
      ['bold', 'f'],
      ['blockquote', 'e f'],
    ])
  })

  it('lets no markup of anybody come to life', () => {
    const wish = '<b>bold</b> *stars* [link](tg://user?id=1) &amp; `code` \\'
    assert.deepEqual(render(wish), { text: wish, entities: [] })
  })

  it('counts in UTF-16 units, over emoji and right-to-left text', () => {
    const rendered = render('👩‍👩‍👧 ', { bold: ['שלום 🦊'] }, ' مرحبا ', { quote: ['🏳️‍🌈'] })
    assert.deepEqual(covered(rendered), [
      ['bold', 'שלום 🦊'],
      ['blockquote', '🏳️‍🌈'],
    ])
    assert.equal(rendered.entities[0]?.offset, '👩‍👩‍👧 '.length)
  })

  it('puts no quote into a quote and no empty entity anywhere', () => {
    const rendered = render({ quote: ['a', { quote: ['b'] }] }, { bold: [''] }, { italic: [] })
    assert.deepEqual(covered(rendered), [['blockquote', 'ab']])
  })

  it('replaces halves of a character that Telegram would refuse', () => {
    assert.equal(render('a\ud83d', { bold: ['\udd8a'] }).text, 'a\ufffd\ufffd')
  })

  it('cuts the quoted wish when all is too long, and leaves our own words whole', () => {
    const rendered = render('Your wish:\n', { quote: ['x'.repeat(5000)] }, '\nPrice: 5 ₽')
    assert.equal(rendered.text.length, textUnitsMax)
    assert.match(rendered.text, /^Your wish:\nx+…\nPrice: 5 ₽$/)
    assert.deepEqual(rendered.entities[0]?.type, 'expandable_blockquote')
    const ours = 'o'.repeat(3000)
    assert.ok(render(ours, { quote: ['x'.repeat(2000)] }).text.startsWith(ours), 'though our own are longer')
  })

  it('never cuts through a surrogate pair', () => {
    for (let lead = 0; lead < 2; lead++) {
      const { text } = render('a'.repeat(lead), { quote: ['🦊'.repeat(3000)] })
      assert.ok(text.isWellFormed())
      assert.ok(text.length <= textUnitsMax && text.length >= textUnitsMax - 1)
      assert.match(text, /…$/)
    }
  })

  it('is within 1024 units under a picture', () => {
    const { caption, caption_entities } = renderCaption([{ quote: ['p'.repeat(1000)] }, { code: 'c'.repeat(1000) }])
    assert.equal(caption.length, captionUnitsMax)
    assert.deepEqual(caption_entities.at(-1), { type: 'code', offset: 24, length: 1000 })
    assert.equal(renderCaption([]).caption, '')
  })

  it('is never a message in which nothing can be seen', () => {
    for (const blank of ['', ' \n ', '\u200b\u2060\u00ad', '\u0301']) {
      assert.deepEqual(renderText([blank]), { text: '…', entities: [] })
    }
    assert.equal(renderText(['🦊']).text, '🦊')
  })

  it('is acceptable whatever its pieces are: within the limit, well-formed, every entity inside and not empty', () => {
    const { rich } = fc.letrec<{ rich: Rich; piece: Piece }>((tie) => ({
      rich: fc.array(tie('piece'), { maxLength: 6 }),
      piece: fc.oneof(
        { maxDepth: 4 },
        fc.string({ unit: 'grapheme', maxLength: 40 }),
        fc.string({ unit: 'binary', maxLength: 40 }),
        fc.constantFrom('🦊', 'x'.repeat(300), '\ud800', ''),
        fc.string({ maxLength: 60 }).map((code) => ({ code })),
        tie('rich').map((bold) => ({ bold })),
        tie('rich').map((italic) => ({ italic })),
        tie('rich').map((quote) => ({ quote })),
      ),
    }))
    fc.assert(
      fc.property(rich, fc.integer({ min: 1, max: 200 }), (drawn, unitsMax) => {
        const { text, entities } = renderRich(drawn, unitsMax)
        assert.ok(text.length <= unitsMax)
        assert.ok(text.isWellFormed())
        for (const { offset, length } of entities) {
          assert.ok(offset >= 0 && length > 0 && offset + length <= text.length)
        }
      }),
      cases(500),
    )
  })
})

describe('buttons and plain places', () => {
  it('draws addresses, links and tones, and no empty row', () => {
    const keyboard = renderKeyboard([
      [],
      [{ label: 'Запустить', to: { at: 'home' }, tone: 'danger' }],
      [{ label: ' ', url: 'https://example.org' }],
    ])
    assert.deepEqual(keyboard, {
      inline_keyboard: [
        [{ text: 'Запустить', callback_data: 'back_to_menu', style: 'danger' }],
        [{ text: '…', url: 'https://example.org' }],
      ],
    })
  })

  it('shortens plain text to the limit and no further', () => {
    assert.equal(renderPlain('12345', 5), '12345')
    assert.equal(renderPlain('123456', 5), '1234…')
    assert.equal(renderPlain('123🦊6', 5), '123…')
  })
})
