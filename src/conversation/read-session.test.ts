import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { instant } from '../kit/clock.ts'
import { chatId, offerId, personId, topicId } from '../kit/ids.ts'
import { readSession } from './read-session.ts'
import type { Draft, KeptPhotos, Session } from './session.ts'

const columns = { person: personId(42), chat: chatId(42), revision: 7 }
const file = { fileId: 'f', uniqueId: 'u', bytes: 3 }
const draft: Draft = {
  id: 'abcd1234',
  offer: offerId('an-offer'),
  values: { prompt: 'a fox', photos: [file], seed: 5, upscale: true },
  taking: { field: 'photos', files: ['u2'] },
  album: 'g',
}
const photos: KeptPhotos = { files: [file], at: instant(5), group: 'g', caption: 'a fox' }
const session: Session = {
  version: 1,
  ...columns,
  place: { at: 'ask', draft: draft.id, field: 'prompt' },
  draft,
  photos,
}
const home = { version: 1, ...columns, place: { at: 'home' } }

describe('reading a stored conversation', () => {
  it('of this version gives what was stored', () => {
    assert.deepEqual(readSession(JSON.parse(JSON.stringify(session)), columns), { session, isRestored: false })
  })

  for (const [what, stored] of [
    ['of a newer version', { ...session, version: 99 }],
    ['at a place that this program does not know', { ...session, place: { at: 'wonder', of: 'the world' } }],
    ['at a place that is asked for in another way', { ...session, place: { at: 'history', after: 'x' } }],
    ['without a place', { ...session, place: undefined }],
  ] as const) {
    it(`${what} is at home, with the draft and the photos`, () => {
      assert.deepEqual(readSession(stored, columns), { session: { ...home, draft, photos }, isRestored: true })
    })
  }

  it('stays in its topic; what an older program stored has none', () => {
    const inTopic = { ...session, topic: topicId(12) }
    assert.equal(readSession(inTopic, columns).session.topic, 12)
    assert.equal(readSession({ ...inTopic, version: 99 }, columns).session.topic, 12)
    assert.equal(readSession(session, columns).session.topic, undefined)
  })

  it('keeps no promise of a price that a newer program made', () => {
    const read = readSession({ ...session, version: 2, draft: { ...draft, quote: { id: 'q' } } }, columns)
    assert.deepEqual(read.session.draft, draft)
  })

  it('leaves out a draft and photos of a shape that it does not know', () => {
    const newer = {
      ...session,
      version: 2,
      draft: { ...draft, values: { a: { b: 1 } } },
      photos: { files: ['u'], at: 5 },
    }
    assert.deepEqual(readSession(newer, columns), { session: home, isRestored: true })
  })

  it('never fails, whatever is stored', () => {
    const places = fc.record({
      at: fc.constantFrom('home', 'ask', 'shelf', 'wonder', 'constructor'),
      page: fc.jsonValue(),
    })
    const parts = { place: fc.oneof(places, fc.jsonValue()), draft: fc.jsonValue(), photos: fc.jsonValue() }
    const stored = fc.oneof(fc.jsonValue(), fc.record({ version: fc.constantFrom(1, 2, 'x'), ...parts }))
    fc.assert(fc.property(stored, (body) => assert.equal(typeof readSession(body, columns).session.place.at, 'string')))
    const long = { ...session, place: { at: 'ask', draft: 'x'.repeat(99), field: 'y' } }
    assert.deepEqual(readSession(long, columns).session.place, { at: 'home' })
  })
})
