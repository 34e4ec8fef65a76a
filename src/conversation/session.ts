import type { ForeignFormat } from '../catalog/foreign-format.ts'
import type { TakenFile, Values } from '../catalog/offer.ts'
import type { Quote } from '../catalog/quote.ts'
import type { Instant } from '../kit/clock.ts'
import type { ChatId, OfferId, PersonId, TopicId } from '../kit/ids.ts'
import type { Kopecks } from '../money/amount.ts'
import type { Refusal } from '../orders/refusal.ts'
import type { Address } from './address.ts'

/** The state of one conversation, kept between updates. `version` is raised when the stored shape changes. */
export type Session = {
  readonly version: 1
  readonly person: PersonId
  readonly chat: ChatId
  /** The topic of the chat in which the person wrote or tapped last. */
  readonly topic?: TopicId
  /** Rises with every drawing; an older drawing never replaces a newer one. */
  readonly revision: number
  readonly place: Address
  readonly draft?: Draft
  /** Photos that came before a model was chosen. */
  readonly photos?: KeptPhotos
  readonly placedAlbum?: PlacedAlbum
  readonly refusedAlbum?: RefusedAlbum
}

/**
 * The parts of an album come as updates of their own, some of them seconds later. So long after the latest one nothing is
 * made of an album, so that the price is not asked for a part of it.
 */
export const albumSettlesMs = 1_500

/** The album that went into the newest order; `isTold`: that a part of it came too late. */
export type PlacedAlbum = { readonly group: string; readonly isTold: boolean }

/** The newest album of which something was refused, and what was said of it. */
export type RefusedAlbum = { readonly group: string; readonly notice: Notice }

export type KeptPhotos = {
  readonly files: readonly TakenFile[]
  readonly at: Instant
  /** The album they came in, and what was written under it. */
  readonly group?: string
  readonly caption?: string
}

/** The answers so far. A draft is not an order: nothing is reserved and nothing is promised but its quote. */
export type Draft = {
  /** Names this draft in buttons, so that a button of an older one is recognized. Eight symbols at most. */
  readonly id: string
  readonly offer: OfferId
  readonly values: Values
  /** The files (by Telegram's unique id) that are being fetched and checked for this field. */
  readonly taking?: { readonly field: string; readonly files: readonly string[] }
  /** The album that the newest picture came in: one message speaks for all of it, also when it was checked in between. */
  readonly album?: string
  readonly quote?: Quote
}

/** A sentence shown once above the next view. Data, so that it can be told in any language. */
export type Notice =
  | { readonly type: 'refused'; readonly refusal: Refusal }
  | { readonly type: 'old_button' }
  | { readonly type: 'session_lost' }
  | { readonly type: 'unexpected_text' }
  | { readonly type: 'unexpected_file' }
  /** A part of an album came when the order with the others was placed. */
  | { readonly type: 'album_part_late' }
  /** A photo came where no model is chosen: it is kept, and those that work from one are shown. */
  | { readonly type: 'choose_for_file' }
  | { readonly type: 'unsupported' }
  | { readonly type: 'too_short'; readonly min: number }
  | { readonly type: 'too_long'; readonly length: number; readonly max: number }
  | { readonly type: 'not_a_number'; readonly min: number; readonly max: number; readonly step: number }
  | { readonly type: 'not_a_picture' }
  | { readonly type: 'foreign_format'; readonly format: ForeignFormat }
  | { readonly type: 'file_too_big'; readonly maxBytes: number }
  | { readonly type: 'too_many_pixels'; readonly maxPixels: number }
  | { readonly type: 'too_many_pictures'; readonly max: number }
  | { readonly type: 'file_lost' }
  /** A text that came while a picture or a choice was asked was kept as the prompt. */
  | { readonly type: 'prompt_kept' }
  /** A text that came on the confirm screen or the panel replaced the prompt. */
  | { readonly type: 'prompt_replaced' }
  | { readonly type: 'choose_a_button' }
  | { readonly type: 'few_pictures'; readonly min: number }
  | { readonly type: 'still_checking' }
  | { readonly type: 'unknown_command' }
  | { readonly type: 'draft_dropped' }
  | { readonly type: 'nothing_to_cancel' }
  | { readonly type: 'order_not_found' }
  | { readonly type: 'already_placed' }
  | { readonly type: 'amount_out_of_range'; readonly min: Kopecks; readonly max: Kopecks }
