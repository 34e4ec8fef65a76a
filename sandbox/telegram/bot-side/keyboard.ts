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

function rowsOf(value: unknown, field: string, ofWhat = ''): readonly (readonly unknown[])[] {
  if (!Array.isArray(value)) throw badRequest(`field "${field}" must be of type Array`)
  return value.map((row: unknown) => {
    if (!Array.isArray(row)) throw badRequest(`field "${field}"${ofWhat} must be an Array of Arrays`)
    return row
  })
}

function readInline(value: unknown, invoice: boolean): Record<string, unknown>[][] {
  const rows = rowsOf(value, 'inline_keyboard', ' of the InlineKeyboardMarkup')
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

/** In the order in which the server looks: the first that a button has is its action, and the others are not read. */
const actions = [
  'url',
  'callback_data',
  'callback_game',
  'pay',
  'switch_inline_query',
  'switch_inline_query_chosen_chat',
  'switch_inline_query_current_chat',
  'login_url',
  'web_app',
  'copy_text',
] as const
type Action = (typeof actions)[number]

const cannotRead = (why: string) => badRequest(`can't parse inline keyboard button: ${why}`)
const copyObject = z.object({ text: z.string().min(1).max(256) })
const styles = ['', 'default', 'danger', 'success', 'primary']

function readInlineButton(value: unknown): Record<string, unknown> {
  if (!isObject(value)) throw cannotRead('InlineKeyboardButton must be an Object')
  const text = requiredText(value, 'text', cannotRead)
  const style = optionalText(value, 'style', cannotRead)
  if (!styles.includes(style.toLowerCase())) throw cannotRead('invalid button style specified')
  const action = actions.find((each) => value[each] !== undefined && value[each] !== '')
  if (action === undefined) throw cannotRead('Text buttons are unallowed in the inline keyboard')
  if (text === '') throw badRequest('inline keyboard button text must be non-empty')
  const others = actions.filter((each) => each !== action)
  const rest = Object.fromEntries(Object.entries(value).filter(([name]) => !others.some((other) => other === name)))
  return { ...rest, text, ...checkAction(action, value) }
}

type Refuse = (why: string) => Error
function requiredText(object: Record<string, unknown>, field: string, refuse: Refuse): string {
  if (object[field] === undefined) throw refuse(`Can't find field "${field}"`)
  return optionalText(object, field, refuse)
}
function optionalText(object: Record<string, unknown>, field: string, refuse: Refuse): string {
  const value = object[field] ?? ''
  if (typeof value !== 'string' && typeof value !== 'number') throw refuse(`Field "${field}" must be of type String`)
  return String(value)
}

/** The checked action, in the form in which it is stored. */
function checkAction(action: Action, button: Record<string, unknown>): Record<string, unknown> {
  const value = button[action]
  switch (action) {
    case 'callback_data': {
      const data = optionalText(button, action, cannotRead)
      if (Buffer.byteLength(data) > 64) throw badRequest('BUTTON_DATA_INVALID')
      return { callback_data: data }
    }
    case 'url': {
      const url = optionalText(button, action, cannotRead)
      const checked = checkedUrl(url)
      if (checked === undefined) throw badRequest(`inline keyboard button URL '${url}' is invalid: Wrong HTTP URL`)
      return { url: checked }
    }
    case 'web_app':
    case 'login_url': {
      if (!isObject(value)) throw cannotRead(`Field "${action}" must be of type Object`)
      const url = requiredText(value, 'url', cannotRead)
      if (!url.startsWith('https://')) {
        const what = action === 'web_app' ? 'Web App' : 'login'
        throw badRequest(`inline keyboard button ${what} URL '${url}' is invalid: Only HTTPS links are allowed`)
      }
      return {}
    }
    case 'copy_text':
      if (!copyObject.safeParse(value).success) throw badRequest('BUTTON_COPY_TEXT_INVALID')
      return {}
    case 'pay':
      return { pay: true }
    default:
      return {}
  }
}

function readReplyKeyboard(value: unknown): Record<string, unknown>[][] {
  return rowsOf(value, 'keyboard').map((row) =>
    row.map((button) => {
      if (typeof button === 'string') return { text: button }
      const refuse = (why: string) => badRequest(`can't parse keyboard button: ${why}`)
      if (!isObject(button)) throw refuse('KeyboardButton must be a String or an Object')
      const text = requiredText(button, 'text', refuse)
      if (text === '') throw badRequest('keyboard button text must be non-empty')
      return { ...button, text }
    }),
  )
}
