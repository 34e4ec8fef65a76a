import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { z } from 'zod'
import type { View } from '../../src/conversation/view.ts'
import { createClock } from '../../src/kit/clock.ts'
import { chatId, fileId, messageId, personId, topicId } from '../../src/kit/ids.ts'
import type { Outcome } from '../../src/kit/outcome.ts'
import { createTelegramClient } from '../../src/telegram/client.ts'
import { freePort, type Loopback, serve, serveJson, serveRaw, serveText } from '../fixtures/loopback.ts'

const token = '7654321098:a-token-of-this-test-that-opens-nothing'
const anna = chatId(501)
const view: View = {
  screen: 'main_menu',
  text: ['Hello ', { bold: ['Anna'] }],
  keyboard: [[{ label: 'Help', to: { at: 'help' }, tone: 'primary' }], [{ label: 'Web', url: 'https://example.org/' }]],
}
const message = { message_id: 77, date: 1, chat: { id: 501, type: 'private', first_name: 'Anna' }, text: 'Hello Anna' }
const picture = { bytes: Uint8Array.from([1, 2, 3]), name: 'картина; x.png', mime: 'image/png' }

const clientOf = (apiRoot: string, callMs = 5000) =>
  createTelegramClient({ token, apiRoot, clock: createClock(), limits: { callMs, fileMs: callMs } })
const answering = async (t: TestContext, body: unknown, status = 200) => {
  const server = await serveJson(t, body, status)
  return { telegram: clientOf(server.url), ...server }
}
const refusing = (t: TestContext, code: number, description: string, parameters?: object) =>
  answering(t, { ok: false, error_code: code, description, ...(parameters && { parameters }) }, code)
const sent = (server: Pick<Loopback, 'heard'>): unknown => JSON.parse(server.heard[0]?.body.toString() ?? '')

function refusedWith(outcome: Outcome<unknown>, why: string, when: 'never' | 'later', afterMs?: number): void {
  assert.equal(outcome.kind, 'not_done', JSON.stringify(outcome))
  if (outcome.kind !== 'not_done') return
  assert.equal(outcome.why, why)
  assert.deepEqual(outcome.retry, afterMs === undefined ? { when } : { when, afterMs })
}

