import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { freePort } from '../fixtures/loopback.ts'
import { until } from '../fixtures/person.ts'
import { at, listAt, numberAt, startSandbox, startWebhook, textAt } from './telegram-setup.ts'

const dayMs = 24 * 3600 * 1000

describe('delivery by webhook', () => {
  it('brings an update with the secret header and notes that it was delivered', async (t) => {
    const sandbox = await startSandbox(t)
    const hook = await startWebhook(t)
    await sandbox.ok('setWebhook', { url: hook.url, secret_token: 'open-sesame_1' })
    const anna = await sandbox.person()
    const sent = await sandbox.write(anna, '/start hello')
    await hook.until(1)
    assert.equal(hook.heard[0]?.headers['x-telegram-bot-api-secret-token'], 'open-sesame_1')
    assert.equal(hook.heard[0]?.update['update_id'], sent['update_id'])
    assert.equal(at(hook.heard[0]?.update, 'message.text'), '/start hello')
    assert.deepEqual(at(hook.heard[0]?.update, 'message.entities'), [{ type: 'bot_command', offset: 0, length: 6 }])
    await until(async () => (await sandbox.updates('delivered')).length === 1)
  })

  it('keeps the order within a chat: the next message waits until the first got through', async (t) => {
    const sandbox = await startSandbox(t)
    let broken = true
    const hook = await startWebhook(t, ({ reply }) => void reply.writeHead(broken ? 500 : 200).end())
    await sandbox.ok('setWebhook', { url: hook.url })
    const anna = await sandbox.person()
    const first = await sandbox.write(anna, 'one')
    await sandbox.write(anna, 'two')
    // The first retry comes at once.
    await hook.until(2)
    broken = false
    await sandbox.advance(2000)
    await hook.until(4)
    const texts = hook.heard.map(({ update }) => at(update, 'message.text'))
    assert.deepEqual(texts, ['one', 'one', 'one', 'two'])
    assert.equal(hook.heard[2]?.update['update_id'], first['update_id'])
  })

  it('retries at once, then after 2, 4, 8 seconds, and caps the pause between one and two minutes', async (t) => {
    const sandbox = await startSandbox(t)
    const hook = await startWebhook(t, ({ reply }) => void reply.writeHead(502).end())
    await sandbox.ok('setWebhook', { url: hook.url })
    await sandbox.control('POST', '/clock', { rate: 0 })
    await sandbox.write(await sandbox.person(), 'hi')
    await hook.until(2)
    const attempts = async () => (await sandbox.updates())[0]?.attempts ?? []
    for (const [before, pauseMs] of [
      [2, 2000],
      [3, 4000],
      [4, 8000],
      [5, 16_000],
      [6, 32_000],
    ] as const) {
      await until(async () => (await attempts()).length === before)
      await sandbox.advance(pauseMs - 1)
      assert.equal(hook.heard.length, before, `no attempt before ${pauseMs} ms`)
      await sandbox.advance(1)
      await hook.until(before + 1)
    }
    await until(async () => (await attempts()).length === 7)
    await sandbox.advance(59_999)
    assert.equal(hook.heard.length, 7)
    await sandbox.advance(60_001)
    await hook.until(8)
    const info = await sandbox.ok('getWebhookInfo')
    assert.equal(at(info, 'last_error_message'), 'Wrong response from the webhook: 502 Bad Gateway')
    assert.equal(at(info, 'pending_update_count'), 1)
  })

  it('honours Retry-After of an error answer', async (t) => {
    const sandbox = await startSandbox(t)
    let broken = true
    const hook = await startWebhook(
      t,
      ({ reply }) => void (broken ? reply.writeHead(503, { 'retry-after': '10' }) : reply).end(),
    )
    await sandbox.ok('setWebhook', { url: hook.url })
    await sandbox.control('POST', '/clock', { rate: 0 })
    await sandbox.write(await sandbox.person(), 'hi')
    await until(async () => (await sandbox.updates())[0]?.attempts.length === 1)
    broken = false
    await sandbox.advance(9999)
    assert.equal(hook.heard.length, 1)
    await sandbox.advance(1)
    await hook.until(2)
  })

  it('forgets a tap after 150 seconds and a message after a day, and then goes on with the lane', async (t) => {
    const sandbox = await startSandbox(t)
    let broken = true
    const hook = await startWebhook(t, ({ reply }) => void reply.writeHead(broken ? 500 : 200).end())
    const anna = await sandbox.person()
    const message = numberAt(await sandbox.ok('sendMessage', keyboardFor(anna)), 'message_id')
    await sandbox.ok('setWebhook', { url: hook.url })
    await sandbox.control('POST', `/people/${anna}/taps`, { message_id: message, data: 'go' })
    await sandbox.write(anna, 'old')
    await until(async () => (await sandbox.updates()).every(({ attempts }) => attempts.length >= 2))
    await sandbox.advance(151_000)
    await until(async () => (await sandbox.updates('expired')).map(({ kind }) => kind).join() === 'callback_query')
    await sandbox.advance(dayMs)
    await until(async () => (await sandbox.updates('expired')).length === 2)
    broken = false
    await sandbox.write(anna, 'new')
    await until(() => hook.heard.some(({ update }) => JSON.stringify(update).includes('"new"')))
  })

  it('lets a tap overtake a message that fails, because they travel in different lanes', async (t) => {
    const sandbox = await startSandbox(t)
    const hook = await startWebhook(
      t,
      ({ update, reply }) => void reply.writeHead('message' in update ? 500 : 200).end(),
    )
    const anna = await sandbox.person()
    const message = numberAt(await sandbox.ok('sendMessage', keyboardFor(anna)), 'message_id')
    await sandbox.ok('setWebhook', { url: hook.url })
    await sandbox.write(anna, 'poison')
    await sandbox.control('POST', `/people/${anna}/taps`, { message_id: message, text: 'Go' })
    await until(async () => (await sandbox.updates('delivered')).length === 1)
    assert.deepEqual(
      (await sandbox.updates()).map(({ lane, state }) => [lane, state]),
      [
        [`message:${anna}`, 'pending'],
        [`callback_query:${anna}`, 'delivered'],
      ],
    )
  })

  it('opens one connection until a first success, and then as many as max_connections', async (t) => {
    const sandbox = await startSandbox(t)
    const open: (() => void)[] = []
    const hook = await startWebhook(t, ({ reply }) => void open.push(() => reply.end()))
    await sandbox.ok('setWebhook', { url: hook.url, max_connections: 3 })
    for (let i = 0; i < 6; i += 1) await sandbox.write(await sandbox.person(), 'hi')
    await hook.until(1)
    await sandbox.advance(10_000)
    await sandbox.ok('getMe')
    assert.equal(hook.heard.length, 1, 'one at a time while nothing has succeeded')
    open.shift()?.()
    await hook.until(4)
    assert.equal(open.length, 3, 'three side by side afterwards')
    while (hook.heard.length < 6 || open.length > 0) {
      open.shift()?.()
      await until(() => open.length > 0 || hook.heard.length === 6)
    }
    await until(async () => (await sandbox.updates('delivered')).length === 6)
  })

  it('starts afresh with a changed URL: what waited out a long pause is sent at once, and there only', async (t) => {
    const sandbox = await startSandbox(t)
    const old = await startWebhook(t, ({ reply }) => void reply.writeHead(404).end())
    const changed = await startWebhook(t, ({ reply }) => void reply.writeHead(404).end())
    await sandbox.ok('setWebhook', { url: old.url })
    await sandbox.write(await sandbox.person(), 'hi')
    await old.until(2)
    await sandbox.advance(1001)
    await sandbox.ok('setWebhook', { url: changed.url })
    await changed.until(2)
    const before = old.heard.length
    for (let count = 3; count < 6; count += 1) {
      await sandbox.advance(120_000)
      await changed.until(count)
    }
    assert.equal(old.heard.length, before)
  })

  it('does not deliver a tap that has waited for a connection until it was too old', async (t) => {
    const sandbox = await startSandbox(t)
    const open: (() => void)[] = []
    const hook = await startWebhook(t, ({ reply }) => void open.push(() => reply.end()))
    const anna = await sandbox.person()
    const message = numberAt(await sandbox.ok('sendMessage', keyboardFor(anna)), 'message_id')
    await sandbox.ok('setWebhook', { url: hook.url })
    await sandbox.write(anna, 'slow')
    await hook.until(1)
    await sandbox.control('POST', `/people/${anna}/taps`, { message_id: message, data: 'go' })
    await sandbox.advance(150_001)
    open.shift()?.()
    await until(async () => (await sandbox.updates()).every(({ state }) => state !== 'pending'))
    assert.deepEqual(
      (await sandbox.updates()).map(({ state }) => state),
      ['delivered', 'expired'],
    )
    assert.equal(hook.heard.length, 1)
  })

  it('executes a method that comes in the answer, and ignores one that reads', async (t) => {
    const sandbox = await startSandbox(t)
    const hook = await startWebhook(t, ({ update, reply }) => {
      const method = at(update, 'message.text') === 'me' ? 'getMe' : 'sendMessage'
      const call = { method, chat_id: at(update, 'message.chat.id'), text: 'from the answer' }
      reply.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(call))
    })
    await sandbox.ok('setWebhook', { url: hook.url })
    const anna = await sandbox.person()
    await sandbox.write(anna, 'me')
    await sandbox.write(anna, 'hi')
    await until(async () => (await sandbox.chat(anna)).some(({ text }) => text === 'from the answer'))
    const calls = listAt(await sandbox.control('GET', '/calls'), 'calls').filter(
      (call) => at(call, 'via') === 'webhook',
    )
    assert.deepEqual(
      calls.map((call) => at(call, 'method')),
      ['sendMessage'],
    )
  })

  it('remembers allowed_updates when they are not named, and takes an empty list for the default', async (t) => {
    const sandbox = await startSandbox(t)
    const hook = await startWebhook(t)
    const anna = await sandbox.person()
    await sandbox.ok('setWebhook', { url: hook.url, allowed_updates: ['callback_query'] })
    assert.equal((await sandbox.write(anna, 'unheard'))['update_id'], null)
    await sandbox.advance(1001)
    await sandbox.ok('setWebhook', { url: `${hook.url}/other` })
    assert.deepEqual(at(await sandbox.ok('getWebhookInfo'), 'allowed_updates'), ['callback_query'])
    await sandbox.advance(1001)
    await sandbox.ok('setWebhook', { url: hook.url, allowed_updates: [] })
    await sandbox.write(anna, 'heard')
    await hook.until(1)
    assert.deepEqual(
      hook.heard.map(({ update }) => at(update, 'message.text')),
      ['heard'],
    )
  })

  it('says that a webhook is already set, and that two calls within a second are too many', async (t) => {
    const sandbox = await startSandbox(t)
    const url = 'http://127.0.0.1:9/hook'
    assert.equal((await sandbox.call('setWebhook', { url })).body['description'], 'Webhook was set')
    assert.equal((await sandbox.call('setWebhook', { url })).body['description'], 'Webhook is already set')
    const second = await sandbox.call('setWebhook', { url: `${url}2` })
    assert.equal(second.status, 429)
    assert.equal(second.headers.get('retry-after'), '1')
    assert.equal(at(second.body, 'parameters.retry_after'), 1)
    await sandbox.advance(1000)
    assert.equal((await sandbox.call('setWebhook', { url: `${url}2` })).status, 200)
  })

  it('removes a webhook that has answered 410 for 23 hours', async (t) => {
    const sandbox = await startSandbox(t)
    const hook = await startWebhook(t, ({ reply }) => void reply.writeHead(410).end())
    await sandbox.ok('setWebhook', { url: hook.url })
    await sandbox.write(await sandbox.person(), 'hi')
    await until(async () => ((await sandbox.updates())[0]?.attempts.length ?? 0) >= 2)
    await sandbox.advance(23 * 3600 * 1000 + 1)
    await until(async () => textAt(await sandbox.ok('getWebhookInfo'), 'url') === '')
  })

  it('reports in the words of Telegram what is wrong at the address of the webhook', async (t) => {
    const hangsUp = await startWebhook(t, ({ reply }) => void reply.destroy())
    const refuses = await startWebhook(t, ({ reply }) => void reply.writeHead(403).end())
    const errors = {
      [`http://127.0.0.1:${await freePort()}/hook`]: 'Connection refused',
      [hangsUp.url]: 'Connection closed',
      [refuses.url]: 'Wrong response from the webhook: 403 Forbidden',
    }
    for (const [url, error] of Object.entries(errors)) {
      const sandbox = await startSandbox(t)
      await sandbox.ok('setWebhook', { url })
      await sandbox.write(await sandbox.person(), 'hi')
      await until(async () => 'last_error_message' in Object(await sandbox.ok('getWebhookInfo')))
      assert.equal(at(await sandbox.ok('getWebhookInfo'), 'last_error_message'), error)
    }
  })

  it('goes to loopback addresses alone, unless it was started with --allow-outbound, and says so', async (t) => {
    const sandbox = await startSandbox(t)
    await sandbox.ok('setWebhook', { url: 'https://bot.example.com/hook' })
    await sandbox.write(await sandbox.person(), 'hi')
    await until(async () => 'last_error_message' in Object(await sandbox.ok('getWebhookInfo')))
    const error = 'bot.example.com is not a loopback address (--allow-outbound)'
    assert.equal(at(await sandbox.ok('getWebhookInfo'), 'last_error_message'), error)
  })

  it('delivers twice when the answer is lost on purpose', async (t) => {
    const sandbox = await startSandbox(t)
    const hook = await startWebhook(t)
    await sandbox.ok('setWebhook', { url: hook.url })
    await sandbox.control('POST', '/faults', { on: 'webhook', after_execution: true })
    await sandbox.write(await sandbox.person(), 'hi')
    await sandbox.advance(2000)
    await hook.until(2)
    assert.equal(hook.ids()[0], hook.ids()[1])
  })
})

