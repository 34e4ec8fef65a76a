import assert from 'node:assert/strict'
import { after, it } from 'node:test'
import fc from 'fast-check'
import { cases } from '../fixtures/seed.ts'
import { startWorld } from '../fixtures/service.ts'

/** Telegram passes on what people's programs wrote; nobody's name or caption may stop their updates. */
const world = await startWorld({ expects: ['UI_NOT_SHOWN'] })
after(() => world.end())
const { log } = world
const anna = await world.person('Анна')
await anna.says('/start')
await anna.sees(/Привет/)

const from = { id: anna.id, is_bot: false, first_name: 'Анна', username: 'anna', language_code: 'ru' }
const chat = { id: anna.id, type: 'private', first_name: 'Анна', username: 'anna' }
const message = { message_id: 7, date: 1, from, chat }
const file = { file_id: 'file', file_unique_id: 'unique', file_size: 5 }
const kinds: readonly object[] = [
  { message: { ...message, text: 'кот на крыше' } },
  { message: { ...message, text: '/start payload' } },
  { message: { ...message, photo: [{ ...file, width: 5, height: 5 }], caption: 'caption', media_group_id: 'group' } },
  { message: { ...message, document: { ...file, file_name: 'cat.png', mime_type: 'image/png' }, caption: 'caption' } },
  { message: { ...message, sticker: { ...file, emoji: '🎨' } } },
  { message: { ...message, pinned_message: message } },
  { edited_message: { ...message, text: 'кот' } },
  { callback_query: { id: '1', from, chat_instance: '5', data: 'cat:image', message: { ...message, text: 'Меню' } } },
  { pre_checkout_query: { id: '1', from, currency: 'XTR', total_amount: 5, invoice_payload: 'payload' } },
  {
    my_chat_member: {
      chat,
      from,
      date: 1,
      old_chat_member: { status: 'member' },
      new_chat_member: { status: 'member' },
    },
  },
  { telepathy: { from, chat, thought: 'кот' } },
]
/** Escapes are all that JSON has for them; a raw NUL is no JSON, and a raw half is no UTF-8. */
const broken = fc.constantFrom('\u0000', '\ud800', '\udc00', '\ud83d\u0000\ude00', '\u0000\u0000')

/** The kind of a chat is a word of Telegram's, and nobody writes it; spoiled, it would only be no private chat. */
const fixed = new Set(['type'])
/** Every string of the update, with that piece in it at a place of its own. */
function spoiled(value: unknown, piece: string, at: number): unknown {
  if (typeof value === 'string') {
    const cut = at % (value.length + 1)
    return value.slice(0, cut) + piece + value.slice(cut)
  }
  if (Array.isArray(value)) return value.map((each) => spoiled(each, piece, at))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, fixed.has(name) ? each : spoiled(each, piece, at)]),
  )
}

it('an update with a NUL or half of a pair in every string is handled at the first attempt', async () => {
  let updateId = 880_000
  const deliver = async (kind: object, piece: string, at: number) => {
    updateId += 1
    const id = updateId
    const body = JSON.stringify({ update_id: id, ...(spoiled(kind, piece, at) as object) })
    assert.equal((await world.deliver(body)).status, 200, body)
    const { cid } = await log.until('UPDATE_RECEIVED', ({ update_id }) => update_id === id)
    await log.until('DISPATCH_OK', (fields) => fields['cid'] === cid)
  }
  await fc.assert(
    fc.asyncProperty(broken, fc.nat(20), async (piece, at) => {
      for (const kind of kinds) await deliver(kind, piece, at)
    }),
    cases(12),
  )
  assert.equal(log.count('DISPATCH_FAIL'), 0)
  assert.equal(log.count('UPDATE_SHELVED'), 0)
})
