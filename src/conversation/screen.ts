import type { ForeignFormat } from '../catalog/foreign-format.ts'
import type { Catalog, Offer, TakenFile } from '../catalog/offer.ts'
import type { Pricing } from '../catalog/quote.ts'
import type { Instant } from '../kit/clock.ts'
import type { OrderId, QuoteId } from '../kit/ids.ts'
import type { Kopecks } from '../money/amount.ts'
import type { FreeLeft } from '../money/ledger.ts'
import type { Order } from '../orders/order.ts'
import type { Durations } from '../orders/order-store.ts'
import type { Language, Person } from '../people/person.ts'
import type { Address } from './address.ts'
import type { Draft, KeptPhotos, Notice, PlacedAlbum, RefusedAlbum, Session } from './session.ts'
import type { Texts } from './texts/texts.ts'
import type { View } from './view.ts'

/** What a screen may ask the step to read for it, inside the step's transaction and in one round trip. */
export type Reads = {
  readonly balance: Kopecks
  readonly free: FreeLeft
  /** A page of the person's orders, newest first, with one more than fits so that "next" is known. */
  readonly orders: readonly Order[]
  /** The order that the address names (for `run`: the order its quote became), only if it is this person's. */
  readonly order: Order | undefined
  /** Measured durations of the offer that the address or the draft names. */
  readonly durations: Durations | undefined
}
export type Need = keyof Reads

/** What every screen sees. */
export type Seen = {
  readonly now: Instant
  readonly person: Person
  readonly session: Session
  readonly catalog: Catalog
  readonly pricing: Pricing
  readonly shop: Shop
  readonly texts: Texts
  readonly reads: Partial<Reads>
  /** Ids minted for this step, should the screen need one. */
  readonly fresh: { readonly quote: QuoteId; readonly draft: string }
}
/** What the operator set. */
export type Shop = {
  readonly freeDaily: number
  readonly starsPerRub: string
  readonly botUsername: string
  readonly supportTelegram?: string
  readonly supportText?: string
  /** Nothing can be made now, so nothing is sold. */
  readonly isSellingPaused?: boolean
  /** What KIE has left for us, a decimal string; absent while it is not known. */
  readonly credits?: string
  /** The shop's day and clock, an IANA name; dates are told in it. */
  readonly timezone?: string
}

/** What a person did. */
export type Input =
  | { readonly kind: 'opened'; readonly address: Address }
  /** A button that no version of ours knows. */
  | { readonly kind: 'unknown_button' }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'command'; readonly name: string; readonly payload: string }
  /** `caption` is what was written under it: taken as the prompt where one is missing. */
  | { readonly kind: 'file'; readonly file: TakenFile; readonly group?: string; readonly caption?: string }
  /** How a file that was being checked turned out. */
  | { readonly kind: 'file_checked'; readonly file: TakenFile; readonly verdict: FileVerdict }
  /** A sticker, a voice message, a contact …: nothing of it fits anywhere. */
  | { readonly kind: 'unsupported' }
  /** A file that says itself that it is in a format no model takes. */
  | { readonly kind: 'foreign_file'; readonly format: ForeignFormat; readonly group?: string }
export type FileVerdict = 'picture' | ForeignFormat | 'not_a_picture' | 'too_big' | 'lost'

/**
 * What follows from an input. Absent `go` means: stay, and draw again. When the command is refused, nothing else of the
 * reaction holds: the conversation goes to `otherwise` (or stays) and the refusal is shown there as a notice.
 */
export type Reaction = {
  readonly go?: Address
  readonly otherwise?: Address
  /** `null` forgets the draft. */
  readonly draft?: Draft | null
  /** `null` forgets the photos that waited for a model. */
  readonly photos?: KeptPhotos | null
  readonly placedAlbum?: PlacedAlbum
  readonly refusedAlbum?: RefusedAlbum
  readonly notice?: Notice
  /** Answers the tap with a short text of at most 200 characters. */
  readonly toast?: string
  readonly command?: Command
  /** Nothing is drawn (a label was pressed, one more picture of an album is awaited). */
  readonly still?: boolean
  /** Drawn into the newest message of ours, though somebody wrote: one more picture of an album asks for no other. */
  readonly inPlace?: boolean
}

/** What the step carries out in the same transaction. A refusal of it becomes a notice. */
export type Command =
  | { readonly type: 'place_order'; readonly quote: QuoteId }
  | { readonly type: 'cancel_order'; readonly order: OrderId }
  | { readonly type: 'open_top_up'; readonly amount: Kopecks }
  | { readonly type: 'set_language'; readonly language: Language }
  /** Of an album, more may come: it is waited for before the files are taken (`albumSettlesMs`). */
  | { readonly type: 'take_files'; readonly files: readonly TakenFile[]; readonly isAlbum?: true }
  /** Takes away the keyboard that a former program left below the chat. */
  | { readonly type: 'remove_keyboard' }
  | { readonly type: 'send_again'; readonly order: OrderId; readonly as: 'photo' | 'document' }

/**
 * One place of the menu: what it reads, how it is drawn, what it makes of an input. Pure. `draw` may renew the draft
 * (the confirm screen puts a quote into it).
 */
export type Screen = {
  readonly needs: readonly Need[]
  /** What it reads to react; nothing, unless it says so. */
  readonly reactNeeds?: readonly Need[]
  draw(seen: Seen, place: Address): { readonly view: View; readonly draft?: Draft }
  react?(seen: Seen, place: Address, input: Input): Reaction | undefined
}

/** What the messages of an order are drawn from: its progress, its result, its failure. */
export type OrderSeen = {
  readonly now: Instant
  readonly order: Order
  readonly offer: Offer | undefined
  readonly texts: Texts
  readonly durations?: Durations
  /** What can be spent now, without what is held. */
  readonly balance?: Kopecks
  readonly free?: FreeLeft
  /** What of the money that came back has paid a debt. */
  readonly debtPaid?: Kopecks
}
