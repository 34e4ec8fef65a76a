import { z } from 'zod'

/**
 * What the emulated Telegram keeps. Each record has a schema, because it comes back from disk; the types are read off
 * the schemas. Times are the Bot API's: seconds since 1970 in `date` fields, milliseconds in names that end in `At`.
 */

export const entitySchema = z.object({
  type: z.string(),
  offset: z.number(),
  length: z.number(),
  url: z.string().exactOptional(),
  language: z.string().exactOptional(),
  custom_emoji_id: z.string().exactOptional(),
  user: z.record(z.string(), z.unknown()).exactOptional(),
})
export type Entity = z.infer<typeof entitySchema>

export const formattedSchema = z.object({ text: z.string(), entities: z.array(entitySchema) })
/** A text after parsing: what people see, and where it is bold. Offsets count UTF-16 units. */
export type Formatted = z.infer<typeof formattedSchema>

export const fileKinds = ['photo', 'video', 'animation', 'audio', 'voice', 'document', 'video_note', 'sticker'] as const
export type FileKind = (typeof fileKinds)[number]

export const fileSchema = z.object({
  /** Rises for ever; the name of the file in ids and paths. */
  id: z.number(),
  bot: z.number(),
  kind: z.enum(fileKinds),
  /** SHA-256 of the bytes: the key on the shelf, and the source of `file_unique_id`. */
  digest: z.string(),
  size: z.number(),
  mime: z.string(),
  name: z.string(),
  width: z.number().exactOptional(),
  height: z.number().exactOptional(),
  duration: z.number().exactOptional(),
  title: z.string().exactOptional(),
  performer: z.string().exactOptional(),
})
export type StoredFile = z.infer<typeof fileSchema>

const captioned = { caption: formattedSchema, spoiler: z.boolean(), captionAbove: z.boolean() }

export const invoiceSchema = z.object({
  title: z.string(),
  description: z.string(),
  payload: z.string(),
  currency: z.string(),
  total: z.number(),
  startParameter: z.string(),
  photoUrl: z.string().exactOptional(),
})
export type Invoice = z.infer<typeof invoiceSchema>

export const contentSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('text'),
    body: formattedSchema,
    preview: z.record(z.string(), z.unknown()).exactOptional(),
  }),
  z.object({ type: z.literal('media'), file: fileSchema, ...captioned }),
  z.object({ type: z.literal('invoice'), invoice: invoiceSchema }),
  z.object({ type: z.literal('successful_payment'), invoice: invoiceSchema, charge: z.string() }),
  z.object({ type: z.literal('refunded_payment'), invoice: invoiceSchema, charge: z.string() }),
  z.object({ type: z.literal('pinned'), message: z.number() }),
  z.object({ type: z.literal('topic_created'), name: z.string() }),
])
export type Content = z.infer<typeof contentSchema>
export type MediaContent = Extract<Content, { type: 'media' }>

export const messageSchema = z.object({
  bot: z.number(),
  person: z.number(),
  id: z.number(),
  from: z.enum(['bot', 'person']),
  date: z.number(),
  editDate: z.number().exactOptional(),
  content: contentSchema,
  /** The topic it stands in: the id of the message that began it. */
  topic: z.number().exactOptional(),
  albumId: z.string().exactOptional(),
  /** The inline keyboard, as the bot gave it. */
  inlineKeyboard: z.array(z.array(z.record(z.string(), z.unknown()))).exactOptional(),
  /** A reply keyboard, its removal or a forced reply: shown to the person, never part of the message for the bot. */
  otherMarkup: z.record(z.string(), z.unknown()).exactOptional(),
  replyTo: z.number().exactOptional(),
  forwardOrigin: z.record(z.string(), z.unknown()).exactOptional(),
  protectedContent: z.boolean(),
  reactions: z.array(z.record(z.string(), z.unknown())),
  deleted: z.boolean(),
  /** Position of its last change among all changes; what `after=` of the person's chat compares. */
  cursor: z.number(),
})
export type StoredMessage = z.infer<typeof messageSchema>

export const personSchema = z.object({
  id: z.number(),
  firstName: z.string(),
  username: z.string().exactOptional(),
  languageCode: z.string(),
  /** Bots write to them only after they wrote themselves, as to real people. */
  isStranger: z.boolean().exactOptional(),
})
export type Person = z.infer<typeof personSchema>

/** One pair of bot and person. */
export const chatSchema = z.object({
  bot: z.number(),
  person: z.number(),
  blocked: z.boolean(),
  pinned: z.array(z.number()),
  /** Those that exist; a deleted one is gone. */
  topics: z.array(z.number()).exactOptional(),
  menuButton: z.record(z.string(), z.unknown()).exactOptional(),
})
export type Chat = z.infer<typeof chatSchema>

export const webhookSchema = z.object({
  url: z.string(),
  secret: z.string().exactOptional(),
  ipAddress: z.string().exactOptional(),
  maxConnections: z.number(),
  hasCertificate: z.boolean(),
})
export type Webhook = z.infer<typeof webhookSchema>

const commandSchema = z.object({ command: z.string(), description: z.string() })

export const botSchema = z.object({
  id: z.number(),
  username: z.string(),
  firstName: z.string(),
  webhook: webhookSchema.exactOptional(),
  /** Remembered from call to call, also over `deleteWebhook`; absent: the default set. */
  allowedUpdates: z.array(z.string()).exactOptional(),
  /** Key: scope as JSON, a bar, language code or nothing. */
  commands: z.record(z.string(), z.array(commandSchema)),
  /** Key: `name`, `description` or `short_description`, a bar, language code or nothing. */
  profile: z.record(z.string(), z.string()),
  menuButton: z.record(z.string(), z.unknown()).exactOptional(),
  /** Topics in private chats are switched on, as at BotFather. */
  hasTopics: z.boolean().exactOptional(),
})
export type Bot = z.infer<typeof botSchema>

export const tapSchema = z.object({
  id: z.string(),
  bot: z.number(),
  person: z.number(),
  message: z.number(),
  at: z.number(),
  answer: z
    .object({
      text: z.string().exactOptional(),
      show_alert: z.boolean(),
      url: z.string().exactOptional(),
      cache_time: z.number(),
      at: z.number(),
    })
    .exactOptional(),
})
export type Tap = z.infer<typeof tapSchema>

export const paymentSchema = z.object({
  charge: z.string(),
  bot: z.number(),
  person: z.number(),
  invoice: invoiceSchema,
  date: z.number(),
  refundDate: z.number().exactOptional(),
  /** Position among all transactions of the bot. */
  order: z.number(),
  refundOrder: z.number().exactOptional(),
})
export type Payment = z.infer<typeof paymentSchema>

export const invoiceLinkSchema = z.object({ slug: z.string(), bot: z.number(), invoice: invoiceSchema })
export type InvoiceLink = z.infer<typeof invoiceLinkSchema>

export const pendingUpdateSchema = z.object({
  id: z.number(),
  bot: z.number(),
  kind: z.string(),
  lane: z.string(),
  expiresAt: z.number(),
  payload: z.record(z.string(), z.unknown()),
})
export type PendingUpdate = z.infer<typeof pendingUpdateSchema>