describe('what is sent to Telegram', () => {
  it('sends text with entities, buttons with addresses and styles, and no markup language', async (t) => {
    const { telegram, heard } = await answering(t, { ok: true, result: message })
    assert.deepEqual(await telegram.send({ chat: anna }, view), { kind: 'done', value: { message: 77 } })
    assert.equal(heard[0]?.path, `/bot${token}/sendMessage`)
    assert.deepEqual(sent({ heard }), {
      chat_id: 501,
      text: 'Hello Anna',
      entities: [{ type: 'bold', offset: 6, length: 4 }],
      link_preview_options: { is_disabled: true },
      reply_markup: {
        inline_keyboard: [
          [{ text: 'Help', callback_data: 'menu:help', style: 'primary' }],
          [{ text: 'Web', url: 'https://example.org/' }],
        ],
      },
    })
  })

  it('edits in place, and "not modified" is done', async (t) => {
    const edited = await answering(t, { ok: true, result: message })
    assert.deepEqual(await edited.telegram.edit(anna, messageId(77), view), { kind: 'done', value: { message: 77 } })
    const same = await refusing(
      t,
      400,
      'Bad Request: message is not modified: specified new message content and reply markup are exactly the same',
    )
    assert.deepEqual(await same.telegram.edit(anna, messageId(77), view), { kind: 'done', value: { message: 77 } })
  })

  it('uploads a photo, with a plain name and the caption, and keeps the largest file id', async (t) => {
    const photo = [
      { file_id: 'small', file_unique_id: 's', width: 90, height: 90 },
      { file_id: 'large', file_unique_id: 'l', width: 900, height: 900 },
    ]
    const { telegram, heard } = await answering(t, { ok: true, result: { ...message, photo } })
    assert.deepEqual(await telegram.sendFile({ chat: anna }, picture, 'photo', view), {
      kind: 'done',
      value: { message: 77, file: 'large', as: 'photo' },
    })
    const body = heard[0]?.body.toString('latin1') ?? ''
    assert.match(heard[0]?.headers['content-type'] ?? '', /^multipart\/form-data/)
    assert.match(body, /filename=_x.png\r\n/)
    assert.match(body, /name="caption"\r\n\r\nHello Anna/)
    assert.match(body, /name="caption_entities"\r\n\r\n\[\{"type":"bold"/)
  })

  it('uploads a document, and sends again what Telegram has', async (t) => {
    const document = { file_id: 'doc', file_unique_id: 'd' }
    const { telegram, heard } = await answering(t, { ok: true, result: { ...message, document } })
    const as = 'document'
    const done = { kind: 'done', value: { message: 77, file: 'doc', as } }
    assert.deepEqual(await telegram.sendFile({ chat: anna }, picture, as, view), done)
    assert.deepEqual(await telegram.sendAgain({ chat: anna }, fileId('doc'), as, view), done)
    assert.equal(heard[1]?.path, `/bot${token}/sendDocument`)
    assert.match(heard[1]?.body.toString() ?? '', /"document":"doc"/)
  })

  it('asks for Stars with one price, an empty provider and texts within the limits', async (t) => {
    const { telegram, heard } = await answering(t, { ok: true, result: message })
    const invoice = {
      title: 'T'.repeat(40),
      description: 'D'.repeat(300),
      payload: 'topup',
      label: 'Balance',
      stars: 160,
    }
    assert.equal((await telegram.sendInvoice({ chat: anna }, invoice)).kind, 'done')
    assert.deepEqual(sent({ heard }), {
      chat_id: 501,
      title: `${'T'.repeat(31)}…`,
      description: `${'D'.repeat(254)}…`,
      payload: 'topup',
      provider_token: '',
      currency: 'XTR',
      prices: [{ label: 'Balance', amount: 160 }],
    })
  })

  it('writes into a topic, and into the chat when Telegram knows no such topic', async (t) => {
    const there = await answering(t, { ok: true, result: message })
    await there.telegram.send({ chat: anna, topic: topicId(12) }, view)
    const { chat_id, message_thread_id } = z.looseObject({}).parse(sent(there))
    assert.deepEqual({ chat_id, message_thread_id }, { chat_id: 501, message_thread_id: 12 })

    for (const description of ['Bad Request: message thread not found', 'Bad Request: TOPIC_CLOSED']) {
      const gone = await serve(t, ({ body }, reply) => {
        const isInTopic = body.includes('message_thread_id')
        const answer = isInTopic ? { ok: false, error_code: 400, description } : { ok: true, result: message }
        reply.writeHead(isInTopic ? 400 : 200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
      })
      const telegram = clientOf(gone.url)
      const to = { chat: anna, topic: topicId(12) }
      assert.deepEqual(await telegram.send(to, view), { kind: 'done', value: { message: 77 } })
      assert.equal((await telegram.sayBusy(to, 'typing')).kind, 'done')
      assert.equal(gone.heard.length, 4)
    }
    const other = await refusing(t, 400, 'Bad Request: chat not found')
    refusedWith(await other.telegram.send({ chat: anna, topic: topicId(12) }, view), 'no_chat', 'never')
    assert.equal(other.heard.length, 1)
  })

  it('answers a tap within 200 characters and shows that something is under way', async (t) => {
    const { telegram, heard } = await answering(t, { ok: true, result: true })
    assert.deepEqual(await telegram.answerTap('q1', { text: 'x'.repeat(300), alert: true }), {
      kind: 'done',
      value: true,
    })
    assert.deepEqual(sent({ heard }), { callback_query_id: 'q1', text: `${'x'.repeat(199)}…`, show_alert: true })
    assert.deepEqual(await telegram.sayBusy({ chat: anna }, 'upload_photo'), { kind: 'done', value: true })
    assert.deepEqual(await telegram.answerTap('q2', {}), { kind: 'done', value: true })
  })

  it('gives Stars back once: "already refunded" is done', async (t) => {
    const first = await answering(t, { ok: true, result: true })
    assert.deepEqual(await first.telegram.refundStars(personId(501), 'c1'), { kind: 'done', value: 'refunded' })
    const again = await refusing(t, 400, 'Bad Request: CHARGE_ALREADY_REFUNDED')
    assert.deepEqual(await again.telegram.refundStars(personId(501), 'c1'), { kind: 'done', value: 'already_refunded' })
    const wrong = await refusing(t, 400, 'Bad Request: CHARGE_NOT_FOUND')
    refusedWith(await wrong.telegram.refundStars(personId(501), 'c1'), 'refused', 'never')
  })
})

describe('what Telegram definitely did not do', () => {
  const cases: readonly [number, string, string][] = [
    [403, 'Forbidden: bot was blocked by the user', 'blocked'],
    [403, 'Forbidden: user is deactivated', 'blocked'],
    [400, 'Bad Request: chat not found', 'no_chat'],
    [400, 'Bad Request: PEER_ID_INVALID', 'no_chat'],
    [400, 'Bad Request: message to edit not found', 'message_gone'],
    [400, "Bad Request: message can't be edited", 'message_gone'],
    [400, 'Bad Request: there is no text in the message to edit', 'message_gone'],
    [400, 'Bad Request: query is too old and response timeout expired or query ID is invalid', 'tap_expired'],
    [400, 'Bad Request: PHOTO_INVALID_DIMENSIONS', 'not_a_photo'],
    [400, 'Bad Request: IMAGE_PROCESS_FAILED', 'not_a_photo'],
    [400, 'Bad Request: type of file mismatch', 'not_a_photo'],
    [400, 'Bad Request: wrong file identifier/HTTP URL specified', 'file_gone'],
    [400, 'Bad Request: wrong remote file identifier specified: Wrong padding', 'file_gone'],
    [400, 'Bad Request: wrong file_id or the file is temporarily unavailable', 'file_gone'],
    [400, 'Bad Request: file is too big', 'too_big'],
    [413, 'Request Entity Too Large', 'too_big'],
    [404, 'Not Found: method not found', 'refused'],
    [400, 'Bad Request: message text is empty', 'refused'],
    [409, 'Conflict: terminated by other getUpdates request', 'refused'],
  ]
  for (const [code, description, why] of cases) {
    it(`says ${why} for ${code} "${description}"`, async (t) => {
      const { telegram } = await refusing(t, code, description)
      refusedWith(await telegram.send({ chat: anna }, view), why, 'never')
    })
  }

  for (const [code, description] of [
    [401, 'Unauthorized'],
    [404, 'Not Found'],
  ] as const) {
    it(`takes ${code} for a state of the bot that may pass, and for no end of the call’s work`, async (t) => {
      const { telegram } = await refusing(t, code, description)
      refusedWith(await telegram.send({ chat: anna }, view), 'token_refused', 'later')
    })
  }

  it('names the wait of a 429, in the body or in the header', async (t) => {
    const body = await refusing(t, 429, 'Too Many Requests: retry after 7', { retry_after: 7 })
    refusedWith(await body.telegram.send({ chat: anna }, view), 'too_many', 'later', 7000)
    const html = await serve(t, (_, response) => response.writeHead(429, { 'retry-after': '3' }).end('<html>slow down'))
    refusedWith(await clientOf(html.url).send({ chat: anna }, view), 'too_many', 'later', 3000)
  })

  it('takes a 413 of the server in front for what it is', async (t) => {
    const { url } = await serveText(t, '<html>413 Request Entity Too Large</html>', 413)
    refusedWith(await clientOf(url).sendFile({ chat: anna }, picture, 'photo', view), 'too_big', 'never')
  })

  it('may be asked again later when there was no connection', async () => {
    const refused = await clientOf(`http://127.0.0.1:${await freePort()}`).send({ chat: anna }, view)
    refusedWith(refused, 'unreachable', 'later')
    refusedWith(await clientOf('http://nowhere.invalid').send({ chat: anna }, view), 'unreachable', 'later')
  })
})

describe('what nobody knows whether Telegram did', () => {
  const isUnknown = (outcome: Outcome<unknown>) => assert.equal(outcome.kind, 'unknown', JSON.stringify(outcome))

  it('is unknown after a connection that broke, an answer that broke off, and no answer in time', async (t) => {
    const cut = await serveRaw(t, (socket) => socket.once('data', () => socket.destroy()))
    isUnknown(await clientOf(`http://127.0.0.1:${cut.port}`).send({ chat: anna }, view))
    const half = await serveRaw(t, (socket) =>
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{"ok":true')),
    )
    isUnknown(await clientOf(`http://127.0.0.1:${half.port}`).send({ chat: anna }, view))
    const silent = await serveRaw(t, () => undefined)
    isUnknown(await clientOf(`http://127.0.0.1:${silent.port}`, 80).send({ chat: anna }, view))
  })

  it('is unknown after 5xx, HTML, a redirect, and JSON of somebody else', async (t) => {
    const restart = await refusing(t, 500, 'Internal Server Error: restart')
    isUnknown(await restart.telegram.send({ chat: anna }, view))
    const gateway = await serveText(t, '<html>502 Bad Gateway</html>', 502)
    isUnknown(await clientOf(gateway.url).send({ chat: anna }, view))
    const html = await serveText(t, '<html>welcome</html>', 200)
    isUnknown(await clientOf(html.url).send({ chat: anna }, view))
    const moved = await serve(t, (_, response) => response.writeHead(302, { location: html.url }).end())
    isUnknown(await clientOf(moved.url).send({ chat: anna }, view))
    assert.equal(html.heard.length, 1, 'the redirect was not followed')
    for (const body of [null, [], 'ok', { error: 'no' }]) {
      isUnknown(await (await answering(t, body)).telegram.send({ chat: anna }, view))
    }
  })

  it('is unknown after an ok that names no message or no file', async (t) => {
    const bare = await answering(t, { ok: true, result: {} })
    isUnknown(await bare.telegram.send({ chat: anna }, view))
    const noFile = await answering(t, { ok: true, result: message })
    isUnknown(await noFile.telegram.sendFile({ chat: anna }, picture, 'photo', view))
  })
})

describe('a file that a person sent', () => {
  const fileServer = (t: TestContext, file: object, status: number, bytes: Uint8Array) =>
    serve(t, ({ path }, response) => {
      if (path.includes('/getFile')) response.end(JSON.stringify({ ok: true, result: file }))
      else response.writeHead(status).end(bytes)
    })
  const place = { file_id: 'f', file_unique_id: 'u', file_path: 'photos/file_1.jpg' }

  it('is fetched from the bot’s own file address', async (t) => {
    const { url, heard } = await fileServer(t, place, 200, Uint8Array.from([9, 8, 7]))
    const outcome = await clientOf(`${url}/`).fetchFile(fileId('f'))
    assert.equal(outcome.kind, 'done')
    assert.deepEqual(outcome.kind === 'done' && [...outcome.value.bytes], [9, 8, 7])
    assert.equal(heard[1]?.path, `/file/bot${token}/photos/file_1.jpg`)
  })

  it('is asked for once more when its path is not found: a path expires, and a refused token is not found either', async (t) => {
    for (const [second, ending] of [
      [401, 'token_refused'],
      [404, 'token_refused'],
      [200, 'done'],
    ] as const) {
      let asked = 0
      const { url } = await serve(t, ({ path }, response) => {
        const isPlace = path.includes('/getFile')
        if (isPlace) asked += 1
        const isSecond = asked === 2
        if (isPlace && isSecond && second !== 200) {
          response.writeHead(second).end(JSON.stringify({ ok: false, error_code: second, description: 'Not Found' }))
        } else if (isPlace) response.end(JSON.stringify({ ok: true, result: place }))
        else response.writeHead(isSecond ? 200 : 404).end('x')
      })
      const outcome = await clientOf(url).fetchFile(fileId('f'))
      if (ending === 'done') assert.equal(outcome.kind, 'done')
      else refusedWith(outcome, ending, 'later')
      assert.equal(asked, 2)
    }
  })

  it('is too big, gone, or not to be had for a while', async (t) => {
    const big = await fileServer(t, { ...place, file_size: 25_000_000 }, 200, new Uint8Array())
    refusedWith(await clientOf(big.url).fetchFile(fileId('f')), 'too_big', 'never')
    const bigger = await fileServer(t, place, 200, new Uint8Array(20 * 1024 * 1024 + 1))
    refusedWith(await clientOf(bigger.url).fetchFile(fileId('f')), 'too_big', 'never')
    const gone = await fileServer(t, place, 404, new Uint8Array())
    refusedWith(await clientOf(gone.url).fetchFile(fileId('f')), 'file_gone', 'never')
    const nameless = await fileServer(t, { file_id: 'f', file_unique_id: 'u' }, 200, new Uint8Array())
    refusedWith(await clientOf(nameless.url).fetchFile(fileId('f')), 'file_gone', 'never')
    const broken = await fileServer(t, place, 502, new Uint8Array())
    assert.equal((await clientOf(broken.url).fetchFile(fileId('f'))).kind, 'unknown')
    const moved = await fileServer(t, place, 302, new Uint8Array())
    assert.equal(
      (await clientOf(moved.url).fetchFile(fileId('f'))).kind,
      'unknown',
      'no redirect takes the token along',
    )
  })
})

describe('the bot itself', () => {
  it('knows its name, its webhook and its books', async (t) => {
    const answers: Record<string, unknown> = {
      getMe: { id: 7654321098, is_bot: true, first_name: 'Shop', username: 'shop_bot' },
      setWebhook: true,
      deleteWebhook: true,
      setMyCommands: true,
      answerPreCheckoutQuery: true,
      getWebhookInfo: {
        url: 'https://example.org/webhook/x',
        pending_update_count: 3,
        last_error_date: 5,
        last_error_message: `wrong answer for ${token}`,
        allowed_updates: ['message'],
      },
      getUpdates: [{ update_id: 1, message: { text: '\ud800 \u0000' } }],
      getStarTransactions: {
        transactions: [
          { id: 'c1', amount: 50, date: 10, source: { type: 'user', user: { id: 501 }, invoice_payload: 'topup' } },
          { id: 'c1', amount: 50, date: 20, receiver: { type: 'user', user: { id: 501 } } },
          { id: 'w1', amount: 900, date: 30, receiver: { type: 'fragment' } },
        ],
      },
    }
    const { url, heard } = await serve(t, ({ path }, response) => {
      response.end(JSON.stringify({ ok: true, result: answers[path.split('/').at(-1) ?? ''] }))
    })
    const telegram = clientOf(url)
    const value = <T>(outcome: Outcome<T>): T => {
      if (outcome.kind !== 'done') throw new assert.AssertionError({ message: outcome.detail })
      return outcome.value
    }
    const { aheadMs, ...me } = value(await telegram.getMe())
    assert.deepEqual(me, { id: 7654321098, username: 'shop_bot', firstName: 'Shop' })
    // It is this machine's own clock, told in whole seconds.
    assert.ok(Math.abs(aheadMs ?? Number.NaN) < 2_000, `${aheadMs}`)
    const webhook = { url: 'https://example.org/webhook/x', secretToken: 's', allowedUpdates: ['message' as const] }
    assert.equal(value(await telegram.setWebhook(webhook)), true)
    assert.equal(value(await telegram.deleteWebhook()), true)
    assert.equal(value(await telegram.setMyCommands([{ command: 'start', description: 'Begin' }], 'en')), true)
    assert.equal(value(await telegram.answerPreCheckout('p', { ok: false, message: 'closed' })), true)
    assert.deepEqual(value(await telegram.getWebhookInfo()), {
      url: 'https://example.org/webhook/x',
      pending: 3,
      allowedUpdates: ['message'],
      lastError: { at: 5000, message: 'wrong answer for ***' },
    })
    const [update] = value(await telegram.getUpdates({ offset: 1, timeoutS: 0, allowedUpdates: ['message'] }))
    assert.deepEqual(JSON.parse(update?.raw ?? ''), { update_id: 1, message: { text: '\ud800 \u0000' } })
    assert.deepEqual(value(await telegram.getStarTransactions({ offset: 0, limit: 100 })), [
      { id: 'c1', stars: 50, atS: 10, direction: 'in', person: 501, payload: 'topup' },
      { id: 'c1', stars: 50, atS: 20, direction: 'out', person: 501 },
      { id: 'w1', stars: 900, atS: 30, direction: 'out' },
    ])
    const bodies = heard.map(({ path, body }) => [path.split('/').at(-1), JSON.parse(body.toString() || '{}')])
    assert.deepEqual(bodies[1], [
      'setWebhook',
      { url: webhook.url, secret_token: 's', allowed_updates: ['message'], drop_pending_updates: false },
    ])
    assert.deepEqual(bodies[2], ['deleteWebhook', { drop_pending_updates: false }])
  })

  it('is told of a conflict between pollers, and stops a wait when asked to', async (t) => {
    const conflict = await refusing(t, 409, 'Conflict: terminated by other getUpdates request')
    const wait = { offset: 0, timeoutS: 0, allowedUpdates: ['message' as const] }
    refusedWith(await conflict.telegram.getUpdates(wait), 'conflict', 'never')
    const controller = new AbortController()
    const { port } = await serveRaw(t, (socket) => socket.once('data', () => controller.abort()))
    const stopped = await clientOf(`http://127.0.0.1:${port}`).getUpdates({
      ...wait,
      timeoutS: 50,
      signal: controller.signal,
    })
    assert.equal(stopped.kind, 'unknown')
  })
})

describe('the bot’s token', () => {
  const secret = token.slice(token.indexOf(':') + 1)
  it('stands in no text that comes back, wherever the other side put it', async (t) => {
    const positions = [token, secret, encodeURIComponent(token), `/bot${token}/sendMessage`, `"${token}"`, `x${token}y`]
    for (const said of positions) {
      const refusals = [
        await refusing(t, 400, `Bad Request: ${said}`),
        await refusing(t, 403, said),
        await refusing(t, 429, said, { retry_after: 1 }),
        await refusing(t, 500, `Internal Server Error: ${said}`),
      ]
      for (const { telegram } of refusals) {
        for (const outcome of [await telegram.send({ chat: anna }, view), await telegram.fetchFile(fileId('f'))]) {
          const text = JSON.stringify(outcome)
          assert.ok(!text.includes(secret), text)
          assert.match(text, /\*\*\*/)
        }
      }
    }
  })

  it('stands in no text about a call that failed on the way', async (t) => {
    const cut = await serveRaw(t, (socket) => socket.once('data', () => socket.destroy()))
    const places = [
      `http://127.0.0.1:${cut.port}`,
      `http://127.0.0.1:${await freePort()}`,
      'http://nowhere.invalid',
      `http://${secret}.invalid`,
      `https://127.0.0.1:${cut.port}`,
    ]
    for (const place of places) {
      const telegram = clientOf(place)
      const outcomes = [
        await telegram.send({ chat: anna }, view),
        await telegram.getMe(),
        await telegram.fetchFile(fileId('f')),
      ]
      for (const outcome of outcomes) {
        assert.notEqual(outcome.kind, 'done')
        assert.ok(!JSON.stringify(outcome).toLowerCase().includes(secret.toLowerCase()), JSON.stringify(outcome))
      }
    }
    assert.throws(
      () => clientOf(`not an address ${token}`),
      (error: unknown) => error instanceof Error && !String(error.stack).includes(secret),
    )
  })
})
