import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startWorld } from '../fixtures/service.ts'

/** Another bot that writes to ours would be answered for ever, and a channel or group asked nothing: noted, not answered. */
const world = await startWorld()
after(() => world.end())

test('updates of another bot, of channels and of those who write as one, are kept as handled, and not answered', async () => {
  const anna = await world.person('Anna')
  const from = { id: anna.id, is_bot: true, first_name: 'Robot', language_code: 'en' }
  const message = { message_id: 1, date: 1, chat: { id: anna.id, type: 'private' } }
  const channel = { id: -1_001, type: 'channel', title: 'News' }
  const group = { id: -1_002, type: 'supergroup', title: 'Club' }
  const telegramItself = { id: 777_000, is_bot: false, first_name: 'Telegram' }
  const contents = [
    { message: { ...message, from, text: '/start' } },
    { message: { ...message, from, text: 'hello' } },
    { message: { ...message, from, sticker: { file_id: 'x' } } },
    { message: { ...message, from, photo: [{ file_id: 'x', file_unique_id: 'x', width: 1, height: 1 }] } },
    { message: { ...message, from, animation: { file_id: 'x' }, document: { file_id: 'x', file_unique_id: 'x' } } },
    { message: { ...message, from, document: { file_id: 'x', file_unique_id: 'x', file_name: 'a.heic' } } },
    { channel_post: { ...message, chat: channel, sender_chat: channel, text: '/start' } },
    // An anonymous administrator writes as the group, and what a linked channel posts comes from Telegram itself.
    { message: { ...message, chat: group, sender_chat: group, from: { ...from, id: 1_087_968_824 }, text: '/start' } },
    { message: { ...message, chat: group, sender_chat: channel, from: telegramItself, text: '/start' } },
    { guest_message: { ...message, from: { ...from, is_bot: false }, text: '/start' } },
    { my_chat_member: { chat: message.chat, from, date: 1, new_chat_member: { status: 'kicked' } } },
  ]
  for (const [n, content] of contents.entries()) {
    assert.equal((await world.deliver(JSON.stringify({ update_id: 800_000 + n, ...content }))).status, 200)
    await world.log.until('UPDATE_RECEIVED', ({ update_id }) => update_id === 800_000 + n)
  }
  const calls = ['sendMessage', 'sendPhoto', 'editMessageText', 'answerCallbackQuery']
  await anna.says('/start')
  await anna.sees(/Anna/)
  const made = await Promise.all(calls.map((method) => world.controls.calls(method)))
  assert.equal(made.flat().length, 1, 'the answer to the person who wrote last')
})
