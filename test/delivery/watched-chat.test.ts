import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { ChatGateway } from '../../src/delivery/chat-gateway.ts'
import { createWatchedChat } from '../../src/delivery/watched-chat.ts'
import { done, later, type Outcome } from '../../src/kit/outcome.ts'

/** A Telegram that gives these answers in turn, and notes which taps were answered. */
function open(...outcomes: readonly Outcome<true, 'unreachable'>[]) {
  const called: string[] = []
  const left = [...outcomes]
  const answerTap: ChatGateway['answerTap'] = async (tap) => {
    called.push(tap)
    return left.shift() ?? done(true)
  }
  const breaker = { waitMs: () => undefined, note: () => {} }
  return { chat: createWatchedChat({ answerTap } as ChatGateway, breaker), called }
}

it('a tap that is handled again is answered once, also while the first answer is under way', async () => {
  const { chat, called } = open()
  const [first, second] = await Promise.all([chat.answerTap('tap', {}), chat.answerTap('tap', { text: 'again' })])
  assert.deepEqual([first, second, await chat.answerTap('tap', {})], [done(true), done(true), done(true)])
  await chat.answerTap('another tap', {})
  assert.deepEqual(called, ['tap', 'another tap'])
})

it('a tap whose answer failed may be answered again', async () => {
  const { chat, called } = open(later('unreachable', 'Telegram could not be reached'))
  assert.equal((await chat.answerTap('tap', {})).kind, 'not_done')
  assert.deepEqual(await chat.answerTap('tap', {}), done(true))
  assert.deepEqual(called, ['tap', 'tap'])
})
