import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ask, at, type Json, sendForm, startSandbox, textAt, token } from './telegram-setup.ts'

const button = (rest: Json) => ({ inline_keyboard: [[{ text: 'A', ...rest }]] })
const invoice = {
  title: 'Ten pictures',
  description: 'For your balance',
  payload: 'topup-1',
  currency: 'XTR',
  prices: [{ label: 'Ten', amount: 10 }],
}

/** What a bot must not send, and the text of the official server, which bots match on. `chat_id` is a person's unless it is named. */
const refused: readonly (readonly [what: string, method: string, params: Json, description: string])[] = [
  ['no chat', 'sendMessage', { chat_id: undefined, text: 'x' }, 'Bad Request: chat_id is empty'],
  ['a stranger', 'sendMessage', { chat_id: 42, text: 'x' }, 'Bad Request: chat not found'],
  ['a name', 'sendMessage', { chat_id: '@anna', text: 'x' }, 'Bad Request: chat not found'],
  ['no text', 'sendMessage', {}, 'Bad Request: message text is empty'],
  ['only blanks', 'sendMessage', { text: ' \n ' }, 'Bad Request: message text is empty'],
  ['only markup', 'sendMessage', { text: '<b></b>', parse_mode: 'HTML' }, 'Bad Request: message text is empty'],
  ['4097 characters', 'sendMessage', { text: 'я'.repeat(4097) }, 'Bad Request: message is too long'],
  ['2049 emoji are 4098 units', 'sendMessage', { text: '🎨'.repeat(2049) }, 'Bad Request: message is too long'],
  ['unknown parse mode', 'sendMessage', { text: 'x', parse_mode: 'BBCode' }, 'Bad Request: unsupported parse_mode'],
  ['no object', 'sendMessage', { text: 'x', reply_markup: '[]' }, 'Bad Request: object expected as reply markup'],
  [
    'broken JSON',
    'sendMessage',
    { text: 'x', reply_markup: '{' },
    "Bad Request: can't parse reply keyboard markup JSON object",
  ],
  [
    'no action',
    'sendMessage',
    { text: 'x', reply_markup: button({}) },
    "Bad Request: can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
  ],
  [
    'no label',
    'sendMessage',
    { text: 'x', reply_markup: { inline_keyboard: [[{ callback_data: 'a' }]] } },
    'Bad Request: can\'t parse inline keyboard button: Can\'t find field "text"',
  ],
  [
    'an empty label',
    'sendMessage',
    { text: 'x', reply_markup: button({ text: '', callback_data: 'a' }) },
    'Bad Request: inline keyboard button text must be non-empty',
  ],
  [
    'no rows',
    'sendMessage',
    { text: 'x', reply_markup: { inline_keyboard: 'a' } },
    'Bad Request: field "inline_keyboard" must be of type Array',
  ],
  [
    'a row that is none',
    'sendMessage',
    { text: 'x', reply_markup: { inline_keyboard: ['a'] } },
    'Bad Request: field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays',
  ],
  [
    'a style that is none',
    'sendMessage',
    { text: 'x', reply_markup: button({ callback_data: 'a', style: 'gold' }) },
    "Bad Request: can't parse inline keyboard button: invalid button style specified",
  ],
  [
    'a page of a mini app without TLS',
    'sendMessage',
    { text: 'x', reply_markup: button({ web_app: { url: 'http://a.bc' } }) },
    "Bad Request: inline keyboard button Web App URL 'http://a.bc' is invalid: Only HTTPS links are allowed",
  ],
  [
    '65 bytes of data',
    'sendMessage',
    { text: 'x', reply_markup: button({ callback_data: `${'я'.repeat(32)}!` }) },
    'Bad Request: BUTTON_DATA_INVALID',
  ],
  [
    'no data',
    'sendMessage',
    { text: 'x', reply_markup: button({ callback_data: '' }) },
    "Bad Request: can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
  ],
  [
    'a URL that is none',
    'sendMessage',
    { text: 'x', reply_markup: button({ url: 'not a url' }) },
    "Bad Request: inline keyboard button URL 'not a url' is invalid: Wrong HTTP URL",
  ],
  [
    'pay outside an invoice',
    'sendMessage',
    { text: 'x', reply_markup: button({ pay: true }) },
    'Bad Request: BUTTON_TYPE_INVALID',
  ],
  [
    'a keyboard without end',
    'sendMessage',
    { text: 'x', reply_markup: { inline_keyboard: [[{ text: 'y'.repeat(10_001), callback_data: 'a' }]] } },
    'Bad Request: reply markup is too long',
  ],
  [
    'a reply to nothing',
    'sendMessage',
    { text: 'x', reply_parameters: { message_id: 4711 } },
    'Bad Request: message to be replied not found',
  ],
  ['an unknown action', 'sendChatAction', { action: 'sleeping' }, 'Bad Request: wrong parameter action in request'],
  ['no message id', 'editMessageText', { text: 'x' }, 'Bad Request: message identifier is not specified'],
  ['no such message', 'editMessageText', { message_id: 4711, text: 'x' }, 'Bad Request: message to edit not found'],
  ['deleting nothing', 'deleteMessage', { message_id: 4711 }, 'Bad Request: message to delete not found'],
  ['copying nothing', 'copyMessage', { from_chat_id: 42, message_id: 1 }, 'Bad Request: chat not found'],
  [
    'an unknown query',
    'answerCallbackQuery',
    { callback_query_id: '1' },
    'Bad Request: query is too old and response timeout expired or query ID is invalid',
  ],
  ['a long title', 'sendInvoice', { ...invoice, title: 'T'.repeat(33) }, 'Bad Request: invoice title is too long'],
  [
    'a long description',
    'sendInvoice',
    { ...invoice, description: 'D'.repeat(256) },
    'Bad Request: invoice description is too long',
  ],
  [
    '129 bytes of payload',
    'sendInvoice',
    { ...invoice, payload: 'p'.repeat(129) },
    'Bad Request: INVOICE_PAYLOAD_INVALID',
  ],
  ['no payload', 'sendInvoice', { ...invoice, payload: '' }, 'Bad Request: INVOICE_PAYLOAD_INVALID'],
  [
    'two prices',
    'sendInvoice',
    { ...invoice, prices: [...invoice.prices, ...invoice.prices] },
    'Bad Request: CURRENCY_TOTAL_AMOUNT_INVALID',
  ],
  [
    'nothing to pay',
    'sendInvoice',
    { ...invoice, prices: [{ label: 'x', amount: 0 }] },
    'Bad Request: CURRENCY_TOTAL_AMOUNT_INVALID',
  ],
  [
    'rubles without a provider',
    'sendInvoice',
    { ...invoice, currency: 'RUB' },
    'Bad Request: PAYMENT_PROVIDER_INVALID',
  ],
  [
    'Stars with a provider',
    'sendInvoice',
    { ...invoice, provider_token: '1:x' },
    'Bad Request: PAYMENT_PROVIDER_INVALID',
  ],
  ['an odd parameter', 'sendInvoice', { ...invoice, start_parameter: 'a b' }, 'Bad Request: START_PARAM_INVALID'],
  [
    'pay that is not first',
    'sendInvoice',
    {
      ...invoice,
      reply_markup: {
        inline_keyboard: [
          [
            { text: 'P', pay: true },
            { text: 'Q', pay: true },
          ],
        ],
      },
    },
    'Bad Request: BUTTON_POS_INVALID',
  ],
  [
    'an upper-case command',
    'setMyCommands',
    { commands: [{ command: 'Start', description: 'x' }] },
    'Bad Request: BOT_COMMAND_INVALID',
  ],
  [
    'a secret with blanks',
    'setWebhook',
    { url: 'http://127.0.0.1/', secret_token: 'a b' },
    'Bad Request: secret token contains unallowed characters',
  ],
  ['no URL', 'setWebhook', { url: 'ftp://127.0.0.1/' }, 'Bad Request: invalid webhook URL specified'],
  [
    'a foreign file',
    'getFile',
    { file_id: 'AgACAgIAAxNobody' },
    'Bad Request: wrong file_id or the file is temporarily unavailable',
  ],
  ['a group', 'banChatMember', { user_id: 1 }, 'Bad Request: method is not available in the sandbox'],
]

