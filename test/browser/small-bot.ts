import { createCanvas } from '@napi-rs/canvas'
import { Bot, InlineKeyboard, InputFile, InputMediaBuilder } from 'grammy'

/**
 * A bot that shows every kind of message the web chat draws, on request. It speaks to the sandbox as any bot would, by
 * polling, and ends when it is stopped.
 */
export interface SmallBot {
  stop(): Promise<void>
}

const menu = new InlineKeyboard()
  .text('🖼 Photo', 'photo')
  .text('📚 Album', 'album')
  .row()
  .text('📄 Document', 'document')
  .text('⭐ Buy', 'buy')
  .row()
  .text('✏️ Edit', 'edit')
  .text('🗑 Delete', 'delete')
  .row()
  .text('🔔 Toast', 'toast')
  .text('⚠️ Alert', 'alert')

export async function startSmallBot(apiRoot: string): Promise<SmallBot> {
  const bot = new Bot('42:small-bot-of-the-browser-tests-abcdefgh', { client: { apiRoot } })
  await bot.api.setMyCommands([{ command: 'start', description: 'The menu' }])
  await bot.api.setMyCommands([{ command: 'start', description: 'Меню' }], { language_code: 'ru' })
  await bot.api.setMyDescription('Shows what a chat can show.')
  answerMessages(bot)
  answerTaps(bot)

  const { promise: started, resolve } = Promise.withResolvers<void>()
  // Somebody who blocks it in the middle of an answer must not end it for the others.
  bot.catch(() => undefined)
  const polling = bot.start({ onStart: () => resolve() })
  await Promise.race([started, polling])
  return {
    async stop() {
      await bot.stop()
      await polling
    },
  }
}

function answerMessages(bot: Bot): void {
  bot.command('start', async (context) => {
    const hello = context.from?.language_code === 'ru' ? 'Привет' : 'Hello'
    const text = `<b>${hello}, ${context.from?.first_name}!</b>\nWhat shall it be? <tg-spoiler>A cat.</tg-spoiler>`
    await context.reply(text, { parse_mode: 'HTML', reply_markup: menu })
  })
  bot.on('pre_checkout_query', (context) => context.answerPreCheckoutQuery(true))
  bot.on('message:successful_payment', (context) => context.reply('Thank you for the Stars'))
  bot.on('message:photo', (context) =>
    context.reply(`A photo, ${context.message.caption ?? 'without words'}`, {
      reply_parameters: { message_id: context.message.message_id },
    }),
  )
  bot.on('message:document', (context) => context.reply(`A document called ${context.message.document.file_name}`))
  bot.on('message:text', async (context) => {
    await context.replyWithChatAction('typing')
    if (context.message.text === 'Think') return
    await context.reply(`You said: ${context.message.text}`)
  })
}

function answerTaps(bot: Bot): void {
  bot.callbackQuery('toast', (context) => context.answerCallbackQuery({ text: 'A toast for you' }))
  bot.callbackQuery('alert', (context) => context.answerCallbackQuery({ text: 'Read me first', show_alert: true }))
  bot.callbackQuery('photo', async (context) => {
    await context.replyWithPhoto(picture(1024, 768, 200), { caption: 'A sea at <noon>' })
    await context.answerCallbackQuery()
  })
  bot.callbackQuery('album', async (context) => {
    const shapes = [
      [800, 600, 20],
      [600, 800, 90],
      [700, 700, 300],
    ] as const
    await context.replyWithMediaGroup(
      shapes.map(([width, height, hue], index) =>
        InputMediaBuilder.photo(picture(width, height, hue), index === 0 ? { caption: 'Three of them' } : {}),
      ),
    )
    await context.answerCallbackQuery()
  })
  bot.callbackQuery('document', async (context) => {
    await context.replyWithDocument(new InputFile(Buffer.from('one,two\n'), 'numbers.csv'))
    await context.answerCallbackQuery()
  })
  bot.callbackQuery('buy', async (context) => {
    const prices = [{ label: 'One sea', amount: 25 }]
    await context.replyWithInvoice('A sea of your own', 'Yours for ever.', 'sea-1', 'XTR', prices)
    await context.answerCallbackQuery()
  })
  bot.callbackQuery('edit', async (context) => {
    await context.editMessageText('Edited by the bot', { reply_markup: menu })
    await context.answerCallbackQuery()
  })
  bot.callbackQuery('delete', async (context) => {
    await context.answerCallbackQuery()
    await context.deleteMessage()
  })
}

const picture = (width: number, height: number, hue: number) => new InputFile(seaPng(width, height, hue), 'sea.png')

/** A sea under a sun, in any colour. */
export function seaPng(width: number, height: number, hue: number): Buffer {
  const canvas = createCanvas(width, height)
  const context = canvas.getContext('2d')
  const sky = context.createLinearGradient(0, 0, 0, height)
  sky.addColorStop(0, `hsl(${hue} 80% 72%)`)
  sky.addColorStop(0.55, `hsl(${hue + 30} 70% 60%)`)
  sky.addColorStop(1, `hsl(${hue + 10} 80% 26%)`)
  context.fillStyle = sky
  context.fillRect(0, 0, width, height)
  context.fillStyle = 'hsl(48 100% 84%)'
  context.beginPath()
  context.arc(width * 0.68, height * 0.34, height * 0.12, 0, Math.PI * 2)
  context.fill()
  return canvas.toBuffer('image/png')
}
