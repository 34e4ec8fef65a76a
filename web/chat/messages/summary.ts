import type { Message } from '../api/schema.ts'

/** A message in one line, for the end of a chat's row or the quote in a reply. */
export function summaryOf(message: Message): string {
  return [kindOf(message), message.text ?? message.caption]
    .filter((part) => part !== undefined && part !== '')
    .join(', ')
}

function kindOf(message: Message): string | undefined {
  const { document, invoice } = message
  if (message.photo !== undefined) return 'Photo'
  if (message.animation !== undefined) return 'GIF'
  if ((message.video ?? message.video_note) !== undefined) return 'Video'
  if (message.audio !== undefined) return message.audio.title ?? 'Audio'
  if (message.voice !== undefined) return 'Voice message'
  if (message.sticker !== undefined) return 'Sticker'
  if (document !== undefined) return document.file_name ?? 'File'
  if (invoice !== undefined) return `Invoice: ${invoice.title}`
  if (message.successful_payment !== undefined) return 'Payment'
  if (message.refunded_payment !== undefined) return 'Refund'
  return message.pinned_message_id === undefined ? undefined : 'Pinned a message'
}
