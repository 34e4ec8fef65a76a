import assert from 'node:assert/strict'
import { after, it } from 'node:test'
import { createSandbox } from '../../sandbox/sandbox.ts'
import { commandsFor } from '../../src/conversation/texts/commands-for.ts'
import { createClock } from '../../src/kit/clock.ts'
import { personId } from '../../src/kit/ids.ts'
import { createTelegramClient } from '../../src/telegram/client.ts'
import { createCommandsKeeper } from '../../src/webhook/commands-keeper.ts'
import { controlsOf } from '../fixtures/sandbox.ts'
import { tokenOf } from './keeping.ts'

/** The commands of the menu button, whatever another program with the same token had set. */
const sandbox = await createSandbox({ port: 0, seed: 'commands', floodLimits: false })
after(() => sandbox.close())
const controls = controlsOf(sandbox.url)
const bot = 8_200_001
const call = async (method: string, params: object) => {
  const response = await fetch(`${sandbox.url}/telegram/bot${tokenOf(bot)}/${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(params),
  })
  return ((await response.json()) as { result: unknown }).result
}
const operator = personId(777)

it('replaces those of narrower scopes, in every language and in the chats of the operators, and goes on after a failure', async () => {
  const telegram = createTelegramClient({
    token: tokenOf(bot),
    apiRoot: `${sandbox.url}/telegram`,
    clock: createClock(),
  })
  const scopes = [
    { type: 'default' },
    { type: 'all_private_chats' },
    { type: 'all_group_chats' },
    { type: 'all_chat_administrators' },
    { type: 'chat', chat_id: operator },
  ]
  const languages = [{}, { language_code: 'en' }, { language_code: 'ru' }]
  const lists = scopes.flatMap((scope) => languages.map((language) => ({ scope, ...language })))
  const commands = [{ command: 'marketing', description: 'The former program' }]
  for (const list of lists) assert.equal(await call('setMyCommands', { commands, ...list }), true)
  await controls.fault({ on: 'telegram', method: 'deleteMyCommands', status: 502 })
  const pauses: number[] = []
  const keeper = createCommandsKeeper({
    telegram,
    commandsFor,
    operators: [operator],
    clock: { ...createClock(), sleep: async (ms) => void pauses.push(ms) },
  })
  await keeper.run({ kind: 'leader', epoch: 1, isFresh: () => true }, new AbortController().signal)
  const found = await Promise.all(lists.map(async (list) => [list, await call('getMyCommands', list)] as const))
  for (const [list, left] of found) {
    const isOurs = list.scope.type === 'default' && !('language_code' in list && list.language_code === 'en')
    const language = 'language_code' in list && list.language_code === 'ru' ? 'ru' : 'en'
    assert.deepEqual(left, isOurs ? commandsFor(language) : [], JSON.stringify(list))
  }
  assert.equal(pauses.length, 1, 'what failed is tried again once')
})
