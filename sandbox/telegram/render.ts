import { unreachable } from '../../src/kit/unreachable.ts'
import { fileIdOf, photoSizes, uniqueIdOf } from './files.ts'
import type { Bot, Formatted, Invoice, Person, StoredFile, StoredMessage } from './model.ts'

/** How records look to a bot: the Bot API's JSON. */
export type Json = { readonly [key: string]: unknown }

export function botUser(bot: Bot): Json {
  return { id: bot.id, is_bot: true, first_name: bot.firstName, username: bot.username }
}

export function personUser(person: Person): Json {
  return {
    id: person.id,
    is_bot: false,
    first_name: person.firstName,
    ...(person.username === undefined ? {} : { username: person.username }),
    language_code: person.languageCode,
  }
}

export function privateChat(person: Person): Json {
  return {
    id: person.id,
    first_name: person.firstName,
    ...(person.username === undefined ? {} : { username: person.username }),
    type: 'private',
  }
}

/** The two sides of a message, and how to find the one it replies to. */
export type Parties = {
  readonly bot: Bot
  readonly person: Person
  readonly find: (id: number) => StoredMessage | undefined
}

export function botMessage(message: StoredMessage, parties: Parties): Json {
  return renderMessage(message, parties, true)
}

/** What a deleted message looks like inside a callback query. */
export function inaccessibleMessage(person: Person, messageId: number): Json {
  return { chat: privateChat(person), message_id: messageId, date: 0 }
}

function renderMessage(message: StoredMessage, parties: Parties, withReply: boolean): Json {
  const { bot, person, find } = parties
  const reply = withReply && message.replyTo !== undefined ? find(message.replyTo) : undefined
  return {
    message_id: message.id,
    from: message.from === 'bot' ? botUser(bot) : personUser(person),
    chat: privateChat(person),
    date: message.date,
    ...(message.topic === undefined ? {} : { message_thread_id: message.topic, is_topic_message: true }),
    ...(message.editDate === undefined ? {} : { edit_date: message.editDate }),
    ...(message.forwardOrigin === undefined ? {} : { forward_origin: message.forwardOrigin }),
    ...(reply === undefined ? {} : { reply_to_message: renderMessage(reply, parties, false) }),
    ...(message.albumId === undefined ? {} : { media_group_id: message.albumId }),
    ...(message.protectedContent ? { has_protected_content: true } : {}),
    ...renderContent(message, parties),
    ...(message.inlineKeyboard === undefined ? {} : { reply_markup: { inline_keyboard: message.inlineKeyboard } }),
  }
}

function renderContent({ bot, content }: StoredMessage, parties: Parties): Json {
  switch (content.type) {
    case 'text':
      return {
        ...formatted('text', 'entities', content.body),
        ...(content.preview === undefined ? {} : { link_preview_options: content.preview }),
      }
    case 'media':
      return {
        ...renderFile(bot, content.file),
        ...formatted('caption', 'caption_entities', content.caption),
        ...(content.spoiler ? { has_media_spoiler: true } : {}),
        ...(content.captionAbove ? { show_caption_above_media: true } : {}),
      }
    case 'invoice':
      return { invoice: renderInvoice(content.invoice) }
    case 'successful_payment':
      return {
        successful_payment: {
          ...renderPayment(content.invoice, content.charge),
          provider_payment_charge_id: providerChargeOf(content.charge),
        },
      }
    case 'refunded_payment':
      return { refunded_payment: renderPayment(content.invoice, content.charge) }
    case 'topic_created':
      return { forum_topic_created: { name: content.name, icon_color: 0x6fb9f0 } }
    case 'pinned': {
      const pinned = parties.find(content.message)
      return {
        pinned_message:
          pinned === undefined
            ? inaccessibleMessage(parties.person, content.message)
            : renderMessage(pinned, parties, false),
      }
    }
    default:
      return unreachable(content, 'renderContent')
  }
}

function formatted(textKey: string, entitiesKey: string, { text, entities }: Formatted): Json {
  if (text === '') return {}
  return { [textKey]: text, ...(entities.length === 0 ? {} : { [entitiesKey]: entities }) }
}

export function renderInvoice(invoice: Invoice): Json {
  return {
    title: invoice.title,
    description: invoice.description,
    start_parameter: invoice.startParameter,
    currency: invoice.currency,
    total_amount: invoice.total,
  }
}

const renderPayment = (invoice: Invoice, charge: string): Json => ({
  currency: invoice.currency,
  total_amount: invoice.total,
  invoice_payload: invoice.payload,
  telegram_payment_charge_id: charge,
})

/** Stars have no outside provider; the id is there and means nothing. */
const providerChargeOf = (charge: string) => `${charge.split('_')[1] ?? '0'}_0`

/** The media fields of a message with this file. */
export function renderFile(bot: number, file: StoredFile): Json {
  const ids = { file_id: fileIdOf(bot, file), file_unique_id: uniqueIdOf(file), file_size: file.size }
  const named = { file_name: file.name, mime_type: file.mime, ...ids }
  const frame = { width: file.width ?? 0, height: file.height ?? 0 }
  const duration = { duration: file.duration ?? 0 }
  switch (file.kind) {
    case 'photo':
      return {
        photo: photoSizes(file).map(({ letter, width, height }) => ({
          file_id: fileIdOf(bot, file, letter),
          file_unique_id: uniqueIdOf(file, letter),
          file_size: file.size,
          width,
          height,
        })),
      }
    case 'video':
      return { video: { ...duration, ...frame, ...named } }
    case 'animation': {
      const animation = { ...duration, ...frame, ...named }
      // Older clients look for a document; the server sends both.
      return { animation, document: named }
    }
    case 'audio':
      return {
        audio: {
          ...duration,
          ...named,
          ...(file.title === undefined ? {} : { title: file.title }),
          ...(file.performer === undefined ? {} : { performer: file.performer }),
        },
      }
    case 'voice':
      return { voice: { ...duration, mime_type: file.mime, ...ids } }
    case 'document':
      return { document: named }
    case 'video_note':
      return { video_note: { ...duration, length: file.width ?? 240, ...ids } }
    case 'sticker':
      return { sticker: { ...frame, is_animated: false, is_video: false, type: 'regular', ...ids } }
    default:
      return unreachable(file.kind, 'renderFile')
  }
}
