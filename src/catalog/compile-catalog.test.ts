import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type CatalogProblem, compileCatalog } from './compile-catalog.ts'

/** One offer in a file, a line for each thing that a test below makes wrong. */
const lines = [
  '{',
  '  "family": "market", "category": "image", "maker": "Somebody", "offers": [{',
  '    "id": "one",',
  '    "model": "somebody/one",',
  '    "kind": "text-to-image",',
  '    "title": "One",',
  '    "about": { "ru": "Рисует.", "en": "Draws." },',
  '    "example": { "ru": "Кот", "en": "A cat" },',
  '    "fields": [',
  '      { "name": "prompt", "type": "text", "role": "prompt", "required": true, "maxLength": 100 },',
  '      { "name": "ratio", "type": "choice", "options": ["1:1", "4:3"], "initial": "1:1" },',
  '      { "name": "pro", "type": "switch", "initial": false },',
  '      { "name": "n", "type": "number", "min": 1, "max": 4, "step": 1, "initial": 1 }',
  '    ],',
  '    "countField": "n",',
  '    "prices": [',
  '      { "when": { "pro": false }, "unit": "image", "credits": "4", "usd": "0.02" },',
  '      { "when": { "pro": true }, "unit": "image", "credits": "8", "usd": "0.04" }',
  '    ]',
  '  }]',
  '}',
]
const wordLines = [
  '{',
  '  "fields": {',
  '    "prompt": { "ru": "Описание", "en": "Prompt" }, "ratio": { "ru": "Кадр", "en": "Frame" },',
  '    "pro": { "ru": "Лучше", "en": "Better" }, "n": { "ru": "Сколько", "en": "How many" }',
  '  },',
  '  "options": { "1:1": { "ru": "1:1", "en": "1:1" }, "4:3": { "ru": "4:3", "en": "4:3" } }',
  '}',
]
const words = { file: 'offers/words.json', text: wordLines.join('\n') }
const offers = (text: string) => ({ file: 'offers/somebody.json', text })
const good = lines.join('\n')

/** The problems when `was` is replaced by `is` in the file of offers. */
function problemsWith(was: string, is: string): readonly CatalogProblem[] {
  assert.ok(good.includes(was), was)
  const compiled = compileCatalog([offers(good.replace(was, is)), words])
  return compiled.ok ? [] : compiled.problems
}

