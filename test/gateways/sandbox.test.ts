import assert from 'node:assert/strict'
import { after, before, describe, it, type TestContext } from 'node:test'
import { createCanvas } from '@napi-rs/canvas'
import { z } from 'zod'
import { createSandbox, type Sandbox } from '../../sandbox/sandbox.ts'
import type { View } from '../../src/conversation/view.ts'
import { createFetcher } from '../../src/http/fetcher.ts'
import { sniffPicture } from '../../src/http/sniff.ts'
import type { ParsedUpdate, What } from '../../src/inbox/update.ts'
import { createKieClient } from '../../src/kie/client.ts'
import { createClock } from '../../src/kit/clock.ts'
import { type ChatId, chatId, fileId, kieTaskId, messageId, personId } from '../../src/kit/ids.ts'
import type { Outcome } from '../../src/kit/outcome.ts'
import { createTelegramClient } from '../../src/telegram/client.ts'
import { parseUpdate } from '../../src/telegram/parse-update.ts'
import { serve } from '../fixtures/loopback.ts'

/** The gateways against the sandbox: both sides were written apart, from the same documents. */
const clock = createClock()
const picture = createCanvas(64, 48).encodeSync('png')
const file = { bytes: picture, name: 'fox.png', mime: 'image/png' }
const allowedUpdates = ['message', 'callback_query', 'pre_checkout_query', 'my_chat_member'] as const
const menu: View = {
  screen: 'main_menu',
  text: ['Hello, ', { bold: ['Anna'] }, '!\n', { quote: ['a <b>fox</b> 🦊'] }],
  keyboard: [[{ label: 'Help', to: { at: 'help' }, tone: 'primary' }]],
}

function value<T>(outcome: Outcome<T>): T {
  if (outcome.kind !== 'done') throw new Error(`${outcome.kind}: ${outcome.detail}`)
  return outcome.value
}
const why = (outcome: Outcome<unknown>) => (outcome.kind === 'not_done' ? outcome.why : outcome.kind)

