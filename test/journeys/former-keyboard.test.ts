import assert from 'node:assert/strict'
import { after, it } from 'node:test'
import { until } from '../fixtures/person.ts'
import { startWorld } from '../fixtures/service.ts'

/** Somebody whose program still shows the keyboard of the program before this one. */
const world = await startWorld({ expects: ['UI_NOT_SHOWN'] })
after(() => world.end())
const { controls } = world

it('a press of it leads to its place, and the keyboard is taken away without a message that stays', async () => {
  const anna = await world.person('Анна')
  await anna.says('💳 Баланс')
  await anna.sees(/^Баланс/)
  await until(async () => (await controls.calls('deleteMessage')).length === 1, 'the message is deleted')
  const calls = await controls.calls('sendMessage')
  const removals = calls.filter(({ params }) => JSON.stringify(params['reply_markup']).includes('remove_keyboard'))
  assert.equal(removals.length, 1)
  const shown = (await anna.looks()).filter(({ from }) => from === 'bot')
  assert.equal(shown.length, 1, 'the screen alone')
})

it('what cannot be deleted says something true, and the keyboard is taken away all the same', async () => {
  const boris = await world.person('Борис')
  await controls.fault({ on: 'telegram', method: 'deleteMessage', status: 502 })
  await boris.says('❓ Помощь')
  await boris.sees(/Кнопки теперь прямо под сообщениями/)
})
