import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import { describe, it, type TestContext } from 'node:test'
import { Bot, InlineKeyboard, InputFile, webhookCallback } from 'grammy'
import { Input, Markup, Telegraf } from 'telegraf'
import { listen } from '../fixtures/loopback.ts'
import { until } from '../fixtures/person.ts'
import { listAt, pngOf, type Speaking, startSandbox, textAt, token } from './telegram-setup.ts'

/**
 * Two clients nobody here wrote run the same small shop on the sandbox, by webhook and by polling. What they do not
 * understand, others will not either.
 */
const prices = [{ label: 'Fifty', amount: 50 }]

function grammyShop(url: string): Bot {
  const bot = new Bot(token, { client: { apiRoot: `${url}/telegram` } })
  bot.command('start', (ctx) =>
    ctx.reply(`<b>Hello</b>, ${ctx.from?.first_name}`, {
      parse_mode: 'HTML',
      reply_markup: new InlineKeyboard().text('Picture', 'picture').text('Pay', 'pay'),
    }),
  )
  bot.callbackQuery('picture', async (ctx) => {
    await ctx.answerCallbackQuery({ text: 'Drawing' })
    await ctx.editMessageText('Here it is')
    await ctx.replyWithPhoto(new InputFile(pngOf(64, 64), 'p.png'), { caption: 'A picture' })
  })
  bot.callbackQuery('pay', async (ctx) => {
    await ctx.answerCallbackQuery()
    await ctx.replyWithInvoice('Top-up', 'Fifty Stars', 'order-1', 'XTR', prices)
  })
  bot.on('pre_checkout_query', (ctx) => ctx.answerPreCheckoutQuery(true))
  bot.on('message:successful_payment', (ctx) => ctx.reply(`Paid ${ctx.message.successful_payment.total_amount}`))
  return bot
}

function telegrafShop(url: string): Telegraf {
  // telegraf keeps only the origin of an API root, so the sandbox understands paths without /telegram too.
  const bot = new Telegraf(token, { telegram: { apiRoot: url } })
  bot.start((ctx) =>
    ctx.replyWithHTML(
      `<b>Hello</b>, ${ctx.from.first_name}`,
      Markup.inlineKeyboard([Markup.button.callback('Picture', 'picture'), Markup.button.callback('Pay', 'pay')]),
    ),
  )
  bot.action('picture', async (ctx) => {
    await ctx.answerCbQuery('Drawing')
    await ctx.editMessageText('Here it is')
    await ctx.replyWithPhoto(Input.fromBuffer(pngOf(64, 64), 'p.png'), { caption: 'A picture' })
  })
  bot.action('pay', async (ctx) => {
    await ctx.answerCbQuery()
    await ctx.replyWithInvoice({
      title: 'Top-up',
      description: 'Fifty Stars',
      payload: 'order-1',
      currency: 'XTR',
      prices,
      provider_token: '',
    })
  })
  bot.on('pre_checkout_query', (ctx) => ctx.answerPreCheckoutQuery(true))
  bot.on('message', async (ctx) => {
    if ('successful_payment' in ctx.message) await ctx.reply(`Paid ${ctx.message.successful_payment.total_amount}`)
  })
  return bot
}

async function startHook(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${await listen(server)}/hook`
}

/** Resolves when a bot has shown itself. */
const polledBy = (sandbox: Speaking) =>
  until(async () => listAt(await sandbox.control('GET', '/bots'), 'bots').length === 1)

/** From /start to a picture and a payment, as a person. */
async function goShopping(sandbox: Speaking): Promise<void> {
  const anna = await sandbox.person({ first_name: 'Anna' })
  const find = async (holds: (message: Record<string, unknown>) => boolean) => {
    await until(async () => (await sandbox.chat(anna)).some(holds))
    return Number((await sandbox.chat(anna)).find(holds)?.['message_id'])
  }
  await sandbox.write(anna, '/start')
  const menu = await find(({ text }) => text === 'Hello, Anna')
  const tap = await sandbox.control('POST', `/people/${anna}/taps`, { message_id: menu, text: 'Pay' })
  await sandbox.control('GET', `/taps/${textAt(tap, 'callback_query_id')}?wait_ms=5000`)
  const invoice = await find((message) => 'invoice' in message)
  const paid = await sandbox.control('POST', `/people/${anna}/payments`, { message_id: invoice, outcome: 'pay' })
  assert.equal(paid['outcome'], 'paid')
  await find(({ text }) => text === 'Paid 50')
  const second = await sandbox.control('POST', `/people/${anna}/taps`, { message_id: menu, text: 'Picture' })
  const answer = await sandbox.control('GET', `/taps/${textAt(second, 'callback_query_id')}?wait_ms=5000`)
  assert.equal(answer['text'], 'Drawing')
  await find(({ caption }) => caption === 'A picture')
  assert.equal(await find(({ text }) => text === 'Here it is'), menu)
  await until(async () => (await sandbox.updates('pending')).length <= 1)
}

describe('bots of other people', () => {
  it('grammY by webhook', async (t) => {
    const sandbox = await startSandbox(t)
    const bot = grammyShop(sandbox.url)
    const hook = await startHook(t, webhookCallback(bot, 'http', { secretToken: 'secret' }))
    await bot.api.setWebhook(hook, { secret_token: 'secret' })
    await goShopping(sandbox)
  })

  it('grammY by polling', async (t) => {
    const sandbox = await startSandbox(t)
    const bot = grammyShop(sandbox.url)
    const running = bot.start()
    await polledBy(sandbox)
    await goShopping(sandbox)
    await bot.stop()
    await running
  })

  it('telegraf by webhook', async (t) => {
    const sandbox = await startSandbox(t)
    const bot = telegrafShop(sandbox.url)
    const hook = await startHook(t, bot.webhookCallback('/hook'))
    await bot.telegram.setWebhook(hook)
    await goShopping(sandbox)
  })

  it('telegraf by polling', async (t) => {
    const sandbox = await startSandbox(t)
    const bot = telegrafShop(sandbox.url)
    const running = bot.launch()
    await polledBy(sandbox)
    await goShopping(sandbox)
    bot.stop()
    await running
  })
})