describe('the gateways against the sandbox', () => {
  let sandbox: Sandbox
  let anna: ChatId
  before(async () => {
    sandbox = await createSandbox({ port: 0 })
    await telegram().getMe()
    const person = await control('POST', '/people', { first_name: 'Anna', language_code: 'ru' })
    anna = chatId(Number(person['id']))
  })
  after(() => sandbox.close())

  const telegram = () =>
    createTelegramClient({
      token: '7654321098:a-token-of-this-test-that-opens-nothing',
      apiRoot: `${sandbox.url}/telegram`,
      clock,
    })
  const kie = () =>
    createKieClient({ apiUrl: `${sandbox.url}/kie`, uploadUrl: `${sandbox.url}/kie-upload`, key: 'sandbox-key', clock })

  async function control(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
    const response = await fetch(`${sandbox.url}/sandbox/v1${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
    assert.ok(response.ok, `${method} ${path}: ${response.status}`)
    return z.record(z.string(), z.unknown()).parse(await response.json())
  }

  let offset = 0
  /** Polls until an update of this type comes; what came before it is dropped. */
  async function next<T extends What['type']>(type: T): Promise<ParsedUpdate & { what: Extract<What, { type: T }> }> {
    for (;;) {
      const updates = value(await telegram().getUpdates({ offset, timeoutS: 5, limit: 1, allowedUpdates }))
      for (const { raw } of updates) {
        const update = parseUpdate(raw)
        offset = update.updateId + 1
        if (isOf(update, type)) return update
      }
    }
  }
  const isOf = <T extends What['type']>(
    update: ParsedUpdate,
    type: T,
  ): update is ParsedUpdate & { what: Extract<What, { type: T }> } => update.what.type === type

  it('reads what a person writes, presses and sends', async () => {
    await control('POST', `/people/${anna}/messages`, { text: '/start ref_1' })
    const started = await next('command')
    assert.deepEqual([started.lane, started.chat?.type, started.person?.languageCode], [`p:${anna}`, 'private', 'ru'])
    assert.deepEqual([started.what.name, started.what.payload], ['start', 'ref_1'])

    const { message } = value(await telegram().send({ chat: anna }, menu))
    await control('POST', `/people/${anna}/taps`, { message_id: message, text: 'Help' })
    const { what: tap } = await next('tap')
    assert.deepEqual([tap.data, tap.message], ['menu:help', { id: message, hasText: true, inaccessible: false }])
    assert.equal(value(await telegram().answerTap(tap.id, { text: 'Here you are' })), true)

    const photo = { base64: Buffer.from(picture).toString('base64'), mime_type: 'image/png', file_name: 'fox.png' }
    await control('POST', `/people/${anna}/messages`, { photo, caption: 'a fox' })
    const { what: sent } = await next('photo')
    assert.equal(sent.caption, 'a fox')
    const { bytes } = value(await telegram().fetchFile(fileId(sent.fileId)))
    assert.notEqual(sniffPicture(bytes), undefined)
    await control('POST', `/people/${anna}/messages`, { document: photo })
    const { what: document } = await next('document')
    assert.deepEqual(value(await telegram().fetchFile(fileId(document.fileId))).bytes, picture)
  })

  it('draws and draws again', async () => {
    const { message } = value(await telegram().send({ chat: anna }, menu))
    assert.equal(value(await telegram().edit(anna, message, menu)).message, message, 'not modified is done')
    assert.equal(value(await telegram().edit(anna, message, { ...menu, text: ['new'] })).message, message)
    assert.equal(why(await telegram().edit(anna, messageId(999_999), menu)), 'message_gone')
    assert.equal(why(await telegram().send({ chat: chatId(424242424) }, menu)), 'no_chat')
    assert.equal(why(await telegram().answerTap('4242', {})), 'tap_expired')
    const long = { ...menu, text: ['Wish: ', { quote: ['🦊'.repeat(5000)] }] }
    assert.equal((await telegram().send({ chat: anna }, long)).kind, 'done')
  })

  it('sends a photo and a document, and each again by its id', async () => {
    for (const as of ['photo', 'document'] as const) {
      const sent = value(await telegram().sendFile({ chat: anna }, file, as, menu))
      const again = value(await telegram().sendAgain({ chat: anna }, sent.file, as, { ...menu, keyboard: [] }))
      assert.notEqual(again.message, sent.message)
      assert.equal(why(await telegram().edit(anna, sent.message, menu)), 'message_gone', 'it has no text to edit')
    }
    const noPicture = { ...file, bytes: Buffer.from('<html>') }
    assert.equal(why(await telegram().sendFile({ chat: anna }, noPicture, 'photo', menu)), 'not_a_photo')
    assert.equal(why(await telegram().sendAgain({ chat: anna }, fileId('AgACnothing'), 'photo', menu)), 'file_gone')
    assert.equal(why(await telegram().fetchFile(fileId('AgACnothing'))), 'file_gone')
  })

  it('takes Stars and gives them back once', async () => {
    const invoice = { title: 'Balance', description: 'Top-up', payload: 'topup1', label: 'Balance', stars: 160 }
    const { message } = value(await telegram().sendInvoice({ chat: anna }, invoice))
    const payment = control('POST', `/people/${anna}/payments`, { message_id: message, outcome: 'pay' })
    const { what: query } = await next('pre_checkout')
    assert.deepEqual([query.payload, query.totalAmount, query.currency], ['topup1', 160, 'XTR'])
    assert.equal(value(await telegram().answerPreCheckout(query.id, { ok: true })), true)
    await payment
    const { what: paid } = await next('successful_payment')
    assert.deepEqual([paid.payload, paid.totalAmount], ['topup1', 160])

    const person = personId(anna)
    assert.equal(value(await telegram().refundStars(person, paid.charge)), 'refunded')
    assert.equal(value(await telegram().refundStars(person, paid.charge)), 'already_refunded')
    assert.equal((await next('refunded_payment')).what.charge, paid.charge)
    const books = value(await telegram().getStarTransactions({ offset: 0, limit: 100 }))
    assert.deepEqual(
      books.map(({ id, stars, direction }) => [id, stars, direction]),
      [
        [paid.charge, 160, 'in'],
        [paid.charge, 160, 'out'],
      ],
    )
  })

  it('hears that it is blocked, is told so, and may come back', async () => {
    await control('POST', `/people/${anna}/block`, {})
    await next('blocked')
    assert.equal(why(await telegram().send({ chat: anna }, menu)), 'blocked')
    await control('POST', `/people/${anna}/unblock`, {})
    await next('unblocked')
    assert.equal((await telegram().send({ chat: anna }, menu)).kind, 'done')
  })

  it('keeps the bot in order', async () => {
    const me = value(await telegram().getMe())
    assert.equal(me.id, 7654321098)
    assert.equal(value(await telegram().setMyCommands([{ command: 'start', description: 'Begin' }], 'ru')), true)
    const url = `${sandbox.url}/somewhere`
    assert.equal(value(await telegram().setWebhook({ url, secretToken: 'secret', allowedUpdates })), true)
    const state = value(await telegram().getWebhookInfo())
    assert.deepEqual([state.url, [...state.allowedUpdates].sort()], [url, [...allowedUpdates].sort()])
    assert.equal(why(await telegram().getUpdates({ offset, timeoutS: 0, allowedUpdates })), 'conflict')
    assert.equal(value(await telegram().deleteWebhook()), true)
  })

  it('meets every planned fault of Telegram with the right ending', async () => {
    const fault = (fields: object) =>
      control('POST', '/faults', { on: 'telegram', method: 'sendMessage', times: 1, ...fields })
    await fault({ status: 429, retry_after: 3, description: 'Too Many Requests: retry after 3' })
    const waits = await telegram().send({ chat: anna }, menu)
    assert.deepEqual(waits.kind === 'not_done' && [waits.why, waits.retry], [
      'too_many',
      { when: 'later', afterMs: 3000 },
    ])
    await fault({ status: 403, description: 'Forbidden: bot was blocked by the user' })
    assert.equal(why(await telegram().send({ chat: anna }, menu)), 'blocked')
    await fault({ status: 502 })
    assert.equal(why(await telegram().send({ chat: anna }, menu)), 'unknown')
  })

  /** A task with a callback, looked at once KIE has called. */
  async function made(t: TestContext) {
    let rang: () => void = () => undefined
    const ring = new Promise<void>((resolve) => (rang = resolve))
    const bell = await serve(t, (_, response) => response.end('ok', rang))
    const callbackUrl = `${bell.url}/callbacks/kie/ref`
    const input = { prompt: 'a fox', aspect_ratio: '1:1' }
    const { task } = value(await kie().submit({ model: 'z-image', input, callbackUrl }))
    await ring
    return { callbackUrl, seen: value(await kie().look(task)) }
  }

  it('buys a picture at KIE and fetches it', async (t) => {
    await control('PUT', '/kie/behaviour', { latency_ms: 0 })
    const credits = value(await kie().credits())
    const { seen, callbackUrl } = await made(t)
    assert.equal(seen.state, 'succeeded')
    if (seen.state !== 'succeeded') return
    assert.deepEqual([seen.credits, seen.callbackUrl], ['0.8', callbackUrl])
    assert.ok(Number(value(await kie().credits())) < Number(credits))

    const wanted = { maxBytes: 20_000_000, timeoutMs: 5000, accept: 'image' as const }
    const [artifact = ''] = seen.artifacts
    const got = value(await createFetcher({ clock, allowOrigin: [sandbox.url] }).fetchFile(artifact, wanted))
    assert.ok(got.width !== undefined && got.width > 100, `${got.mime} ${got.width}x${got.height}`)
    assert.equal(why(await createFetcher({ clock }).fetchFile(artifact, wanted)), 'forbidden')
  })

  it('uploads a picture that a model of KIE then takes', async () => {
    const { url } = value(await kie().upload(file))
    const got = await createFetcher({ clock, allowOrigin: [sandbox.url] }).fetchFile(url, {
      maxBytes: 1_000_000,
      timeoutMs: 5000,
      accept: 'image',
    })
    assert.deepEqual(value(got).bytes, Buffer.from(picture))
    const input = { prompt: 'at night', image_urls: [url] }
    assert.equal((await kie().submit({ model: 'google/nano-banana-edit', input })).kind, 'done')
  })

  it('is told by KIE what it does not do', async (t) => {
    assert.equal(why(await kie().submit({ model: 'z-image', input: {} })), 'inputs_refused')
    assert.equal(why(await kie().submit({ model: 'no/such-model', input: { prompt: 'x' } })), 'model_gone')
    assert.equal(value(await kie().look(kieTaskId('0'.repeat(32)))).state, 'not_found')
    assert.notEqual(value(await kie().look(value(await submitted()).task)).state, 'not_found')
    const fault = (status: number) => control('POST', '/faults', { on: 'kie', times: 1, status })
    for (const [status, ending] of [
      [401, 'key_refused'],
      [402, 'no_credits'],
      [422, 'inputs_refused'],
      [429, 'rate_limited'],
      [455, 'maintenance'],
      [500, 'unknown'],
      [550, 'unknown'],
    ] as const) {
      await fault(status)
      assert.equal(why(await submitted()), ending, String(status))
    }
    await control('PUT', '/kie/behaviour', { submit: 'lost_answer' })
    assert.equal(why(await submitted()), 'unknown')
    await control('PUT', '/kie/behaviour', { submit: 'normal', outcome: 'moderated' })
    const { seen } = await made(t)
    assert.deepEqual([seen.state, seen.state === 'failed' && seen.reason], ['failed', 'moderated'])
  })

  const submitted = () => kie().submit({ model: 'z-image', input: { prompt: 'x', aspect_ratio: '1:1' } })
})