describe('compileCatalog', () => {
  it('makes a catalog of files that are in order', () => {
    const compiled = compileCatalog([offers(good), words])
    assert.ok(compiled.ok)
    const [offer] = compiled.catalog.offers
    assert.ok(offer !== undefined)
    assert.equal(compiled.catalog.get(offer.id), offer)
    assert.deepEqual(compiled.catalog.categories, ['image'])
    assert.deepEqual(offer.fields[1], {
      name: 'ratio',
      type: 'choice',
      required: false,
      label: { ru: 'Кадр', en: 'Frame' },
      options: ['1:1', '4:3'].map((value) => ({ value, label: { ru: value, en: value } })),
      initial: '1:1',
    })
    assert.deepEqual(offer.deadlines, { uncertainMs: 15 * 60_000, lostMs: 24 * 60 * 60_000 })
  })

  const wrong: readonly [string, string, string, number, string, RegExp][] = [
    ['a file that is not JSON', '"id": "one",', '"id": "one"', 4, '', /not JSON: , is expected/],
    [
      'a key that nobody knows',
      '"title": "One"',
      '"title": "One", "colour": "red"',
      6,
      'offers[0].colour',
      /[Uu]nrecognized/,
    ],
    ['a missing key', '"kind": "text-to-image",', '', 2, 'offers[0].kind', /Invalid option/],
    [
      'an id that does not fit a button',
      '"one"',
      '"one-with-a-very-long-identity"',
      3,
      'offers[0].id',
      /slug of at most 24/,
    ],
    ['a title that does not fit a button', '"One"', '"One with a very long title"', 6, 'offers[0].title', /<=24/],
    ['a text in one language', ', "en": "Draws."', '', 7, 'offers[0].about.en', /string/],
    [
      'an example that the model would refuse',
      '"A cat"',
      `"${'A cat '.repeat(20)}"`,
      8,
      'offers[0].example.en',
      /refused/,
    ],
    [
      'a field without a name for people',
      '"name": "ratio"',
      '"name": "frame"',
      11,
      'offers[0].fields[1].name',
      /no name for people/,
    ],
    ['an option without a name', '"4:3"]', '"5:4"]', 11, 'offers[0].fields[1].options[1]', /no name for people/],
    ['an option twice', '"4:3"]', '"1:1"]', 11, 'offers[0].fields[1].options[1]', /stands twice/],
    [
      'an initial that is no option',
      '"initial": "1:1"',
      '"initial": "5:4"',
      11,
      'offers[0].fields[1].initial',
      /not a value/,
    ],
    ['a field twice', '"name": "n",', '"name": "pro",', 13, 'offers[0].fields[3].name', /stands twice/],
    [
      'a step that misses the end',
      '"max": 4, "step": 1',
      '"max": 4.5, "step": 1',
      13,
      'offers[0].fields[3].step',
      /does not lead/,
    ],
    ['no prompt at all', '"role": "prompt"', '"role": "extra"', 9, 'offers[0].fields', /exactly one text/],
    [
      'pictures that do not go with the kind',
      '"text-to-image"',
      '"image-to-image"',
      5,
      'offers[0].kind',
      /picture is required/,
    ],
    ['a price as a number', '"usd": "0.04"', '"usd": 0.04', 18, 'offers[0].prices[1].usd', /string/],
    [
      'a price of nothing',
      '"credits": "8", "usd": "0.04"',
      '"credits": "0", "usd": "0"',
      18,
      'offers[0].prices[1].credits',
      /more than 0/,
    ],
    [
      'dollars that are not the credits',
      '"usd": "0.04"',
      '"usd": "0.4"',
      18,
      'offers[0].prices[1].usd',
      /is not 8 credits/,
    ],
    [
      'a number that was misread',
      '"credits": "8", "usd": "0.04"',
      '"credits": "8000", "usd": "40"',
      18,
      'offers[0].prices[1].credits',
      /more than 1000/,
    ],
    [
      'a price for a field that is not there',
      '{ "pro": true }',
      '{ "max": true }',
      18,
      'offers[0].prices[1].when.max',
      /neither a field/,
    ],
    [
      'a price for no possible value',
      '{ "pro": true }',
      '{ "pro": "yes" }',
      18,
      'offers[0].prices[1].when.pro',
      /not a value/,
    ],
    [
      'a choice without a price',
      '{ "pro": true }',
      '{ "pro": true, "ratio": "1:1" }',
      16,
      'offers[0].prices',
      /no row applies to ratio "4:3", pro true/,
    ],
    ['a choice with two prices', '{ "pro": true }', '{}', 16, 'offers[0].prices', /2 rows apply to pro false/],
    [
      'a price that depends on what nobody said',
      '"type": "switch", "initial": false',
      '"type": "switch"',
      17,
      'offers[0].prices[0].when.pro',
      /needs an "initial"/,
    ],
    ['a count of nothing', '"min": 1,', '"min": 0,', 15, 'offers[0].countField', /from 1/],
    [
      'a free price that grows with the count',
      '"usd": "0.04"',
      '"usd": "0.04", "free": true',
      15,
      'offers[0].countField',
      /free/,
    ],
  ]
  for (const [what, was, is, line, field, message] of wrong)
    it(`names file, line and field of ${what}`, () => {
      const problems = problemsWith(was, is)
      const found = problems.find((problem) => problem.field === field && message.test(problem.message))
      assert.ok(found !== undefined, JSON.stringify(problems, null, 2))
      assert.deepEqual([found.file, found.line], ['offers/somebody.json', line])
    })

  it('takes dollars that KIE itself reckons otherwise when the reason is written beside them', () => {
    assert.deepEqual(problemsWith('"usd": "0.04"', '"usd": "0.045", "conflict": "The list says so."'), [])
  })

  it('takes a choice without a price when it is excluded by name', () => {
    const compiled = compileCatalog([
      offers(
        good
          .replace('{ "pro": true }', '{ "pro": true, "ratio": "1:1" }')
          .replace('"countField"', '"excluded": [{ "pro": true, "ratio": "4:3" }], "countField"'),
      ),
      words,
    ])
    assert.ok(compiled.ok, JSON.stringify(compiled))
  })

  it('refuses a required choice that would have to be asked, and a value too long for a button', () => {
    const long = `"${'x'.repeat(50)}"`
    const choice = `{ "name": "ratio", "type": "choice", "required": true, "options": [{ "value": ${long}, "label": { "ru": "а", "en": "a" } }, "4:3"] }`
    const problems = problemsWith(lines[10]?.trim().replace(/,$/, '') ?? '', choice)
    assert.deepEqual(
      problems.map(({ line, field }) => [line, field]),
      [
        [11, 'offers[0].fields[1]'],
        [11, 'offers[0].fields[1].options[0]'],
      ],
    )
  })

  it('finds an id, a title or a model that another file has already', () => {
    const compiled = compileCatalog([offers(good), { ...offers(good), file: 'offers/somebody-else.json' }, words])
    assert.ok(!compiled.ok)
    assert.deepEqual(
      compiled.problems.map(({ file, line, field }) => [file, line, field]),
      [
        ['offers/somebody-else.json', 3, 'offers[0].id'],
        ['offers/somebody-else.json', 6, 'offers[0].title'],
        ['offers/somebody-else.json', 4, 'offers[0].model'],
      ],
    )
  })

  it('says so when there are no words or no offers, instead of opening an empty shop', () => {
    for (const sources of [[], [offers(good)], [words]]) {
      const compiled = compileCatalog(sources)
      assert.ok(!compiled.ok)
      assert.equal(compiled.problems.length, 1)
    }
  })
})
