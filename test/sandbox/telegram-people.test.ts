import assert from 'node:assert/strict'
import { type RequestOptions, request } from 'node:http'
import { describe, it } from 'node:test'
import { serve } from '../fixtures/loopback.ts'
import { until } from '../fixtures/person.ts'
import { ask, at, listAt, numberAt, pngOf, startSandbox, startWebhook, textAt } from './telegram-setup.ts'

describe('the person in front of a bot', () => {
  it('sees each change of the chat once, from the cursor of the last look', async (t) => {
    const sandbox = await startSandbox(t)
    const anna = await sandbox.person()
    const one = at(await sandbox.ok('sendMessage', { chat_id: anna, text: 'one' }), 'message_id')
    const two = at(await sandbox.ok('sendMessage', { chat_id: anna, text: 'two' }), 'message_id')
    const look = (after: unknown, waitMs = 0) =>
      sandbox.control('GET', `/people/${anna}/chat?after=${after}&wait_ms=${waitMs}`)
    const first = await look(0)
    assert.equal(listAt(first, 'messages').length, 2)
    assert.deepEqual(await look(first['cursor']), { cursor: first['cursor'], messages: [] })
    const waiting = look(first['cursor'], 5000)
    await sandbox.ok('editMessageText', { chat_id: anna, message_id: two, text: 'two!' })
    const second = await waiting
    assert.deepEqual(
      listAt(second, 'messages').map((message) => [at(message, 'text'), at(message, 'edited')]),
      [['two!', true]],
    )
    await sandbox.ok('deleteMessage', { chat_id: anna, message_id: one })
    const third = await look(second['cursor'], 5000)
    assert.deepEqual(
      listAt(third, 'messages').map((message) => [at(message, 'message_id'), at(message, 'deleted')]),
      [[one, true]],
    )
  })

  it('writes in a topic of the chat, where the bot can answer as long as it is there', async (t) => {
    const sandbox = await startSandbox(t)
    const [anna, boris] = [await sandbox.person(), await sandbox.person()]
    assert.equal(at(await sandbox.ok('getMe'), 'has_topics_enabled'), false)
    const topic = numberAt(await sandbox.control('POST', `/people/${anna}/topics`, { name: 'Cats' }), 'topic')
    assert.equal(at(await sandbox.ok('getMe'), 'has_topics_enabled'), true)
    await sandbox.control('POST', `/people/${anna}/messages`, { text: 'a cat', topic })
    const [begun, said] = listAt({ updates: await sandbox.ok('getUpdates') }, 'updates')
    assert.equal(at(begun, 'message.forum_topic_created.name'), 'Cats')
    assert.equal(at(begun, 'message.message_id'), topic)
    for (const update of [begun, said]) {
      assert.equal(at(update, 'message.message_thread_id'), topic)
      assert.equal(at(update, 'message.is_topic_message'), true)
    }
    const there = { chat_id: anna, message_thread_id: topic }
    const answered = await sandbox.ok('sendMessage', { ...there, text: 'meow' })
    assert.equal(at(answered, 'message_thread_id'), topic)
    const invoice = { title: 'T', description: 'D', payload: 'p', currency: 'XTR', prices: [{ label: 'L', amount: 1 }] }
    const sends = [
      ['sendMessage', { text: 'meow' }],
      ['sendPhoto', { photo: 'attach://none' }],
      ['sendInvoice', invoice],
      ['sendChatAction', { action: 'typing' }],
      ['copyMessage', { from_chat_id: anna, message_id: numberAt(answered, 'message_id') }],
    ] as const
    for (const [method, params] of sends) {
      for (const wrong of [
        { ...there, message_thread_id: 77 },
        { ...there, chat_id: boris },
      ]) {
        const refused = await sandbox.call(method, { ...params, ...wrong })
        assert.equal(refused.body['description'], 'Bad Request: message thread not found', method)
      }
    }
    await sandbox.control('DELETE', `/people/${anna}/topics/${topic}`)
    const late = await sandbox.call('sendMessage', { ...there, text: 'meow' })
    assert.equal(late.body['description'], 'Bad Request: message thread not found')
    await sandbox.ok('sendMessage', { chat_id: anna, text: 'meow' })
  })

  it('presses a button by its text and reads what the bot answered', async (t) => {
    const sandbox = await startSandbox(t)
    const anna = await sandbox.person()
    const keyboard = [
      [
        { text: 'Go', callback_data: 'first' },
        { text: 'Go', callback_data: 'second' },
      ],
      [{ text: 'Site', url: 'https://kie.ai/' }],
    ]
    const sent = await sandbox.ok('sendMessage', {
      chat_id: anna,
      text: 'x',
      reply_markup: { inline_keyboard: keyboard },
    })
    const message_id = numberAt(sent, 'message_id')
    const tap = await sandbox.control('POST', `/people/${anna}/taps`, { message_id, text: 'Go' })
    const [update] = listAt({ list: await sandbox.ok('getUpdates') }, 'list')
    assert.equal(at(update, 'callback_query.data'), 'first')
    assert.equal(at(update, 'callback_query.message.message_id'), message_id)
    const id = textAt(tap, 'callback_query_id')
    assert.equal((await sandbox.control('GET', `/taps/${id}`))['answered'], false)
    const waiting = sandbox.control('GET', `/taps/${id}?wait_ms=5000`)
    await sandbox.ok('answerCallbackQuery', { callback_query_id: id, text: 'Done', show_alert: true })
    const answer = await waiting
    assert.deepEqual([answer['answered'], answer['text'], answer['show_alert']], [true, 'Done', true])
    const taps = `${sandbox.url}/sandbox/v1/people/${anna}/taps`
    const link = await ask('POST', taps, { message_id, text: 'Site' })
    assert.deepEqual(
      [link.status, link.body['error']],
      [400, '«Site» opens https://kie.ai/ in the client; the bot does not hear of it'],
    )
    const missing = await ask('POST', taps, { message_id, text: 'Gone' })
    assert.equal(missing.body['error'], `message ${message_id} has no button «Gone»; it has «Go», «Go», «Site»`)
  })

  it('sends data no button has, also from a deleted message, which is then inaccessible', async (t) => {
    const sandbox = await startSandbox(t)
    const anna = await sandbox.person()
    const message_id = numberAt(await sandbox.ok('sendMessage', { chat_id: anna, text: 'x' }), 'message_id')
    await sandbox.ok('deleteMessage', { chat_id: anna, message_id })
    await sandbox.control('POST', `/people/${anna}/taps`, { message_id, data: 'cat:image' })
    const [update] = listAt({ list: await sandbox.ok('getUpdates') }, 'list')
    assert.equal(at(update, 'callback_query.data'), 'cat:image')
    assert.deepEqual(Object.keys(Object(at(update, 'callback_query.message'))).sort(), ['chat', 'date', 'message_id'])
    assert.equal(at(update, 'callback_query.message.date'), 0)
  })

  it('writes more than a message holds in several, and sends an album as messages of one group', async (t) => {
    const sandbox = await startSandbox(t)
    const anna = await sandbox.person()
    await sandbox.ok('getMe')
    const sent = await sandbox.write(anna, `${'x'.repeat(4095)}🎨${'y'.repeat(900)}`)
    const base64 = pngOf(10, 10).toString('base64')
    for (let i = 0; i < 2; i += 1) {
      await sandbox.control('POST', `/people/${anna}/messages`, { photo: { base64 }, media_group_id: 'album-1' })
    }
    const updates = listAt({ list: await sandbox.ok('getUpdates') }, 'list')
    assert.deepEqual(
      updates.slice(0, 2).map((update) => at(update, 'message.text')),
      ['x'.repeat(4095), `🎨${'y'.repeat(900)}`],
    )
    assert.equal(at(sent, 'further.0.update_id'), at(updates[1], 'update_id'))
    assert.deepEqual(
      updates.slice(2).map((update) => at(update, 'message.media_group_id')),
      ['album-1', 'album-1'],
    )
  })

  it('who has not begun the conversation is not written to, by any call, until she has', async (t) => {
    const sandbox = await startSandbox(t)
    const anna = await sandbox.person({ started: false })
    for (const [method, params] of [
      ['sendMessage', { text: 'x' }],
      ['sendChatAction', { action: 'typing' }],
    ] as const) {
      const refused = await sandbox.call(method, { chat_id: anna, ...params })
      const { description } = refused.body
      assert.deepEqual([refused.status, description], [403, "Forbidden: bot can't initiate conversation with a user"])
    }
    await sandbox.write(anna, '/start')
    await sandbox.ok('sendMessage', { chat_id: anna, text: 'x' })
  })

  it('blocks a bot: it is told, and its messages are refused until she is back', async (t) => {
    const sandbox = await startSandbox(t)
    const anna = await sandbox.person()
    await sandbox.ok('getMe')
    await sandbox.control('POST', `/people/${anna}/block`)
    const blocked = await sandbox.call('sendMessage', { chat_id: anna, text: 'x' })
    assert.deepEqual([blocked.status, blocked.body['description']], [403, 'Forbidden: bot was blocked by the user'])
    const writing = await ask('POST', `${sandbox.url}/sandbox/v1/people/${anna}/messages`, { text: 'x' })
    assert.equal(writing.status, 409)
    await sandbox.control('POST', `/people/${anna}/unblock`)
    await sandbox.ok('sendMessage', { chat_id: anna, text: 'x' })
    const updates = listAt({ list: await sandbox.ok('getUpdates') }, 'list')
    assert.deepEqual(
      updates.map((update) => at(update, 'my_chat_member.new_chat_member.status')),
      ['kicked', 'member'],
    )
  })

  it('talks to the only bot, chooses among several, and is told when there is none', async (t) => {
    const sandbox = await startSandbox(t)
    const anna = await sandbox.person({ first_name: 'Анна', username: 'anna_1', language_code: 'en' })
    const messages = `${sandbox.url}/sandbox/v1/people/${anna}/messages`
    assert.equal((await ask('POST', messages, { text: 'x' })).status, 409)
    await ask('GET', `${sandbox.url}/telegram/bot11:first-bot/getMe`)
    assert.equal((await ask('POST', messages, { text: 'x' })).status, 200)
    await ask('GET', `${sandbox.url}/telegram/bot22:second-bot/getMe`)
    const unclear = await ask('POST', messages, { text: 'x' })
    assert.deepEqual(
      [unclear.status, unclear.body['error']],
      [400, 'several bots are here, choose one with ?bot=: 11, 22'],
    )
    assert.equal((await ask('POST', `${messages}?bot=22`, { text: 'to the second' })).status, 200)
    const [update] = listAt((await ask('GET', `${sandbox.url}/telegram/bot22:second-bot/getUpdates`)).body, 'result')
    assert.equal(at(update, 'message.text'), 'to the second')
    assert.deepEqual(at(update, 'message.from'), {
      id: anna,
      is_bot: false,
      first_name: 'Анна',
      username: 'anna_1',
      language_code: 'en',
    })
  })

  it('shows commands by language, the narrower scope before the default one', async (t) => {
    const sandbox = await startSandbox(t)
    const commands = (description: string) => [{ command: 'start', description }]
    await sandbox.ok('setMyCommands', { commands: commands('Begin') })
    await sandbox.ok('setMyCommands', { commands: commands('Начать'), language_code: 'ru' })
    await sandbox.ok('setMyCommands', { commands: commands('Private'), scope: { type: 'all_private_chats' } })
    const bots = await sandbox.control('GET', '/bots')
    assert.deepEqual(at(bots, 'bots.0.commands'), { default: commands('Private'), ru: commands('Начать') })
    assert.deepEqual(await sandbox.ok('getMyCommands', { language_code: 'ru' }), commands('Начать'))
  })
})