describe('what the Bot API refuses', () => {
  it('answers every wrong call with its text, and changes nothing', async (t) => {
    const sandbox = await startSandbox(t, { floodLimits: false })
    const anna = await sandbox.person()
    await sandbox.ok('getMe')
    for (const [what, method, params, description] of refused) {
      const answer = await sandbox.call(method, { chat_id: anna, ...params })
      assert.deepEqual(answer.body, { ok: false, error_code: 400, description }, what)
      assert.equal(answer.status, 400, what)
    }
    assert.deepEqual(await sandbox.chat(anna), [])
  })

  it('reads the first action of a button in the order of the server, and leaves the others out', async (t) => {
    const sandbox = await startSandbox(t)
    const anna = await sandbox.person()
    const both = button({ callback_data: 'a', url: 'https://a.bc/' })
    const sent = await sandbox.ok('sendMessage', { chat_id: anna, text: 'x', reply_markup: both })
    assert.deepEqual(at(sent, 'reply_markup.inline_keyboard.0.0'), { text: 'A', url: 'https://a.bc/' })
  })

  it('takes texts of exactly the greatest length, counted after the markup is gone', async (t) => {
    const sandbox = await startSandbox(t)
    const anna = await sandbox.person()
    await sandbox.ok('sendMessage', { chat_id: anna, text: `<b>${'&lt;'.repeat(4096)}</b>`, parse_mode: 'HTML' })
    await sandbox.ok('sendMessage', { chat_id: anna, text: '🎨'.repeat(2048) })
  })

  it('knows a bot by the number of its token, and no bot by a malformed one', async (t) => {
    const sandbox = await startSandbox(t)
    assert.deepEqual(at(await sandbox.ok('getMe'), 'username'), 'trt_sandbox_bot')
    for (const wrong of ['abc', '12345', '12345:', ':abcdef', '0:abcdef']) {
      const answer = await ask('GET', `${sandbox.url}/telegram/bot${wrong}/getMe`)
      assert.deepEqual([answer.status, answer.body['description']], [404, 'Not Found'], wrong)
    }
    const unknown = await sandbox.call('sendEverything')
    assert.deepEqual([unknown.status, unknown.body['description']], [404, 'Not Found: method not found'])
  })

  it('understands GET, forms, multipart and JSON, in any case', async (t) => {
    const sandbox = await startSandbox(t)
    const anna = await sandbox.person()
    const url = `${sandbox.url}/telegram/bot${token}/SENDmessage`
    const inQuery = await ask('GET', `${url}?chat_id=${anna}&text=query`)
    const inForm = await fetch(url, { method: 'POST', body: new URLSearchParams({ chat_id: `${anna}`, text: 'form' }) })
    const inParts = await sendForm(sandbox, 'sendmessage', { chat_id: `${anna}`, text: 'parts' })
    assert.deepEqual([inQuery.status, inForm.status, inParts.status], [200, 200, 200])
    assert.deepEqual(
      (await sandbox.chat(anna)).map(({ text }) => text),
      ['query', 'form', 'parts'],
    )
  })

  it('refuses null in an optional field of a form, and takes it for nothing in JSON', async (t) => {
    const sandbox = await startSandbox(t)
    const anna = await sandbox.person()
    const inForm = await sendForm(sandbox, 'sendMessage', { chat_id: `${anna}`, text: 'x', reply_markup: 'null' })
    assert.equal(inForm.body['description'], 'Bad Request: object expected as reply markup')
    await sandbox.ok('sendMessage', { chat_id: anna, text: 'x', reply_markup: null })
  })

  it('calls an edit that changes nothing unmodified, and edits only what the bot has sent', async (t) => {
    const sandbox = await startSandbox(t)
    const anna = await sandbox.person()
    await sandbox.ok('getMe')
    const hers = (await sandbox.write(anna, 'mine'))['message_id']
    const his = at(await sandbox.ok('sendMessage', { chat_id: anna, text: 'one' }), 'message_id')
    const edit = (message_id: unknown, rest: Json) =>
      sandbox.call('editMessageText', { chat_id: anna, message_id, ...rest })
    assert.match(
      textAt((await edit(his, { text: 'one' })).body, 'description'),
      /^Bad Request: message is not modified:/,
    )
    assert.equal((await edit(hers, { text: 'yours' })).body['description'], "Bad Request: message can't be edited")
    assert.equal((await edit(his, { text: 'two' })).status, 200)
    const caption = await sandbox.call('editMessageCaption', { chat_id: anna, message_id: his, caption: 'x' })
    assert.equal(caption.body['description'], 'Bad Request: there is no caption in the message to edit')
    await sandbox.ok('deleteMessage', { chat_id: anna, message_id: his })
    assert.equal((await edit(his, { text: 'three' })).body['description'], 'Bad Request: message to edit not found')
  })

  it('answers a tap once, and not after 150 seconds', async (t) => {
    const sandbox = await startSandbox(t)
    const anna = await sandbox.person()
    const message = at(
      await sandbox.ok('sendMessage', { chat_id: anna, text: 'x', reply_markup: button({ callback_data: 'a' }) }),
      'message_id',
    )
    const tap = async () =>
      (await sandbox.control('POST', `/people/${anna}/taps`, { message_id: message, text: 'A' }))['callback_query_id']
    const tooOld = 'Bad Request: query is too old and response timeout expired or query ID is invalid'
    const first = await tap()
    await sandbox.ok('answerCallbackQuery', { callback_query_id: first })
    assert.equal((await sandbox.call('answerCallbackQuery', { callback_query_id: first })).body['description'], tooOld)
    const second = await tap()
    await sandbox.advance(150_000)
    assert.equal((await sandbox.call('answerCallbackQuery', { callback_query_id: second })).body['description'], tooOld)
  })

  it('lets a burst of 30 into a chat, then one a second, and says how long to wait', async (t) => {
    const sandbox = await startSandbox(t)
    await sandbox.control('POST', '/clock', { rate: 0 })
    const anna = await sandbox.person()
    const send = () => sandbox.call('sendMessage', { chat_id: anna, text: 'x' })
    for (let i = 0; i < 30; i += 1) assert.equal((await send()).status, 200)
    const refusal = await send()
    assert.deepEqual(refusal.body, {
      ok: false,
      error_code: 429,
      description: 'Too Many Requests: retry after 1',
      parameters: { retry_after: 1 },
    })
    assert.equal(refusal.headers.get('retry-after'), '1')
    await sandbox.advance(1000)
    assert.equal((await send()).status, 200)
    assert.equal((await send()).status, 429)
  })

  it('follows planned faults: refused, refused after taking effect, lost', async (t) => {
    const sandbox = await startSandbox(t)
    const anna = await sandbox.person()
    const send = () => sandbox.call('sendMessage', { chat_id: anna, text: 'x' })
    await sandbox.control('POST', '/faults', { on: 'telegram', method: 'sendMessage', retry_after: 7 })
    assert.equal(at((await send()).body, 'parameters.retry_after'), 7)
    assert.equal((await sandbox.chat(anna)).length, 0)
    await sandbox.control('POST', '/faults', { on: 'telegram', status: 500, after_execution: true })
    assert.equal((await send()).status, 500)
    assert.equal((await sandbox.chat(anna)).length, 1)
    await sandbox.control('POST', '/faults', { on: 'telegram', status: 502 })
    const gateway = await fetch(`${sandbox.url}/telegram/bot${token}/getMe`)
    assert.deepEqual([gateway.status, gateway.headers.get('content-type')], [502, 'text/html'])
    await sandbox.control('POST', '/faults', { on: 'telegram', method: 'send', after_execution: true })
    await assert.rejects(send())
    assert.equal((await sandbox.chat(anna)).length, 2)
    assert.equal((await send()).status, 200)
  })
})
