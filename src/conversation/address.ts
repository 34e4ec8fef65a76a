import type { Category, OfferKind } from '../catalog/offer.ts'
import type { OfferId, OrderId, QuoteId } from '../kit/ids.ts'
import type { Kopecks } from '../money/amount.ts'
import type { Language } from '../people/person.ts'

/**
 * A place in the menu, or an act that a button stands for. One codec (`encodeAddress`, `decodeAddress` in
 * address-codec.ts) turns it into callback data of at most 64 bytes and back; what was once released is answered for
 * ever.
 */
export type Address =
  | { readonly at: 'home' }
  /** The offers of a category, paged; `free` lists what can be had with free generations. */
  | { readonly at: 'shelf'; readonly shelf: Shelf; readonly page: number }
  | { readonly at: 'offer'; readonly offer: OfferId }
  /** One question of the wizard, about the draft that has this number. */
  | { readonly at: 'ask'; readonly draft: string; readonly field: string }
  /** Answers a question by a button. */
  | { readonly at: 'set'; readonly draft: string; readonly field: string; readonly value: string }
  | { readonly at: 'skip'; readonly draft: string; readonly field: string }
  /** "These are all the pictures." */
  | { readonly at: 'enough'; readonly draft: string; readonly field: string }
  /** Forgets one answer, or (reset) all of them. */
  | { readonly at: 'reset'; readonly draft: string }
  | { readonly at: 'params'; readonly draft: string }
  | { readonly at: 'confirm'; readonly draft: string }
  /** «Запустить»: places the order that this quote promised. */
  | { readonly at: 'run'; readonly quote: QuoteId }
  | { readonly at: 'cancel'; readonly order: OrderId }
  | { readonly at: 'order'; readonly order: OrderId }
  /** The same order once more, from the confirm screen. */
  | { readonly at: 'again'; readonly order: OrderId }
  /** The wizard with this order's inputs filled in. */
  | { readonly at: 'edit'; readonly order: OrderId }
  /** The picture once more (history), or as a file without Telegram's compression. */
  | { readonly at: 'resend'; readonly order: OrderId }
  | { readonly at: 'original'; readonly order: OrderId }
  | { readonly at: 'balance' }
  | { readonly at: 'top_up' }
  | { readonly at: 'top_up_amount'; readonly amount: Kopecks }
  | { readonly at: 'history'; readonly page: number }
  | { readonly at: 'help' }
  /** One of the pages behind help. */
  | { readonly at: 'page'; readonly page: HelpPage }
  | { readonly at: 'language' }
  | { readonly at: 'set_language'; readonly language: Language }
  | { readonly at: 'referral' }
  /** A label that is no button, such as "2 / 5". */
  | { readonly at: 'nowhere' }

export type HelpPage = 'support' | 'terms' | 'privacy'
export type Shelf = Category | OfferKind | 'free'
