/**
 * The one codec between addresses and callback data. What it writes is at most 64 bytes, as Telegram demands; what it
 * reads came from outside and may be anything: unknown, forged, or of another version, it is `undefined` and never an
 * exception. A form that was once released is read for ever.
 *
 * Our own form is `1:<where>:<arguments>`. The predecessor's entry points keep theirs, because their buttons stand in
 * chats that are years old.
 */
import { offerId, parseOrderId, parseQuoteId } from '../kit/ids.ts'
import { unreachable } from '../kit/unreachable.ts'
import { kopecks } from '../money/amount.ts'
import type { Address, HelpPage, Shelf } from './address.ts'

/** Telegram takes callback data of 1 to 64 bytes. */
export const addressBytesMax = 64
const version = '1'

/** Callback data for a button. Throws when it would not fit: an id or a name of the catalog is too long. */
export function encodeAddress(address: Address): string {
  const data = entryFormOf(address) ?? [version, address.at, ...argumentsOf(address)].join(':')
  const bytes = new TextEncoder().encode(data).length
  if (bytes > addressBytesMax) throw new Error(`callback data of ${bytes} bytes: ${data}`)
  return data
}

/** The address that callback data stands for; undefined when it is none of ours. */
export function decodeAddress(data: string): Address | undefined {
  const entry = entries.get(data)
  if (entry !== undefined) return entry
  const [form, at, ...rest] = data.split(':')
  return form === version && at !== undefined ? addressFrom(at, rest) : undefined
}

const image: Address = { at: 'shelf', shelf: 'image', page: 0 }
const free: Address = { at: 'shelf', shelf: 'free', page: 0 }
const history: Address = { at: 'history', page: 0 }

/** The predecessor's entry points. The first form of an address is the one that is written. */
const entryForms: readonly (readonly [string, Address])[] = [
  ['back_to_menu', { at: 'home' }],
  ['cat:image', image],
  ['cat:video', { at: 'shelf', shelf: 'video', page: 0 }],
  ['cat:audio', { at: 'shelf', shelf: 'audio', page: 0 }],
  ['gen_type:text-to-image', { at: 'shelf', shelf: 'text-to-image', page: 0 }],
  ['gen_type:image-to-image', { at: 'shelf', shelf: 'image-to-image', page: 0 }],
  ['fast_tools', free],
  ['check_balance', { at: 'balance' }],
  ['topup_balance', { at: 'top_up' }],
  ['my_generations', history],
  ['menu:help', { at: 'help' }],
  ['referral_info', { at: 'referral' }],
  // Further forms of the same places.
  ['menu:main', { at: 'home' }],
  ['main_menu', { at: 'home' }],
  ['show_models', image],
  ['all_models', image],
  ['show_all_models_list', image],
  ['menu:generate', image],
  ['menu:categories', { at: 'home' }],
  ['free_tools', free],
  ['menu:free', free],
  ['gallery:free', free],
  ['menu:balance', { at: 'balance' }],
  ['balance:main', { at: 'balance' }],
  ['balance:topup', { at: 'top_up' }],
  ['topup_custom', { at: 'top_up' }],
  ['menu:history', history],
  ['history:main', history],
  ['help_menu', { at: 'help' }],
  ['menu:support', { at: 'page', page: 'support' }],
  ['support_contact', { at: 'page', page: 'support' }],
  ['set_language:ru', { at: 'set_language', language: 'ru' }],
  ['set_language:en', { at: 'set_language', language: 'en' }],
  ['noop', { at: 'nowhere' }],
]
const entries: ReadonlyMap<string, Address> = new Map(entryForms)

function entryFormOf(address: Address): string | undefined {
  switch (address.at) {
    case 'home':
    case 'top_up':
    case 'balance':
    case 'help':
    case 'referral':
      return entryForms.find(([, entry]) => entry.at === address.at)?.[0]
    case 'history':
      return address.page === 0 ? 'my_generations' : undefined
    case 'shelf':
      return address.page === 0
        ? entryForms.find(([, entry]) => entry.at === 'shelf' && entry.shelf === address.shelf)?.[0]
        : undefined
    default:
      return undefined
  }
}

