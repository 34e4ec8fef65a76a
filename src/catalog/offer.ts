import type { MessageId, OfferId } from '../kit/ids.ts'

/**
 * What we sell: a model of KIE in one mode, its inputs, and its price rows. Offers are data (`offers/`), compiled and
 * checked at start; `compile-catalog.ts` names file, line and field of what is wrong.
 */
export type Offer = {
  /** A slug of at most 24 bytes: it stands in buttons. Never reused for another model. */
  readonly id: OfferId
  /** KIE's model string, sent as is. */
  readonly model: string
  readonly family: 'market'
  readonly category: Category
  readonly kind: OfferKind
  readonly title: string
  readonly maker: string
  /** What it does, one or two sentences. */
  readonly about: Localized
  /** A prompt that works well, shown on the card. */
  readonly example: Localized
  readonly fields: readonly Field[]
  /** Inputs that are always sent and never asked. */
  readonly constants: Readonly<Record<string, string | number | boolean>>
  readonly prices: readonly PriceRow[]
  /** The field whose number says how many pictures are made: rows of unit `image` are multiplied by it. */
  readonly countField?: string
  /** What every picture that is handed in adds to the price. */
  readonly imageExtra?: ImageExtra
  /** Combinations that KIE refuses. They have no price and cannot be sold. */
  readonly excluded: readonly Combination[]
  /** How long we wait before an unanswered submit, or a silent task, is given up. Milliseconds. */
  readonly deadlines: { readonly uncertainMs: number; readonly lostMs: number }
}

export type Category = 'image' | 'video' | 'audio'
export type OfferKind = 'text-to-image' | 'image-to-image'
export type Localized = { readonly ru: string; readonly en: string }

/** A field is addressed by `name`, which is KIE's name of the input, never by its position. */
export type Field = TextField | ChoiceField | SwitchField | NumberField | ImagesField
type Named = { readonly name: string; readonly label: Localized; readonly required: boolean }
export type TextField = Named & {
  readonly type: 'text'
  /** `prompt` is the wish itself; `extra` is an optional text such as a negative prompt. */
  readonly role: 'prompt' | 'extra'
  /** In characters as people count them: an emoji is one. */
  readonly minLength: number
  /** In UTF-16 code units, the strictest way to count, so that KIE never finds more than we did. */
  readonly maxLength: number
}
export type ChoiceField = Named & {
  readonly type: 'choice'
  readonly options: readonly { readonly value: string; readonly label: Localized }[]
  readonly initial?: string
}
export type SwitchField = Named & { readonly type: 'switch'; readonly initial?: boolean }
export type NumberField = Named & {
  readonly type: 'number'
  readonly min: number
  readonly max: number
  readonly step: number
  readonly initial?: number
  /** A few models want a number written as text. */
  readonly wire: 'number' | 'text'
}
export type ImagesField = Named & {
  readonly type: 'images'
  readonly min: number
  readonly max: number
  readonly maxBytes: number
  /** Width times height, where KIE has a limit. */
  readonly maxPixels?: number
  /** Whether KIE wants one URL as a string, or a list. */
  readonly wire: 'url' | 'list'
}

/** Values of fields that are met together. */
export type Combination = Readonly<Record<string, string | number | boolean>>

/**
 * One row of the price list: it applies when every condition of `when` equals the input. Credits and dollars are
 * decimal strings. With no matching row, or with two, the inputs are not sellable.
 */
export type PriceRow = {
  readonly when: Combination
  readonly unit: 'image' | 'request' | 'generation'
  readonly credits: string
  readonly usd: string
  /** These inputs may be paid with a free generation. */
  readonly free: boolean
  /** Why the dollars are not 0.005 a credit, where KIE's own price list is like that. */
  readonly conflict?: string
}

/** An addition to the price for each picture of `field` after the first `included` ones. */
export type ImageExtra = {
  readonly field: string
  readonly included: number
  readonly credits: string
  readonly usd: string
}

/** A file a person gave us, known by Telegram's ids; checked by its bytes before it counts. */
export type TakenFile = {
  readonly fileId: string
  readonly uniqueId: string
  readonly bytes: number
  /** In pixels, as they stand in the file; known once the bytes were checked. */
  readonly width?: number
  readonly height?: number
  /** The message it came in. Files keep the order of their messages; ones without are older than those with. */
  readonly message?: MessageId
}
export type Value = string | number | boolean | readonly TakenFile[]
/** The inputs of a draft by field name. What is absent takes the field's `initial`, or is not sent. */
export type Values = Readonly<Record<string, Value>>

/** Every offer, compiled and checked once at start. */
export interface Catalog {
  /** In the order of the shelf: free ones first, then by price. */
  readonly offers: readonly Offer[]
  get(id: OfferId): Offer | undefined
  /** Categories that have offers. */
  readonly categories: readonly Category[]
}
