import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ApiError } from '../../sandbox/telegram/bot-side/errors.ts'
import { Params } from '../../sandbox/telegram/bot-side/params.ts'
import { detectEntities } from '../../sandbox/telegram/formatting/detect.ts'
import { readFormatted } from '../../sandbox/telegram/formatting/formatting.ts'
import { parseHtml } from '../../sandbox/telegram/formatting/html.ts'
import { parseMarkdown } from '../../sandbox/telegram/formatting/markdown.ts'
import { parseMarkdownV2 } from '../../sandbox/telegram/formatting/markdown-v2.ts'
import { patience } from '../fixtures/patience.ts'

function read(text: string, mode = '', entities?: unknown) {
  const values = new Map<string, unknown>(Object.entries({ text, parse_mode: mode, entities }))
  return readFormatted(new Params(values), { text: 'text', entities: 'entities' })
}

/** A text with its entities as `type@offset+length`. */
function brief(text: string, mode = ''): string {
  const read_ = read(text, mode)
  return [read_.text, ...read_.entities.map(({ type, offset, length }) => `${type}@${offset}+${length}`)].join(' ')
}

function refusal(text: string, mode: string): string {
  try {
    read(text, mode)
  } catch (error) {
    assert.ok(error instanceof ApiError)
    return error.message.replace("Bad Request: can't parse entities: ", '')
  }
  return 'nothing'
}

describe('HTML', () => {
  const good: readonly (readonly [source: string, seen: string])[] = [
    ['<b>bold</b> <i>it</i>', 'bold it bold@0+4 italic@5+2'],
    ['<b>a<i>b</i></b>', 'ab bold@0+2 italic@1+1'],
    ['1 &lt; 2 &amp;&amp; 3 &gt; 2 &quot;q&quot; &#39;', `1 < 2 && 3 > 2 "q" '`],
    ['&nbsp;&copy;', '&nbsp;&copy;'],
    ['🎨 <b>x</b>', '🎨 x bold@3+1'],
    ['  <u> x </u>  ', 'x underline@0+1'],
    ['<tg-spoiler>a</tg-spoiler><span class="tg-spoiler">b</span>', 'ab spoiler@0+1 spoiler@1+1'],
    ['<blockquote expandable>q</blockquote>', 'q expandable_blockquote@0+1'],
    ['<a href="https://a.bc/?x=1&amp;y=2">here</a>', 'here text_link@0+4'],
    ['<B>x</b>', 'x bold@0+1'],
    ['<b></b>x', 'x'],
  ]
  for (const [source, seen] of good) it(`reads ${source}`, () => assert.equal(brief(source, 'HTML'), seen))

  it('keeps the address of a link and the language of a block', () => {
    assert.equal(read('<a href="https://a.bc/?x=1&amp;y=2">here</a>', 'HTML').entities[0]?.url, 'https://a.bc/?x=1&y=2')
    const { entities } = read('<pre><code class="language-ts">let x</code></pre>', 'html')
    assert.deepEqual(entities, [{ type: 'pre', language: 'ts', offset: 0, length: 5 }])
  })

  const bad: readonly (readonly [source: string, why: string])[] = [
    ['<b>x', `Can't find end tag corresponding to start tag "b"`],
    ['я<foo>x', 'Unsupported start tag "foo" at byte offset 2'],
    ['x</b>', 'Unexpected end tag at byte offset 1'],
    ['<b>x</i>', 'Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'],
    ['1 < 2', 'Unsupported start tag "" at byte offset 2'],
    ['<b', 'Unclosed start tag at byte offset 0'],
    ['<b>x</b', 'Unclosed end tag at byte offset 4'],
    ['<span>x</span>', 'Tag "span" must have class "tg-spoiler" at byte offset 0'],
    ['<a href="x>y</a>', 'Unclosed start tag at byte offset 0'],
  ]
  for (const [source, why] of bad) it(`refuses ${source}`, () => assert.equal(refusal(source, 'HTML'), why))
})

