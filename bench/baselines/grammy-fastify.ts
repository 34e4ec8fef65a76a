import Fastify from 'fastify'
import { Bot, webhookCallback } from 'grammy'

/** A grammY bot by webhook on Fastify, as its manual shows it: a trivial handler, and nothing is kept. */
const secretToken = process.env['SECRET'] ?? ''
const bot = new Bot('7000001:bench-token-that-opens-nothing-at-all', {
  botInfo: {
    id: 7000001,
    is_bot: true,
    first_name: 'Shop',
    username: 'shop_bot',
    can_join_groups: true,
    can_read_all_group_messages: false,
    can_manage_bots: false,
    supports_inline_queries: false,
    can_connect_to_business: false,
    has_main_web_app: false,
    has_topics_enabled: false,
    allows_users_to_create_topics: false,
    supports_join_request_queries: false,
  },
})
let edited = 0
bot.on('edited_message', () => {
  edited += 1
})

const app = Fastify({ logger: false, forceCloseConnections: true })
app.post('/webhook/:path', webhookCallback(bot, 'fastify', { secretToken }))
await app.listen({ host: '127.0.0.1', port: 0 })
const address = app.server.address()
console.log(`listening on ${typeof address === 'object' && address !== null ? address.port : 0}`)
process.once('SIGTERM', () => {
  console.log(`${edited} edited messages`)
  void app.close()
})
