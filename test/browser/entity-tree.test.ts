import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { linkTarget, type Span, spansOf } from '../../web/chat/messages/entity-tree.ts'
import { cases } from '../fixtures/seed.ts'

const plain = (spans: readonly Span[]): string =>
  spans.map((span) => ('text' in span ? span.text : plain(span.parts))).join('')

describe('the entities of a message', () => {
  it('nest as they lie, counted in UTF-16 units', () => {
    const spans = spansOf('🎨 bold and italic', [
      { type: 'bold', offset: 3, length: 15 },
      { type: 'italic', offset: 12, length: 6 },
    ])
    assert.deepEqual(spans, [
      { text: '🎨 ' },
      {
        entity: { type: 'bold', offset: 3, length: 15 },
        parts: [
          { text: 'bold and ' },
          { entity: { type: 'italic', offset: 12, length: 6 }, parts: [{ text: 'italic' }] },
        ],
      },
    ])
  })

  it('hold the shorter inside the longer when both begin at one place', () => {
    const [outer] = spansOf('bold', [
      { type: 'italic', offset: 0, length: 2 },
      { type: 'bold', offset: 0, length: 4 },
    ])
    assert.ok(outer !== undefined && 'entity' in outer)
    assert.equal(outer.entity.type, 'bold')
    assert.equal(outer.parts.length, 2)
  })

  it('never lose or double a character, however they overlap', () => {
    const entity = fc.record({
      type: fc.constantFrom('bold', 'italic', 'code'),
      offset: fc.integer({ min: -3, max: 40 }),
      length: fc.integer({ min: -2, max: 40 }),
    })
    fc.assert(
      fc.property(fc.string({ maxLength: 30 }), fc.array(entity, { maxLength: 8 }), (text, entities) => {
        assert.equal(plain(spansOf(text, entities)), text)
      }),
      cases(),
    )
  })

  it('lead only to addresses that a chat may open', () => {
    const target = (url: string) => linkTarget({ type: 'text_link', offset: 0, length: 4, url }, 'link')
    assert.equal(target('javascript:alert(1)'), undefined)
    assert.equal(target('data:text/html,x'), undefined)
    assert.equal(target('https://example.org/a'), 'https://example.org/a')
    assert.equal(linkTarget({ type: 'url', offset: 0, length: 11 }, 'example.org'), 'https://example.org')
    assert.equal(linkTarget({ type: 'url', offset: 0, length: 19 }, 'javascript:alert(1)'), undefined)
  })
})
