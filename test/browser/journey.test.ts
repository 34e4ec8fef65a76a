import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { buildPages } from '../../web/build.ts'
import { startWorld, type World } from '../fixtures/service.ts'
import { openBrowser, type TestBrowser } from './browser.ts'
import { type ChatPage, chatOf, openChat } from './chat-page.ts'
import { seaPng } from './small-bot.ts'

/**
 * The whole way of a stranger, in the browser they would use: the real service beside a real sandbox, and the pages as
 * `npm start` builds them. Every step leaves a screenshot, to be looked at.
 */
describe('a stranger in a browser', () => {
  let folder: string
  let world: World
  let browser: TestBrowser

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'trt-journey-'))
    const webDir = join(folder, 'pages')
    const [, opened] = await Promise.all([buildPages({ outDir: webDir }), openBrowser()])
    browser = opened
    world = await startWorld({ webDir })
    // Long enough for the progress message to be seen.
    await world.controls.kie({ latency_ms: 600 })
  })
  after(async () => {
    await browser.close()
    await world.end()
    await rm(folder, { recursive: true })
  })

  it('gets from the welcome to a free picture, tops up, buys another one, and finds both again (ru, at a desk)', async () => {
    const { page, faults } = await openPage(browser)
    await page.goto(world.controls.url)
    await page.getByRole('heading', { name: 'Chat with' }).waitFor()
    const anna = await openChat(page, world.controls.url, { name: 'Анна', language: 'ru' })
    const step = stepsOf(anna, 'ru')
    await step('empty-chat')

    await anna.start()
    await anna.waitForText('Привет, Анна!')
    await step('home')
    await anna.tap('Картинки и дизайн')
    await anna.waitForText('На кнопке — цена одного запуска')
    await step('shelf')
    await anna.tap('Z-Image')
    await anna.waitForText('Напишите описание прямо сейчас')
    await step('card')
    await anna.say('Рыжий кот в скафандре на Луне, мягкий свет')
    await anna.waitForText('Цена: бесплатно')
    await step('confirm-free')
    await anna.tap('Запустить')
    await anna.waitForText(/Заказ принят|Рисую|Готово/)
    await step('progress')
    await anna.waitForText('Бесплатно, осталось 4 генерации')
    await anna.waitForPhoto()
    await step('free-picture')

    await anna.tap('Меню')
    await newestKey(anna, 'Баланс').click()
    await anna.waitForText('Деньги на балансе не сгорают')
    await anna.tap('Пополнить')
    await anna.waitForText('Нажмите сумму, и я пришлю счёт')
    await step('top-up')
    await anna.tap('100 ₽')
    await anna.waitForText('100 ₽ на баланс бота')
    await step('invoice')
    await anna.tap('Pay')
    await anna.pane.getByTestId('invoice-sheet').waitFor()
    await step('invoice-sheet')
    await anna.pay()
    await anna.waitForText('Зачислено 100 ₽. На балансе 100 ₽.')
    await step('credited')

    await anna.tap('Выбрать модель')
    await newestKey(anna, 'Seedream 5.0 Flash ·').click()
    await anna.waitForText('Seedream 5.0 Flash · ByteDance')
    await anna.say('Маяк ночью, гроза\nи корабль вдалеке')
    await anna.waitForText('Баланс: 100 ₽, после запуска 97,45 ₽')
    await step('confirm-paid')
    await anna.tap('Запустить · 2,55 ₽')
    await anna.waitForText('Оплачено 2,55 ₽, на балансе 97,45 ₽')
    await anna.waitForPhoto()
    await step('paid-picture')

    await anna.tap('Меню')
    await newestKey(anna, 'Мои картинки').click()
    await anna.waitForText('Нажмите на заказ')
    await step('history')
    await anna.tap('Seedream 5.0 Flash ·')
    await anna.waitForText('Код: ')
    await step('order')
    const photos = anna.pane.locator('.message--bot .picture')
    const before = await photos.count()
    await anna.tap('Прислать снова')
    await photos.nth(before).waitFor()
    await anna.tap('Оригинал файлом')
    await anna.waitForText(/\.png|\.jpe?g/)
    await step('original')

    await page.reload()
    await chatOf(page, 'Анна').waitForText(/\.png|\.jpe?g/)
    assert.deepEqual(faults, [])
    await page.context().close()
  })

  it('makes a picture from a photo and pays on the way, on a phone in the dark (en)', async () => {
    const { page, faults } = await openPage(browser, {
      viewport: { width: 390, height: 844 },
      isMobile: true,
      hasTouch: true,
      colorScheme: 'dark',
    })
    const boris = await openChat(page, world.controls.url, { name: 'Boris', language: 'en' })
    const step = stepsOf(boris, 'en-phone')
    await step('empty-chat')
    await boris.start()
    await boris.waitForText('Boris!')
    await step('home')
    const photo = { name: 'sea.png', mimeType: 'image/png', buffer: seaPng(900, 600, 200) }
    await boris.sendFile(photo)
    await boris.waitForText('What shall I do with the photo?')
    await step('photo-at-home')
    await boris.tap('Nano Banana Edit')
    await boris.waitForText('So far: 1 of 10.')
    await step('photo-taken')
    await boris.say('Make it a sunset with a tiny sailing boat')
    await boris.waitForText('which is 3.14 ₽ short')
    await step('money-missing')

    await boris.tap('Top up by 50 ₽')
    await boris.waitForText('50 ₽ for your balance with the bot')
    await boris.tap('Pay')
    await boris.pane.getByTestId('invoice-sheet').waitFor()
    await step('invoice-sheet')
    await boris.pay()
    await boris.waitForText('50 ₽ was added. Your balance is 50 ₽.')
    await step('credited')
    await boris.tap('Back to the order')
    await boris.waitForText('Balance: 50 ₽, 46.86 ₽ after the run')
    await step('confirm')

    await boris.tap('Run · 3.14 ₽')
    await boris.waitForText(/accepted|Drawing/)
    // Who reads further up is told that something came, and is not torn away.
    await boris.pane.locator('.list__frame').evaluate((frame) => frame.scrollTo({ top: 0 }))
    await boris.waitForText('Paid 3.14 ₽, balance 46.86 ₽')
    await step('unread', { atRest: false })
    await boris.pane.getByRole('button', { name: '2 new, go to the newest message' }).click()
    await boris.waitForPhoto()
    await step('picture')
    await boris.tap('Menu')
    await newestKey(boris, 'My pictures').click()
    await boris.waitForText('Press an order to see it')
    await step('history')
    assert.deepEqual(faults, [])
    await page.context().close()
  })
})