describe('the controls', () => {
  it('reset: people, chats and updates are forgotten, ids go on, and the bot goes on with a new person', async (t) => {
    const sandbox = await startSandbox(t)
    const hook = await startWebhook(t)
    await sandbox.ok('setWebhook', { url: hook.url, allowed_updates: ['message'] })
    const anna = await sandbox.person()
    const before = await sandbox.write(anna, 'hi')
    await hook.until(1)
    await sandbox.control('POST', '/reset')
    assert.deepEqual(await sandbox.control('GET', '/people'), { people: [] })
    assert.deepEqual(await sandbox.updates(), [])
    assert.equal((await sandbox.call('sendMessage', { chat_id: anna, text: 'x' })).status, 400)
    const boris = await sandbox.person()
    assert.notEqual(boris, anna)
    const after = await sandbox.write(boris, 'hi')
    await hook.until(2)
    assert.ok(numberAt(after, 'update_id') > numberAt(before, 'update_id'))
    assert.ok(numberAt(after, 'message_id') > numberAt(before, 'message_id'))
    assert.deepEqual(at(await sandbox.ok('getWebhookInfo'), 'allowed_updates'), ['message'])
  })

  it('refuses pages of other sites, by Host and by Origin, and bodies that forms can send', async (t) => {
    const sandbox = await startSandbox(t)
    const people = `${sandbox.url}/sandbox/v1/people`
    const foreign = await ask('POST', people, {}, { origin: 'https://evil.example' })
    assert.equal(foreign.status, 403)
    assert.equal((await ask('POST', people, {}, { origin: 'null' })).status, 403)
    assert.equal((await ask('POST', people, {}, { origin: sandbox.url })).status, 200)
    assert.equal((await fetch(people, { method: 'POST', body: '{}' })).status, 415)
    assert.equal((await fetch(people, { method: 'POST', body: new URLSearchParams({ first_name: 'x' }) })).status, 415)
    assert.equal(await statusOf(sandbox.url, '/sandbox/v1/people', { headers: { host: 'evil.example' } }), 403)
  })

  it('refuses pages of other origins also when their browser sends no Origin', async (t) => {
    const sandbox = await startSandbox(t)
    const asBrowser = async (path: string, site: string, mode: string, dest: string, method = 'GET') =>
      await statusOf(sandbox.url, path, {
        method,
        headers: { 'sec-fetch-site': site, 'sec-fetch-mode': mode, 'sec-fetch-dest': dest },
      })
    const hook = '/telegram/bot11:some-bot/setWebhook?url=http://127.0.0.1:9/'
    for (const site of ['cross-site', 'same-site']) {
      for (const [mode, dest] of [
        ['no-cors', 'image'],
        ['no-cors', 'script'],
        ['navigate', 'document'],
        ['navigate', 'iframe'],
      ] as const) {
        assert.equal(await asBrowser(hook, site, mode, dest), 403, `${site} ${mode} ${dest}`)
        assert.equal(await asBrowser('/sandbox/v1/people', site, mode, dest), 403)
      }
      assert.equal(await asBrowser('/', site, 'navigate', 'iframe'), 403)
      assert.equal(await asBrowser('/', site, 'navigate', 'document'), 200, 'a link to the web chat')
      assert.equal(await asBrowser('/?bot=1', site, 'navigate', 'document'), 200)
    }
    assert.equal(await asBrowser(hook, 'same-origin', 'cors', 'empty'), 200)
    assert.equal(await asBrowser('/', 'none', 'navigate', 'document'), 200)
    assert.equal(await asBrowser('/sandbox/v1/people', 'none', 'navigate', 'document'), 200)
  })

  it('answers to any host name that comes with the key, and to none without', async (t) => {
    const sandbox = await startSandbox(t, { listen: '0.0.0.0', key: 'k3y' })
    const through = (path: string, headers: Record<string, string>) => statusOf(sandbox.url, path, { headers })
    for (const host of ['sandbox:10001', 'sandbox.example', '192.168.1.7:10001', '127.0.0.1']) {
      assert.equal(await through('/sandbox/v1/people', { host, authorization: 'Bearer k3y' }), 200)
      assert.equal(await through('/sandbox/v1/people', { host, cookie: 'sandbox_key=k3y' }), 200)
      assert.equal(await through('/key/k3y/telegram/bot11:some-bot/getMe', { host }), 200)
      assert.equal(await through('/sandbox/v1/people', { host, origin: `http://${host}`, 'x-sandbox-key': 'k3y' }), 200)
      assert.equal(await through('/sandbox/v1/people', { host, origin: 'http://a.b', 'x-sandbox-key': 'k3y' }), 403)
      assert.equal(await through('/sandbox/v1/people', { host }), 401)
      assert.equal(await through('/sandbox/v1/people', { host, 'x-sandbox-key': 'wrong' }), 401)
    }
  })

  it('reads a percent sign that begins no character as it is', async (t) => {
    const sandbox = await startSandbox(t, { key: '50%' })
    const get = (path: string, headers: Record<string, string> = {}) => statusOf(sandbox.url, path, { headers })
    const bearer = { authorization: 'Bearer 50%' }
    assert.equal(await get('/sandbox/v1/people', { cookie: 'sandbox_key=%' }), 401)
    assert.equal(await get('/sandbox/v1/people', { cookie: 'sandbox_key=%E0%A4' }), 401)
    assert.equal(await get('/sandbox/v1/people', { cookie: 'sandbox_key=50%25' }), 200)
    assert.equal(await get('/key/50%25/sandbox/v1/people'), 200)
    assert.equal(await get('/key/50%/sandbox/v1/people'), 200)
    for (const path of ['/%', '/assets/%', '/kie/files/%', '/telegram/file/bot11:some-bot/%', '/telegram/bot11:a%/x']) {
      const status = await get(path, bearer)
      assert.ok(status >= 400 && status < 500, `${path}: ${status}`)
    }
  })

  it('sends files of addresses, and calls webhooks, whose percent signs begin no character', async (t) => {
    const sandbox = await startSandbox(t)
    const anna = await sandbox.person()
    const { url } = await serve(t, (_request, reply) => {
      reply.setHeader('content-type', 'image/png').end(pngOf(10, 10))
    })
    for (const name of ['50%.png', '%E0%A4.png', '100%25.png']) {
      const sent = await sandbox.call('sendPhoto', { chat_id: anna, photo: `${url}/${name}` })
      assert.equal(sent.status, 200, JSON.stringify(sent.body))
    }
    const withPassword = url.replace('http://', 'http://bot:50%@')
    const sent = await sandbox.call('sendPhoto', { chat_id: anna, photo: `${withPassword}/x.png` })
    assert.equal(sent.status, 200, JSON.stringify(sent.body))
  })

  it('wants the key when there is one, and listens elsewhere only with one', async (t) => {
    const sandbox = await startSandbox(t, { key: 'k3y' })
    const people = `${sandbox.url}/sandbox/v1/people`
    assert.equal((await ask('GET', people)).status, 401)
    assert.equal((await ask('GET', people, undefined, { authorization: 'Bearer k3y' })).status, 200)
    assert.equal((await ask('GET', `${sandbox.url}/key/k3y/telegram/bot11:some-bot/getMe`)).status, 200)
    assert.equal((await ask('GET', `${sandbox.url}/key/wrong/telegram/bot11:some-bot/getMe`)).status, 401)
    const page = await fetch(`${sandbox.url}/?key=k3y`)
    assert.match(page.headers.get('set-cookie') ?? '', /^sandbox_key=k3y; HttpOnly; SameSite=Strict/)
    assert.equal((await ask('GET', people, undefined, { cookie: 'sandbox_key=k3y' })).status, 200)
    await assert.rejects(startSandbox(t, { listen: '0.0.0.0' }), /give a --key/)
  })

  it('tells listeners what happens, as server-sent events', async (t) => {
    const sandbox = await startSandbox(t)
    const stop = new AbortController()
    t.after(() => stop.abort())
    const stream = await fetch(`${sandbox.url}/sandbox/v1/events`, { signal: stop.signal })
    assert.equal(stream.headers.get('content-type'), 'text/event-stream; charset=utf-8')
    let heard = ''
    const reading = (async () => {
      for await (const part of stream.body ?? []) heard += Buffer.from(part).toString()
    })().catch(() => {})
    const anna = await sandbox.person()
    await sandbox.ok('sendChatAction', { chat_id: anna, action: 'typing' })
    await sandbox.ok('sendMessage', { chat_id: anna, text: 'x' })
    await until(() => heard.includes('"type":"chat"'))
    assert.match(heard, /data: {"type":"world","what":"people"}\n\n/)
    assert.match(heard, new RegExp(`data: {"type":"typing","person":${anna},"bot":123456789,"action":"typing"}\n\n`))
    stop.abort()
    await reading
  })

  it('names every problem of a body, and every route that is not there', async (t) => {
    const sandbox = await startSandbox(t)
    const fault = await ask('POST', `${sandbox.url}/sandbox/v1/faults`, { on: 'moon', status: 9 })
    assert.equal(fault.status, 400)
    assert.match(textAt(fault.body, 'error'), /^on: .*; status: /)
    assert.equal((await ask('GET', `${sandbox.url}/sandbox/v1/nothing`)).status, 404)
    assert.equal((await ask('POST', `${sandbox.url}/sandbox/v1/clock`, {})).status, 400)
    const page = await fetch(`${sandbox.url}/`)
    assert.equal(page.status, 200)
  })

  it('moves its time at a rate, and stamps messages with it', async (t) => {
    const sandbox = await startSandbox(t)
    const anna = await sandbox.person()
    const date = async () => numberAt(await sandbox.ok('sendMessage', { chat_id: anna, text: 'x' }), 'date')
    await sandbox.control('POST', '/clock', { rate: 0 })
    const before = await date()
    await sandbox.advance(3_600_000)
    assert.equal((await date()) - before, 3600)
    await sandbox.control('POST', '/clock', { rate: 10_000 })
    await until(async () => (await date()) - before > 3700)
  })
})

/** The status of a request with any headers: `fetch` sets `Host` and `Sec-Fetch-*` itself. */
function statusOf(url: string, path: string, options: RequestOptions): Promise<number> {
  const { port } = new URL(url)
  return new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1', path, ...options }, (answer) => {
      answer.resume()
      resolve(answer.statusCode ?? 0)
    })
      .on('error', reject)
      .end()
  })
}
