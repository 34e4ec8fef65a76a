import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { z } from 'zod'
import { createSandbox, type Sandbox } from '../../sandbox/sandbox.ts'
import { buildPages } from '../../web/build.ts'
import { serveText } from '../fixtures/loopback.ts'
import { openBrowser, type TestBrowser } from './browser.ts'
import { chatOf, openChat } from './chat-page.ts'
import { type SmallBot, seaPng, startSmallBot } from './small-bot.ts'

describe('the web chat', () => {
  let folder: string
  let sandbox: Sandbox
  let bot: SmallBot
  let browser: TestBrowser

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'trt-web-chat-'))
    await buildPages({ outDir: join(folder, 'pages') })
    sandbox = await createSandbox({ port: 0, webDir: join(folder, 'pages') })
    bot = await startSmallBot(`${sandbox.url}/telegram`)
    browser = await openBrowser()
  })
  after(async () => {
    await browser.close()
    await bot.stop()
    await sandbox.close()
    await rm(folder, { recursive: true })
  })

  const peopleCount = async () => {
    const answer = await fetch(`${sandbox.url}/sandbox/v1/people`)
    return z.object({ people: z.array(z.unknown()) }).parse(await answer.json()).people.length
  }

  it('makes nobody by itself, and asks a first visitor who they are', async () => {
    const page = await browser.page()
    await page.goto(sandbox.url)
    await page.getByRole('heading', { name: 'Chat with' }).waitFor()
    assert.equal(await peopleCount(), 0)

    const anna = await openChat(page, sandbox.url, { name: 'Anna', language: 'en' })
    await anna.pane.getByText('Shows what a chat can show.').waitFor()
    await anna.screenshot('empty-chat')
    await anna.start()
    await anna.waitForText('Hello, Anna!')
    assert.equal(await peopleCount(), 1)
    await page.context().close()
  })

  it('is reached by no page of another origin, in any way a page has, but by a link to it', async (t) => {
    const target = `${sandbox.url}/telegram/bot424242:a-bot-that-exists-by-its-first-call/setWebhook?url=${sandbox.url}`
    const { url: origin } = await serveText(
      t,
      `<title>Elsewhere</title>
      <img src="${target}">
      <script src="${target}"></script>
      <link rel="stylesheet" href="${target}">
      <iframe src="${target}"></iframe>
      <form id="form" method="get" action="${target}" target="formed"><button>Send</button></form>
      <iframe name="formed"></iframe>
      <a id="deep" href="${target}">deep</a> <a id="chat" href="${sandbox.url}/">chat</a>`,
    )
    const page = await browser.page()
    try {
      const tried = new Set<string>()
      page.on('request', (request) => {
        if (request.url() === target) tried.add(request.resourceType())
      })
      for (const host of ['127.0.0.1', 'localhost']) {
        tried.clear()
        await page.goto(origin.replace('127.0.0.1', host), { waitUntil: 'load' })
        await page.getByRole('button', { name: 'Send' }).click()
        await page.getByText('deep').click()
        await page.getByText('requests of other origins are refused').waitFor()
        assert.deepEqual(tried, new Set(['image', 'script', 'stylesheet', 'document']), host)
      }
      await page.goto(origin)
      await page.getByText('chat', { exact: true }).click()
      await openChat(page, sandbox.url, { name: 'Ira', language: 'en' })
      const bots = await fetch(`${sandbox.url}/sandbox/v1/bots`)
      assert.doesNotMatch(await bots.text(), /424242/)
    } finally {
      await page.context().close()
    }
  })

  it('sends what is typed, shows the answer, and keeps both over a reload', async () => {
    const page = await browser.page()
    const vera = await openChat(page, sandbox.url, { name: 'Vera', language: 'en' })
    await vera.start()
    await vera.waitForText('Hello, Vera!')
    await vera.say('<img src=x onerror=alert(1)> & so on')
    const answer = await vera.waitForText('You said: <img src=x onerror=alert(1)> & so on')
    assert.equal(await answer.locator('img').count(), 0)

    await vera.say('Think')
    await vera.pane.getByTestId('doing').getByText('typing').waitFor()

    await page.reload()
    await chatOf(page, 'Vera').waitForText('You said: <img')
    await page.context().close()
  })

  it('shows the answers to taps, edits in place, and lets deleted messages go', async () => {
    const page = await browser.page()
    const gleb = await openChat(page, sandbox.url, { name: 'Gleb', language: 'ru' })
    await gleb.start()
    const greeting = await gleb.waitForText('Привет, Gleb!')
    await gleb.tap('Toast')
    await gleb.waitForToast('A toast for you')
    await gleb.tap('Alert')
    await gleb.pane.getByRole('dialog').getByText('Read me first').waitFor()
    await page.keyboard.press('Escape')
    await gleb.pane.getByRole('dialog').waitFor({ state: 'detached' })

    await gleb.tap('Edit')
    await gleb.waitForText('Edited by the bot')
    assert.equal(await greeting.count(), 0)
    await gleb.tap('Delete')
    await gleb.pane.getByText('Edited by the bot').waitFor({ state: 'detached' })
    await page.context().close()
  })

  it('shows photos, albums and documents, and opens a photo large', async () => {
    const page = await browser.page()
    const daria = await openChat(page, sandbox.url, { name: 'Daria', language: 'en' })
    await daria.start()
    await daria.waitForText('Hello, Daria!')
    await daria.tap('Photo')
    await daria.waitForPhoto()
    await daria.waitForText('A sea at <noon>')
    await daria.tap('Album')
    await daria.waitForText('Three of them')
    assert.equal(await daria.pane.locator('.album__picture').count(), 3)
    await daria.tap('Document')
    await daria.waitForText('numbers.csv')
    await daria.pane.getByRole('button', { name: 'go to the newest message' }).click()
    await daria.pane.locator('.list__jump--shown').waitFor({ state: 'detached' })
    await daria.screenshot('album')

    await daria.pane.locator('.album__picture').nth(1).click()
    await page.getByTestId('viewer').getByText('2 of 3').waitFor()
    await daria.screenshot('viewer')
    await page.keyboard.press('ArrowRight')
    await page.getByTestId('viewer').getByText('3 of 3').waitFor()
    await page.keyboard.press('Escape')
    await page.getByTestId('viewer').waitFor({ state: 'detached' })
    await page.context().close()
  })

  it('sends a picture as a photo with its caption, and any file as a document', async () => {
    const page = await browser.page()
    const egor = await openChat(page, sandbox.url, { name: 'Egor', language: 'en' })
    await egor.start()
    await egor.waitForText('Hello, Egor!')
    const buffer = seaPng(640, 480, 260)
    await egor.sendFile({ name: 'dark.png', mimeType: 'image/png', buffer }, { caption: 'the night' })
    await egor.waitForText('A photo, the night')
    await egor.sendFile({ name: 'dark.png', mimeType: 'image/png', buffer }, { asDocument: true })
    await egor.waitForText('A document called dark.png')
    await egor.pane.locator('.reply').getByText('Photo, the night').waitFor()
    await egor.screenshot('files')
    await page.context().close()
  })

  it('lets a person block the bot and take it back', async () => {
    const page = await browser.page()
    const boris = await openChat(page, sandbox.url, { name: 'Boris', language: 'en' })
    await boris.start()
    await boris.waitForText('Hello, Boris!')
    await boris.pane.getByRole('button', { name: 'More' }).click()
    await boris.pane.getByRole('menuitem', { name: 'Block the bot' }).click()
    await boris.pane.getByRole('button', { name: 'Unblock' }).click()
    await boris.say('back again')
    await boris.waitForText('You said: back again')
    await page.context().close()
  })

  it('pays an invoice with Stars, or declines it', async () => {
    const page = await browser.page()
    const zoya = await openChat(page, sandbox.url, { name: 'Zoya', language: 'en' })
    await zoya.start()
    await zoya.waitForText('Hello, Zoya!')
    await zoya.tap('Buy')
    await zoya.waitForText('A sea of your own')
    await zoya.decline()
    await zoya.waitForToast('Payment declined')
    await zoya.tap(/^Pay/)
    await zoya.screenshot('invoice')
    await zoya.pay()
    await zoya.waitForText('Thank you for the Stars')
    await zoya.pane.getByText('You paid').waitFor()
    await page.context().close()
  })

  it('shows two people side by side, each with an own chat, also in the dark', async () => {
    const page = await browser.page({ viewport: { width: 1360, height: 860 }, colorScheme: 'dark' })
    const ivan = await openChat(page, sandbox.url, { name: 'Ivan', language: 'ru' })
    await ivan.start()
    const kira = await openChat(page, sandbox.url, { name: 'Kira', language: 'en' })
    await kira.start()
    await kira.waitForText('Hello, Kira!')
    await ivan.waitForText('Привет, Ivan!')
    assert.equal(await ivan.pane.getByText('Kira!').count(), 0)
    const ground = await page.evaluate('getComputedStyle(document.body).backgroundColor')
    assert.equal(ground, 'rgb(14, 22, 33)')
    await kira.screenshot('two-people-dark')
    await page.emulateMedia({ colorScheme: 'light' })
    await kira.screenshot('two-people-light')
    await page.context().close()
  })

  it('fits a phone', async () => {
    const page = await browser.page({ viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true })
    const lev = await openChat(page, sandbox.url, { name: 'Lev', language: 'ru' })
    await lev.start()
    await lev.waitForText('Привет, Lev!')
    await lev.tap('Photo')
    await lev.waitForPhoto()
    assert.equal((await lev.pane.boundingBox())?.width, 390)
    assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 390)
    await lev.screenshot('phone')
    await page.getByRole('button', { name: 'All people' }).click()
    await page.getByRole('button', { name: /Lev/ }).waitFor()
    await lev.screenshot('phone-people')
    await page.context().close()
  })

  it('offers the commands of the person’s language, and sends the chosen one by keyboard alone', async () => {
    const page = await browser.page()
    const mark = await openChat(page, sandbox.url, { name: 'Mark', language: 'ru' })
    await mark.start()
    await mark.waitForText('Привет, Mark!')
    const field = mark.pane.getByRole('textbox', { name: 'Message' })
    await field.fill('/st')
    await mark.pane.getByText('Меню', { exact: true }).waitFor()
    await field.press('Enter')
    await mark.pane.locator('.message--person').nth(1).waitFor()
    await field.fill('one')
    await field.press('Shift+Enter')
    await field.pressSequentially('two')
    await field.press('Enter')
    await mark.waitForText('You said: one\ntwo')
    await page.context().close()
  })
})
