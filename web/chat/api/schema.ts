import * as z from 'zod/mini'

/**
 * What the sandbox's control API answers, as far as the page shows it. Everything that arrives is parsed here once;
 * fields the page does not know are dropped.
 */
const optional = z.optional

const media = z.object({
  url: optional(z.string()),
  width: optional(z.number()),
  height: optional(z.number()),
  duration: optional(z.number()),
  file_name: optional(z.string()),
  mime_type: optional(z.string()),
  file_size: optional(z.number()),
  title: optional(z.string()),
  performer: optional(z.string()),
})
export type Media = z.infer<typeof media>

const entity = z.object({
  type: z.string(),
  offset: z.number(),
  length: z.number(),
  url: optional(z.string()),
  language: optional(z.string()),
})
export type Entity = z.infer<typeof entity>

const inlineButton = z.object({
  text: z.string(),
  callback_data: optional(z.string()),
  url: optional(z.string()),
  pay: optional(z.boolean()),
  copy_text: optional(z.object({ text: z.string() })),
  style: optional(z.enum(['danger', 'success', 'primary'])),
})
export type InlineButton = z.infer<typeof inlineButton>

const replyButton = z.union([z.string(), z.object({ text: z.string() })])

const replyMarkup = z.object({
  inline_keyboard: optional(z.array(z.array(inlineButton))),
  keyboard: optional(z.array(z.array(replyButton))),
  one_time_keyboard: optional(z.boolean()),
  input_field_placeholder: optional(z.string()),
  remove_keyboard: optional(z.boolean()),
})

const invoice = z.object({
  title: z.string(),
  description: optional(z.string()),
  currency: z.string(),
  total_amount: z.number(),
  photo_url: optional(z.string()),
})
export type Invoice = z.infer<typeof invoice>

const payment = z.object({ currency: z.string(), total_amount: z.number() })

const message = z.object({
  message_id: z.number(),
  from: z.enum(['bot', 'person']),
  date: z.number(),
  edited: z.boolean(),
  deleted: z.boolean(),
  text: optional(z.string()),
  entities: optional(z.array(entity)),
  caption: optional(z.string()),
  caption_entities: optional(z.array(entity)),
  photo: optional(media),
  video: optional(media),
  animation: optional(media),
  audio: optional(media),
  voice: optional(media),
  video_note: optional(media),
  sticker: optional(media),
  document: optional(media),
  media_group_id: optional(z.string()),
  has_spoiler: optional(z.boolean()),
  has_media_spoiler: optional(z.boolean()),
  show_caption_above_media: optional(z.boolean()),
  invoice: optional(invoice),
  successful_payment: optional(payment),
  refunded_payment: optional(payment),
  reply_markup: optional(replyMarkup),
  reply_to_message_id: optional(z.number()),
  pinned_message_id: optional(z.number()),
  reactions: optional(z.array(z.object({ emoji: optional(z.string()) }))),
})
export type Message = z.infer<typeof message>

export const chatPart = z.object({
  cursor: z.number(),
  messages: z.array(message),
  /** The person has blocked the bot and writes nothing to it. */
  blocked: optional(z.boolean()),
})

const person = z.object({
  id: z.number(),
  first_name: z.string(),
  username: optional(z.string()),
  language_code: optional(z.string()),
  face: optional(z.number()),
})
export type Person = z.infer<typeof person>
export const personMade = z.object({ id: z.number() })
export const people = z.object({ people: z.array(person) })

const command = z.object({ command: z.string(), description: z.string() })
export type Command = z.infer<typeof command>

const bot = z.object({
  id: z.number(),
  username: z.string(),
  first_name: z.string(),
  /** Both by language, or `default`. */
  commands: optional(z.record(z.string(), z.array(command))),
  descriptions: optional(z.record(z.string(), z.string())),
  webhook: optional(z.object({ url: optional(z.string()), pending: optional(z.number()) })),
})
export type Bot = z.infer<typeof bot>
export const bots = z.object({ bots: z.array(bot) })

export const sent = z.object({ message_id: z.number() })
export const tapped = z.object({ callback_query_id: z.string() })

/** The bot's answer to a tap; a text is a toast, or an alert that has to be closed. */
export interface TapAnswer {
  readonly text?: string | undefined
  readonly show_alert: boolean
  readonly url?: string | undefined
}

export const paymentEnded = z.object({
  outcome: z.enum(['paid', 'declined', 'refused', 'timeout', 'abandoned']),
  error_message: optional(z.string()),
})
export type PaymentEnded = z.infer<typeof paymentEnded>

export const feedEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('chat'), person: z.number(), bot: z.number() }),
  z.object({ type: z.literal('typing'), person: z.number(), bot: z.number(), action: z.string() }),
  z.object({
    type: z.literal('tap_answered'),
    person: z.number(),
    bot: z.number(),
    callback_query_id: z.string(),
    text: optional(z.string()),
    show_alert: z.boolean(),
    url: optional(z.string()),
  }),
  z.object({ type: z.literal('world'), what: z.string() }),
])
export type FeedEvent = z.infer<typeof feedEvent>

export const refusal = z.object({ error: z.string() })
