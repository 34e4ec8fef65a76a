import { createServer } from 'node:http'

/**
 * A Bot API server that answers at once and notes when each call came: no rules, no limits, nothing that could be the
 * bottleneck. What a bot may rely on is the sandbox's business; this one only holds the watch.
 */
export type Call = { readonly method: string; readonly fields: ReadonlyMap<string, unknown>; readonly atMs: number }
export type Telegram = {
  readonly url: string
  /** Called for every call of a bot, with the time of its arrival. */
  hear(listener: (call: Call) => void): void
  close(): Promise<void>
}

export const botToken = '7000001:bench-token-that-opens-nothing-at-all'
const bot = { id: 7000001, is_bot: true, first_name: 'Shop', username: 'shop_bot' }

export async function startTelegram(): Promise<Telegram> {
  let hear: (call: Call) => void = () => {}
  let webhook: ReadonlyMap<string, unknown> = new Map()
  let lastMessage = 1_000

  function answer(method: string, fields: ReadonlyMap<string, unknown>): unknown {
    switch (method) {
      case 'getMe':
        return { ...bot, can_join_groups: true, can_read_all_group_messages: false, supports_inline_queries: false }
      case 'setWebhook':
        webhook = fields
        return true
      case 'getWebhookInfo':
        return { pending_update_count: 0, has_custom_certificate: false, ...Object.fromEntries(webhook) }
      case 'sendMessage':
      case 'sendInvoice':
        lastMessage += 1
        return messageOf(fields, lastMessage)
      case 'editMessageText':
        return messageOf(fields, fields.get('message_id'))
      default:
        return true
    }
  }

  const server = createServer((request, response) => {
    const atMs = performance.now()
    const method = request.url?.split('/').at(-1) ?? ''
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (chunk: string) => {
      body += chunk
    })
    request.on('end', () => {
      const fields = new Map<string, unknown>(Object.entries(body === '' ? {} : JSON.parse(body)))
      const result = answer(method, fields)
      const text = JSON.stringify({ ok: true, result })
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
      response.end(text)
      if (method === 'sendMessage') fields.set('message_id', lastMessage)
      hear({ method, fields, atMs })
    })
  })
  server.keepAliveTimeout = 60_000
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    hear(listener) {
      hear = listener
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const messageOf = (fields: ReadonlyMap<string, unknown>, id: unknown) => ({
  message_id: id,
  from: bot,
  chat: { id: fields.get('chat_id'), type: 'private', first_name: 'Anna' },
  date: Math.floor(Date.now() / 1000),
  text: fields.get('text'),
  reply_markup: fields.get('reply_markup'),
})
