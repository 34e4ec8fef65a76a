import { z } from 'zod'
import { checkedUrl } from '../formatting/draft.ts'
import type { StoredMessage } from '../model.ts'
import { badRequest } from './errors.ts'
import type { Params } from './params.ts'

/** Reads `reply_markup` as strictly as the server and its clients do. */
export type Markup = Pick<StoredMessage, 'inlineKeyboard' | 'otherMarkup'>

const buttonsMax = 300
const markupBytesMax = 10_000

export function readMarkup(params: Params, { invoice = false, inlineOnly = false } = {}): Markup {
  const value = params.json('reply_markup', 'reply keyboard markup')
  if (value === undefined) return {}
  if (!isObject(value)) throw badRequest('object expected as reply markup')
  if (Buffer.byteLength(JSON.stringify(value)) > markupBytesMax) throw badRequest('reply markup is too long')
  if ('inline_keyboard' in value) {
    const inlineKeyboard = readInline(value['inline_keyboard'], invoice)
    return inlineKeyboard.length === 0 ? {} : { inlineKeyboard }
  }
  if (inlineOnly || invoice) {
    if (Object.keys(value).length === 0) return {}
    throw badRequest('inline keyboard expected')
  }
  if ('keyboard' in value) return { otherMarkup: { ...value, keyboard: readReplyKeyboard(value['keyboard']) } }
  if (value['remove_keyboard'] === true || value['force_reply'] === true) return { otherMarkup: value }
  return {}
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function rowsOf(value: unknown, what: string): readonly (readonly unknown[])[] {
  if (!Array.isArray(value)) throw badRequest(`field "${what}" of the ReplyMarkup must be of type Array`)
  return value.map((row: unknown) => {
    if (!Array.isArray(row)) throw badRequest(`field "${what}" of the ReplyMarkup must be an Array of Arrays`)
    return row
  })
}

function readInline(value: unknown, invoice: boolean): Record<string, unknown>[][] {
  const rows = rowsOf(value, 'inline_keyboard')
    .map((row) => row.map(readInlineButton))
    .filter((row) => row.length > 0)
  const buttons = rows.flat()
  if (buttons.length > buttonsMax) throw badRequest('reply markup is too long')
  const first = buttons[0]
  for (const button of buttons) {
    if (button['pay'] !== true) continue
    if (!invoice) throw badRequest('BUTTON_TYPE_INVALID')
    if (button !== first) throw badRequest('BUTTON_POS_INVALID')
  }
  if (invoice && first !== undefined && first['pay'] !== true) throw badRequest('BUTTON_TYPE_INVALID')
  return rows
}

const actions = [
  'url',
  'callback_data',
  'web_app',
  'login_url',
  'switch_inline_query',
  'switch_inline_query_current_chat',
  'switch_inline_query_chosen_chat',
  'copy_text',
  'callback_game',
  'pay',
]

const cannotRead = (why: string) => badRequest(`can't parse inline keyboard button: ${why}`)
const urlObject = z.object({ url: z.string() })
const copyObject = z.object({ text: z.string().min(1).max(256) })

function readInlineButton(value: unknown): Record<string, unknown> {
  if (!isObject(value)) throw cannotRead('InlineKeyboardButton must be an Object')
  const { text } = value
  if (typeof text !== 'string' || text === '') throw cannotRead('field "text" must be a non-empty String')
  const given = actions.filter((action) => value[action] !== undefined && value[action] !== false)
  if (given.length === 0) throw cannotRead('text buttons are unallowed in the inline keyboard')
  if (given.length > 1) throw cannotRead(`exactly one action is allowed, found ${given.join(', ')}`)
  const style = value['style']
  if (style !== undefined && !['danger', 'success', 'primary'].includes(String(style))) {
    throw cannotRead('invalid button style specified')
  }
  return { ...value, ...checkAction(given[0] ?? '', value) }
}

/** The checked action, in the form in which it is stored. */
function checkAction(action: string, button: Record<string, unknown>): Record<string, unknown> {
  const value = button[action]
  switch (action) {
    case 'callback_data': {
      const bytes = typeof value === 'string' ? Buffer.byteLength(value) : 0
      if (bytes < 1 || bytes > 64) throw badRequest('BUTTON_DATA_INVALID')
      return {}
    }
    case 'url':
      return { url: buttonUrl(String(value)) }
    case 'web_app':
    case 'login_url': {
      const parsed = urlObject.safeParse(value)
      if (!parsed.success) throw cannotRead(`field "${action}" must be an Object with a url`)
      if (!parsed.data.url.startsWith('https://')) throw badRequest('BUTTON_URL_INVALID')
      return {}
    }
    case 'copy_text':
      if (!copyObject.safeParse(value).success) throw badRequest('BUTTON_COPY_TEXT_INVALID')
      return {}
    case 'pay':
      if (value !== true) throw cannotRead('field "pay" must be True')
      return {}
    default:
      return {}
  }
}

function buttonUrl(url: string): string {
  const checked = checkedUrl(url)
  if (checked === undefined) throw badRequest(`inline keyboard button URL '${url}' is invalid: wrong HTTP URL`)
  return checked
}

function readReplyKeyboard(value: unknown): Record<string, unknown>[][] {
  return rowsOf(value, 'keyboard').map((row) =>
    row.map((button) => {
      if (typeof button === 'string') return { text: button }
      if (!isObject(button) || typeof button['text'] !== 'string' || button['text'] === '') {
        throw badRequest('can\'t parse keyboard button: field "text" must be a non-empty String')
      }
      return button
    }),
  )
}
