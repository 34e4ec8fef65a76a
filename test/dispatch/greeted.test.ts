import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { greeted, isSamePerson } from '../../src/dispatch/greet.ts'
import { instant } from '../../src/kit/clock.ts'
import { personId } from '../../src/kit/ids.ts'

const [id, now] = [personId(7), instant(1)]

describe('the language of a person', () => {
  for (const [code, language] of [
    ['en', 'en'],
    ['ru', 'ru'],
  ] as const) {
    it(`stays ${language} when one update says nothing about it`, () => {
      const known = greeted({ id, firstName: 'Anna', languageCode: code }, undefined, now)
      assert.equal(known.language, language)
      const silent = greeted({ id, firstName: 'Anna' }, known, now)
      assert.equal(silent.language, language)
      assert.ok(isSamePerson(known, silent))
    })
  }

  it('stays when the update names an empty one', () => {
    const known = greeted({ id, firstName: 'Anna', languageCode: 'en' }, undefined, now)
    assert.ok(isSamePerson(known, greeted({ id, firstName: 'Anna', languageCode: '' }, known, now)))
  })

  it('follows what Telegram says, unless the person has chosen one', () => {
    const known = greeted({ id, firstName: 'Anna', languageCode: 'en' }, undefined, now)
    assert.equal(greeted({ id, firstName: 'Anna', languageCode: 'ru' }, known, now).language, 'ru')
    const chosen = { ...known, languageChosen: true }
    assert.equal(greeted({ id, firstName: 'Anna', languageCode: 'ru' }, chosen, now).language, 'en')
  })
})

it('the name of a person stays when an update has none', () => {
  const known = greeted({ id, firstName: 'Anna', languageCode: 'en' }, undefined, now)
  assert.equal(greeted({ id, firstName: '' }, known, now).firstName, 'Anna')
  assert.equal(greeted({ id, firstName: 'Ann' }, known, now).firstName, 'Ann')
})
