import { mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Locator, Page } from 'playwright-core'

/**
 * The web chat as a person uses it. Everything is found the way a person finds it: by what is written on the page. A
 * page may show several people side by side; each is a `ChatPage` of their pane.
 */
export interface ChatPage {
  readonly page: Page
  /** This person's part of the page. */
  readonly pane: Locator
  /** Presses START, as one does in an empty chat. */
  start(): Promise<void>
  /** Types a text and sends it with Enter. */
  say(text: string): Promise<void>
  /** Presses the newest inline button that carries this text. */
  tap(text: string | RegExp): Promise<void>
  /** Sends a file the quick way (a picture becomes a photo), or as a document. */
  sendFile(file: FileToSend, options?: { readonly caption?: string; readonly asDocument?: boolean }): Promise<void>
  /** Goes through the invoice sheet that lies open, or opens the newest invoice first. */
  pay(): Promise<void>
  decline(): Promise<void>
  /** The newest message of the bot with such a text; resolves when it is there. */
  waitForText(text: string | RegExp): Promise<Locator>
  /** The newest photo of the bot, loaded to its last byte. */
  waitForPhoto(): Promise<Locator>
  waitForToast(text: string | RegExp): Promise<void>
  /** Saves what the whole page shows as `<folder>/<name>.jpg` and returns the path. */
  screenshot(name: string): Promise<string>
}

export interface FileToSend {
  readonly name: string
  readonly mimeType: string
  readonly buffer: Buffer
}

export interface Visitor {
  readonly name: string
  readonly language: 'ru' | 'en'
}

/** Opens the page and makes a person: on the first visit through the welcome, afterwards as one more, beside the first. */
export async function openChat(page: Page, url: string, { name, language }: Visitor): Promise<ChatPage> {
  if (!page.url().startsWith(url)) await page.goto(url)
  const field = page.getByLabel('Name', { exact: true })
  const another = page.getByRole('button', { name: 'New person' })
  await field.or(another).first().waitFor()
  if (!(await field.isVisible())) await another.click()
  await field.fill(name)
  await page.getByText(language === 'ru' ? 'Русский' : 'English', { exact: true }).click()
  await page.getByRole('button', { name: 'Open chat' }).click()
  const chat = chatOf(page, name)
  await chat.pane.waitFor()
  return chat
}

/** The pane of somebody whose chat is open, as after a reload. */
export function chatOf(page: Page, name: string): ChatPage {
  const pane = page.getByRole('region', { name: `${name}’s chat with` })
  const botMessages = pane.locator('.message--bot')
  const key = (text: string | RegExp) => pane.locator('.key').filter({ hasText: text }).last()
  const sheet = pane.getByTestId('invoice-sheet')

  const settle = async (button: string) => {
    if (!(await sheet.isVisible())) await pane.locator('.message--bot:has(.invoice) .key').last().click()
    await sheet.getByRole('button', { name: button }).click()
    await sheet.waitFor({ state: 'detached' })
  }
  return {
    page,
    pane,
    start: () => pane.getByRole('button', { name: 'Start' }).click(),
    async say(text) {
      const field = pane.getByRole('textbox', { name: 'Message' })
      await field.fill(text)
      await field.press('Enter')
    },
    tap: (text) => key(text).click(),
    async sendFile(file, { caption = '', asDocument = false } = {}) {
      await pane.getByTestId(asDocument ? 'pick-documents' : 'pick-media').setInputFiles({ ...file })
      await pane.getByRole('textbox', { name: 'Caption' }).fill(caption)
      await pane.getByRole('dialog').getByRole('button', { name: 'Send', exact: true }).click()
    },
    pay: () => settle('Confirm and pay'),
    decline: () => settle('Decline'),
    async waitForText(text) {
      const message = botMessages.filter({ hasText: text }).last()
      await message.waitFor()
      return message
    },
    async waitForPhoto() {
      const photo = botMessages.locator('.picture img').last()
      await photo.waitFor()
      await photo.evaluate((image) =>
        'decode' in image && typeof image.decode === 'function' ? image.decode() : undefined,
      )
      return photo
    },
    waitForToast: (text) => pane.getByTestId('toast').filter({ hasText: text }).waitFor(),
    async screenshot(name) {
      const path = join(screenshotFolder(), `${name}.jpg`)
      await page.screenshot({ path, type: 'jpeg', quality: 90, animations: 'disabled' })
      return path
    },
  }
}

let folder: string | undefined

/** `TRT_SCREENSHOTS`, or a new temporary folder, named once on the output so that people find and look at them. */
export function screenshotFolder(): string {
  if (folder !== undefined) return folder
  const wanted = process.env['TRT_SCREENSHOTS']
  if (wanted !== undefined) mkdirSync(wanted, { recursive: true })
  folder = wanted ?? mkdtempSync(join(tmpdir(), 'trt-screenshots-'))
  console.log(`screenshots: ${folder}`)
  return folder
}
