import { unreachable } from '../../../src/kit/unreachable.ts'
import { fileIdOf, uniqueIdOf } from '../files.ts'
import type { Formatted, StoredFile, StoredMessage } from '../model.ts'
import { type Json, renderInvoice } from '../render.ts'

/** A message as the person sees it. `origin` is where media are fetched from. */
export function viewOf(message: StoredMessage, origin: string): Json {
  return {
    message_id: message.id,
    from: message.from,
    date: message.date,
    ...(message.topic === undefined ? {} : { topic: message.topic }),
    edited: message.editDate !== undefined,
    deleted: message.deleted,
    ...(message.editDate === undefined ? {} : { edit_date: message.editDate }),
    ...(message.replyTo === undefined ? {} : { reply_to_message_id: message.replyTo }),
    ...(message.forwardOrigin === undefined ? {} : { forward_origin: message.forwardOrigin }),
    ...(message.albumId === undefined ? {} : { media_group_id: message.albumId }),
    ...(message.reactions.length === 0 ? {} : { reactions: message.reactions }),
    ...contentView(message, origin),
    ...(message.inlineKeyboard === undefined ? {} : { reply_markup: { inline_keyboard: message.inlineKeyboard } }),
    ...(message.otherMarkup === undefined ? {} : { reply_markup: message.otherMarkup }),
  }
}

function contentView({ bot, content }: StoredMessage, origin: string): Json {
  switch (content.type) {
    case 'text':
      return written('text', 'entities', content.body)
    case 'media':
      return {
        [content.file.kind]: fileView(bot, content.file, origin),
        ...written('caption', 'caption_entities', content.caption),
        ...(content.spoiler ? { has_media_spoiler: true } : {}),
        ...(content.captionAbove ? { show_caption_above_media: true } : {}),
      }
    case 'invoice': {
      const { photoUrl } = content.invoice
      return {
        invoice: { ...renderInvoice(content.invoice), ...(photoUrl === undefined ? {} : { photo_url: photoUrl }) },
      }
    }
    case 'successful_payment':
    case 'refunded_payment':
      return {
        [content.type]: {
          currency: content.invoice.currency,
          total_amount: content.invoice.total,
          title: content.invoice.title,
          telegram_payment_charge_id: content.charge,
        },
      }
    case 'topic_created':
      return { topic_created: content.name }
    case 'pinned':
      return { pinned_message_id: content.message }
    default:
      return unreachable(content, 'contentView')
  }
}

function written(textKey: string, entitiesKey: string, { text, entities }: Formatted): Json {
  if (text === '') return {}
  return { [textKey]: text, ...(entities.length === 0 ? {} : { [entitiesKey]: entities }) }
}

function fileView(bot: number, file: StoredFile, origin: string): Json {
  const { width, height, duration, title, performer } = file
  return {
    url: `${origin}/sandbox/v1/files/${file.id}/${encodeURIComponent(file.name)}`,
    file_id: fileIdOf(bot, file, file.kind === 'photo' ? 'w' : 'd'),
    file_unique_id: uniqueIdOf(file, file.kind === 'photo' ? 'w' : 'd'),
    file_size: file.size,
    file_name: file.name,
    mime_type: file.mime,
    ...(width === undefined ? {} : { width }),
    ...(height === undefined ? {} : { height }),
    ...(duration === undefined ? {} : { duration }),
    ...(title === undefined ? {} : { title }),
    ...(performer === undefined ? {} : { performer }),
  }
}
