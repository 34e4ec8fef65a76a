import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { cases } from '../../test/fixtures/seed.ts'
import { lineOf, readLocatedJson } from './located-json.ts'

describe('readLocatedJson', () => {
  it('reads what JSON.parse reads, as JSON.parse reads it', () => {
    fc.assert(
      fc.property(fc.json(), fc.integer({ min: 0, max: 3 }), (text, indent) => {
        const written = JSON.stringify(JSON.parse(text), null, indent)
        const read = readLocatedJson(written)
        assert.ok(read.ok)
        assert.deepEqual(read.root.value, JSON.parse(written))
      }),
      cases(),
    )
  })

  it('refuses what JSON.parse refuses', () => {
    fc.assert(
      fc.property(
        fc.json(),
        fc.nat(),
        fc.constantFrom('', ',', '}', '"', ']', ':', '1', 'x', ' ', '\\'),
        (text, at, put) => {
          const place = at % text.length
          const broken = text.slice(0, place) + put + text.slice(place + 1)
          let parses = true
          try {
            JSON.parse(broken)
          } catch {
            parses = false
          }
          const read = readLocatedJson(broken)
          // Of two faults the first is named: a key that stands twice may have another fault behind it.
          const isTwice = !read.ok && read.message.includes('stands twice')
          assert.equal(read.ok, parses && !isTwice, broken)
        },
      ),
      cases(),
    )
  })

  it('knows the line of every key and item, and of the nearest thing around what is missing', () => {
    const read = readLocatedJson('{\n  "a": [\n    1,\n    { "b":\n 2 }\n  ]\n}\n')
    assert.ok(read.ok)
    assert.equal(lineOf(read.root, ['a']), 2)
    assert.equal(lineOf(read.root, ['a', 1]), 4)
    assert.equal(lineOf(read.root, ['a', 1, 'b']), 4)
    assert.equal(lineOf(read.root, ['a', 1, 'c', 'd']), 4)
  })

  it('says on which line a file stops being JSON', () => {
    assert.deepEqual(readLocatedJson('{\n  "a": 1,\n}'), {
      ok: false,
      line: 3,
      message: 'a value is expected, found "}"',
    })
    assert.deepEqual(readLocatedJson('{ "a": 1'), { ok: false, line: 1, message: ', is expected, and the file ends' })
    assert.deepEqual(readLocatedJson('[1,\n01]'), { ok: false, line: 2, message: '01 is not a value of JSON' })
  })

  it('refuses a key that stands twice, where JSON.parse would silently take the last', () => {
    assert.deepEqual(readLocatedJson('{ "a": 1,\n  "a": 2 }'), {
      ok: false,
      line: 2,
      message: 'the key "a" stands twice',
    })
  })
})