describe('delivery by long polling', () => {
  it('waits for an update, repeats it until an offset passes it, and takes a negative offset from the end', async (t) => {
    const sandbox = await startSandbox(t)
    const anna = await sandbox.person()
    await sandbox.ok('getMe')
    const waiting = sandbox.ok('getUpdates', { timeout: 5 })
    const ids = []
    for (const text of ['one', 'two', 'three']) ids.push((await sandbox.write(anna, text))['update_id'])
    assert.equal(at(await waiting, '0.message.text'), 'one')
    const read = async (params: Record<string, unknown>) =>
      listAt({ list: await sandbox.ok('getUpdates', params) }, 'list').map((update) => at(update, 'update_id'))
    assert.deepEqual(await read({}), ids)
    assert.deepEqual(await read({ limit: 1 }), [ids[0]])
    assert.deepEqual(await read({ offset: Number(ids[0]) + 1 }), [ids[1], ids[2]])
    assert.deepEqual(await read({ offset: -1 }), [ids[2]])
    assert.deepEqual(await read({}), [ids[2]])
    assert.deepEqual(await read({ offset: Number(ids[2]) + 1 }), [])
  })

  it('ends after at most 50 seconds of its own time', async (t) => {
    const sandbox = await startSandbox(t)
    await sandbox.control('POST', '/clock', { rate: 0 })
    let read: unknown
    const waiting = sandbox.ok('getUpdates', { timeout: 3600 }).then((updates) => {
      read = updates
    })
    await sandbox.ok('getMe')
    await sandbox.advance(49_999)
    await sandbox.ok('getMe')
    assert.equal(read, undefined)
    await sandbox.advance(1)
    await until(() => read !== undefined)
    await waiting
    assert.deepEqual(read, [])
  })

  it('answers 409 beside a webhook, and to the older of two polls', async (t) => {
    const sandbox = await startSandbox(t)
    const older = sandbox.call('getUpdates', { timeout: 30 })
    await sandbox.ok('getMe')
    const newer = sandbox.call('getUpdates', { timeout: 30 })
    assert.equal(
      (await older).body['description'],
      'Conflict: terminated by other getUpdates request; make sure that only one bot instance is running',
    )
    await sandbox.ok('setWebhook', { url: 'http://127.0.0.1:9/' })
    assert.equal((await newer).body['description'], 'Conflict: terminated by setWebhook request')
    const beside = await sandbox.call('getUpdates')
    assert.equal(beside.status, 409)
    assert.match(textAt(beside.body, 'description'), /^Conflict: can't use getUpdates method while webhook is active/)
  })
})

const keyboardFor = (person: number) => ({
  chat_id: person,
  text: 'Choose',
  reply_markup: { inline_keyboard: [[{ text: 'Go', callback_data: 'go' }]] },
})