describe('MarkdownV2', () => {
  const good: readonly (readonly [source: string, seen: string])[] = [
    ['*b* _i_ __u__ ~s~ ||p||', 'b i u s p bold@0+1 italic@2+1 underline@4+1 strikethrough@6+1 spoiler@8+1'],
    ['*b _i_*', 'b i bold@0+3 italic@2+1'],
    ['a\\.b \\*', 'a.b *'],
    ['`a.b*`', 'a.b* code@0+4'],
    ['```js\nlet x;```', 'let x; pre@0+6'],
    ['[t\\.](https://a.bc/\\))', 't. text_link@0+2'],
    ['>q1\n>q2\nend', 'q1\nq2\nend blockquote@0+5'],
  ]
  for (const [source, seen] of good) it(`reads ${source}`, () => assert.equal(brief(source, 'MarkdownV2'), seen))

  const bad: readonly (readonly [source: string, why: string])[] = [
    ['a.b', "Character '.' is reserved and must be escaped with the preceding '\\'"],
    ['1-2', "Character '-' is reserved and must be escaped with the preceding '\\'"],
    ['я *b', "Can't find end of Bold entity at byte offset 3"],
    ['_i', "Can't find end of Italic entity at byte offset 0"],
    ['```x', "Can't find end of Pre entity at byte offset 0"],
    ['[a](b', "Can't find end of a URL at byte offset 3"],
  ]
  for (const [source, why] of bad) it(`refuses ${source}`, () => assert.equal(refusal(source, 'MarkdownV2'), why))
})

describe('legacy Markdown', () => {
  it('reads entities without nesting and dots without escapes', () => {
    assert.equal(brief('*b* a.b [l](https://a.bc)', 'Markdown'), 'b a.b l bold@0+1 text_link@6+1')
    assert.equal(brief('snake\\_case', 'Markdown'), 'snake_case')
  })
  it('refuses an entity without an end', () =>
    assert.equal(refusal('я _x', 'Markdown'), "Can't find end of the entity starting at byte offset 3"))
})

describe('entities without markup', () => {
  it('finds commands, addresses, mentions, hashtags and e-mail addresses', () =>
    assert.equal(
      brief('/start@a_bot see https://kie.ai/x, @anna #тег a@b.cd'),
      '/start@a_bot see https://kie.ai/x, @anna #тег a@b.cd bot_command@0+12 url@17+16 mention@35+5 hashtag@41+4 email@46+6',
    ))
  it('takes the given ones and refuses one past the end', () => {
    assert.deepEqual(read('bold', '', [{ type: 'bold', offset: 0, length: 4 }]).entities, [
      { type: 'bold', offset: 0, length: 4 },
    ])
    assert.throws(() => read('bold', '', [{ type: 'bold', offset: 2, length: 4 }]), /ends after the end of the text/)
  })
})

describe('a text that is all markup', () => {
  it('is refused at the limit of the server before it is read', () => {
    for (const mode of ['', 'HTML', 'MarkdownV2', 'Markdown']) {
      assert.throws(() => read('<b>x</b>'.repeat(32_000), mode), { message: 'Bad Request: text is too long' })
      assert.throws(() => read('я'.repeat(16_385), mode), { message: 'Bad Request: text is too long' })
    }
    assert.equal(read('я'.repeat(16_384)).text.length, 16_384)
    assert.equal(refusal('<i>'.repeat(10_922), 'HTML'), `Can't find end tag corresponding to start tag "i"`)
  })

  const million = (piece: string) => piece.repeat(Math.ceil(1_000_000 / piece.length))
  const shapes: readonly (readonly [name: string, read: () => unknown])[] = [
    ['HTML tags', () => parseHtml(million('<b>x</b>'))],
    ['HTML links without an address', () => parseHtml(million('<a>x</a>'))],
    ['HTML blocks', () => parseHtml(million('<pre><code>x</code></pre>'))],
    ['HTML attributes', () => parseHtml(`<b ${million('a ')}>x</b>`)],
    ['MarkdownV2 links without an address', () => parseMarkdownV2(million('[x]'))],
    [
      'MarkdownV2 quotations in open entities',
      () => {
        assert.throws(() => parseMarkdownV2(million('*_') + million('\n>x')), /Can't find end of/)
      },
    ],
    ['Markdown links whose address has no end', () => parseMarkdown(million('[x]('))],
    ['commands', () => detectEntities(million('/a '), [])],
    [
      'given entities, each over the whole text',
      () =>
        detectEntities(
          'a'.repeat(32_768),
          Array.from({ length: 100_000 }, () => ({ type: 'code', offset: 0, length: 32_768 })),
        ),
    ],
  ]
  for (const [name, readShape] of shapes) {
    it(`costs as many steps as it has characters: ${name}`, () => {
      const startedAt = performance.now()
      readShape()
      assert.ok(performance.now() - startedAt < patience(2_000), `took ${performance.now() - startedAt} ms`)
    })
  }
})