/** What goes wrong in the page itself: an exception, a file that does not come, a line in its console. */
async function openPage(browser: TestBrowser, options?: Parameters<TestBrowser['page']>[0]) {
  const page = await browser.page(options)
  const faults: string[] = []
  page.on('pageerror', (error) => faults.push(String(error)))
  page.on('console', (line) => {
    if (line.type() === 'error' || line.type() === 'warning') faults.push(line.text())
  })
  page.on('response', (answer) => {
    if (answer.status() >= 400) faults.push(`${answer.status()} ${answer.url()}`)
  })
  return { page, faults }
}

/** A button on the newest message of the bot, once it is there: the same one may stand on older messages. */
const newestKey = ({ pane }: ChatPage, text: string) =>
  pane.locator('.message--bot').last().locator('.key').filter({ hasText: text })

/**
 * Takes numbered screenshots, each when the page has come to rest: pictures are there to the last byte, the newest
 * message is in view, nothing is wider than the window.
 */
function stepsOf(chat: ChatPage, journey: string) {
  let number = 0
  return async function step(name: string, { atRest = true } = {}): Promise<void> {
    if (atRest) await comesToRest(chat.page)
    number += 1
    await chat.screenshot(`${journey}-${String(number).padStart(2, '0')}-${name}`)
  }
}

async function comesToRest(page: Page): Promise<void> {
  await page.waitForFunction(`
    [...document.querySelectorAll('img')].every(({ complete, naturalWidth }) => complete && naturalWidth > 0) &&
    [...document.querySelectorAll('.list__frame')].every(
      ({ scrollHeight, scrollTop, clientHeight }) => scrollHeight - scrollTop - clientHeight < 2
    ) &&
    document.documentElement.scrollWidth <= window.innerWidth
  `)
}