function argumentsOf(address: Address): readonly string[] {
  switch (address.at) {
    case 'shelf':
      return [address.shelf, `${address.page}`]
    case 'offer':
      return [address.offer]
    case 'ask':
    case 'skip':
    case 'enough':
      return [address.draft, address.field]
    case 'set':
      return [address.draft, address.field, address.value]
    case 'reset':
    case 'params':
    case 'confirm':
      return [address.draft]
    case 'run':
      return [address.quote]
    case 'cancel':
    case 'order':
    case 'again':
    case 'edit':
    case 'resend':
    case 'original':
      return [address.order]
    case 'top_up_amount':
      return [`${address.amount}`]
    case 'history':
      return [`${address.page}`]
    case 'page':
      return [address.page]
    case 'set_language':
      return [address.language]
    case 'home':
    case 'balance':
    case 'top_up':
    case 'help':
    case 'language':
    case 'referral':
    case 'nowhere':
      return []
    default:
      return unreachable(address, 'argumentsOf')
  }
}

function addressFrom(at: string, rest: readonly string[]): Address | undefined {
  const [first = '', second = ''] = rest
  switch (at) {
    case 'home':
    case 'balance':
    case 'top_up':
    case 'help':
    case 'language':
    case 'referral':
    case 'nowhere':
      return rest.length === 0 ? { at } : undefined
    case 'shelf': {
      const page = pageFrom(second)
      return isShelf(first) && page !== undefined && rest.length === 2 ? { at, shelf: first, page } : undefined
    }
    case 'offer':
      return rest.length === 1 && offerShape.test(first) ? { at, offer: offerId(first) } : undefined
    case 'ask':
    case 'skip':
    case 'enough':
      return rest.length === 2 && isField(first, second) ? { at, draft: first, field: second } : undefined
    case 'set': {
      // A value may hold colons itself, such as 16:9.
      const value = rest.slice(2).join(':')
      return value !== '' && isField(first, second) ? { at, draft: first, field: second, value } : undefined
    }
    case 'reset':
    case 'params':
    case 'confirm':
      return rest.length === 1 && draftShape.test(first) ? { at, draft: first } : undefined
    case 'run': {
      const quote = rest.length === 1 ? parseQuoteId(first) : undefined
      return quote && { at, quote }
    }
    case 'cancel':
    case 'order':
    case 'again':
    case 'edit':
    case 'resend':
    case 'original': {
      const order = rest.length === 1 ? parseOrderId(first) : undefined
      return order && { at, order }
    }
    case 'top_up_amount':
      return rest.length === 1 && amountShape.test(first) ? { at, amount: kopecks(Number(first)) } : undefined
    case 'history': {
      const page = rest.length === 1 ? pageFrom(first) : undefined
      return page === undefined ? undefined : { at, page }
    }
    case 'page':
      return rest.length === 1 && isHelpPage(first) ? { at, page: first } : undefined
    case 'set_language':
      return rest.length === 1 && (first === 'ru' || first === 'en') ? { at, language: first } : undefined
    default:
      return undefined
  }
}

const offerShape = /^[a-z0-9][a-z0-9._-]{0,23}$/
const draftShape = /^[A-Za-z0-9_-]{1,8}$/
const fieldShape = /^[A-Za-z0-9_.-]{1,40}$/
const pageShape = /^(0|[1-9]\d{0,3})$/
const amountShape = /^[1-9]\d{0,8}$/

const isField = (draft: string, field: string): boolean => draftShape.test(draft) && fieldShape.test(field)
const pageFrom = (text: string): number | undefined => (pageShape.test(text) ? Number(text) : undefined)
const isHelpPage = (text: string): text is HelpPage => text === 'support' || text === 'terms' || text === 'privacy'
const isShelf = (text: string): text is Shelf =>
  ['image', 'video', 'audio', 'text-to-image', 'image-to-image', 'free'].includes(text)
