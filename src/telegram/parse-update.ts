import { z } from 'zod'
import type { ParsedUpdate, PeekedUpdate, PreCheckout, Sender, SentMedia, What } from '../inbox/update.ts'
import {
  type ChatId,
  chargeId,
  chatId,
  type Lane,
  laneOfChat,
  laneOfKind,
  laneOfPerson,
  type MessageId,
  messageId,
  type PersonId,
  personId,
  type TopicId,
  topicId,
} from '../kit/ids.ts'

/**
 * Reads what Telegram sent. `peekUpdate` is for intake, which must be quick and must not judge: it finds what an update
 * is filed under. `parseUpdate` is for dispatch, which works from the stored body.
 *
 * Both take Telegram as it comes: fields nobody knows are ignored, kinds nobody knows are `unknown`, and a known kind
 * that does not read is `unknown` with its problem, so that somebody can be told. Only a body that is no JSON object
 * with an `update_id` is a fault: intake lets no such body in.
 */

/** `undefined` when it is no update: no object, or no `update_id`. */
export function peekUpdate(body: unknown): PeekedUpdate | undefined {
  const update = recordOf(body)
  const updateId = update?.['update_id']
  if (update === undefined || !isId(updateId)) return undefined
  const kind = kindOf(update)
  const content = recordOf(update[kind])
  const person = senderIdOf(content)
  const preCheckout = kind === 'pre_checkout_query' ? preCheckoutShape.safeParse(content).data : undefined
  return {
    updateId,
    kind,
    lane: laneOf(person, chatOf(content)?.id, kind),
    ...(person === undefined ? {} : { person }),
    ...(preCheckout === undefined ? {} : { preCheckout }),
  }
}

/**
 * Reads a stored body; `parsed` is what `JSON.parse` made of it, where that is at hand. Throws only for what intake would
 * have refused.
 */
export function parseUpdate(raw: string, parsed: unknown = parseJson(raw)): ParsedUpdate {
  const body = mayHoldBroken.test(raw) ? repaired(parsed) : parsed
  const peeked = peekUpdate(body)
  if (peeked === undefined) throw new Error('the update is no object with an update_id')
  const { updateId, kind, lane } = peeked
  const content = recordOf(recordOf(body)?.[kind])
  const person = senderOf(content)
  const chat = chatOf(content)
  return {
    updateId,
    kind,
    lane,
    ...(person === undefined ? {} : { person }),
    ...(chat === undefined ? {} : { chat }),
    what: whatOf(kind, content),
  }
}

function parseJson(raw: string): unknown {
  try {
    return JSON.parse(raw)
  } catch (cause) {
    throw new Error('the stored update is not JSON', { cause })
  }
}

/**
 * PostgreSQL stores no NUL and no half of a surrogate pair, and neither is text. JSON can write both as escapes only, so
 * few bodies need a closer look.
 */
const mayHoldBroken = /\\u(?:0000|d[89a-f])/i

/** The same value with every string in it cleaned, whatever it is a name of. */
function repaired(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('\0', '').toWellFormed()
  if (Array.isArray(value)) return value.map(repaired)
  if (!isRecord(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [String(repaired(name)), repaired(each)]))
}

function whatOf(kind: string, content: Fields | undefined): What {
  if (content === undefined) return { type: 'unknown' }
  // Payments first: whatever else the update holds, and in whatever kind of chat, money has moved.
  const money = moneyOf(content)
  if (money !== undefined) return money
  switch (kind) {
    case 'message':
      return messageOf(content)
    case 'edited_message':
      return { type: 'edited' }
    case 'callback_query':
      return read(tapShape, content)
    case 'pre_checkout_query': {
      const query = preCheckoutShape.safeParse(content)
      return query.success ? { type: 'pre_checkout', ...query.data } : unread(query.error)
    }
    case 'my_chat_member':
      return membershipOf(content)
    default:
      return { type: 'unknown' }
  }
}

function moneyOf(message: Fields): What | undefined {
  const type = (['successful_payment', 'refunded_payment'] as const).find((each) => each in message)
  if (type === undefined) return undefined
  const paid = paymentShape(type).safeParse(message[type])
  return paid.success ? paid.data : { type: 'unreadable_money', problem: z.prettifyError(paid.error) }
}

function messageOf(message: Fields): What {
  const at = messageNumber(message['message_id'])
  if (typeof message['text'] === 'string') return textOf(message['text'], at)
  if ('photo' in message) return read(photoShape, message)
  // An animation comes with a document beside it, for programs that know no animations.
  if ('document' in message && !('animation' in message)) return read(documentShape, message)
  const fields = Object.keys(message)
  const note = fields.find((field) => serviceField.test(field))
  if (note !== undefined) return { type: 'service', holds: note }
  return { type: 'unsupported', holds: fields.find((field) => mediaFields.has(field)) ?? 'something else', ...at }
}

function textOf(text: string, at: { readonly message?: MessageId }): What {
  const command = /^\/([A-Za-z0-9_]{1,32})(?:@([A-Za-z0-9_]{1,64}))?(?:\s+([\s\S]*))?$/.exec(text)
  if (command === null) return { type: 'text', text, ...at }
  const [, name = '', bot, payload = ''] = command
  return { type: 'command', name: name.toLowerCase(), payload: payload.trim(), ...given({ bot }), ...at }
}

function membershipOf(change: Fields): What {
  if (chatOf(change)?.type !== 'private') return { type: 'unknown' }
  const status = recordOf(change['new_chat_member'])?.['status']
  if (status === 'kicked') return { type: 'blocked' }
  if (status === 'member') return { type: 'unblocked' }
  return { type: 'unknown', problem: 'my_chat_member without a status that a private chat can have' }
}

const mediaFields = new Set(
  'animation audio checklist contact dice game live_photo location paid_media poll rich_message sticker story venue video video_note voice'.split(
    ' ',
  ),
)
/** Telegram's own notes have many names, and new ones come along these lines. */
const serviceField =
  /^(new_chat_|left_chat_|delete_chat_|(group|supergroup|channel|community)_chat_|chat_|users?_shared|migrate_|pinned_message|message_auto_delete_|(general_)?forum_topic_|video_chat_|giveaway|gift|unique_gift|connected_website|write_access_allowed|passport_data|proximity_alert_|boost_added|web_app_data|suggested_post_|(paid|direct)_message_price_|checklist_tasks_|poll_option_|managed_bot_|invoice$)/

function read(shape: z.ZodType<What>, value: unknown): What {
  const result = shape.safeParse(value)
  return result.success ? result.data : unread(result.error)
}

const unread = (error: z.ZodError): What => ({ type: 'unknown', problem: z.prettifyError(error) })

/** A field whose value is not what it should be counts as absent: leniency, where a refusal would lose an update. */
const text = z.string().optional().catch(undefined)
const count = z.number().int().optional().catch(undefined)

const file = z.object({
  file_id: z.string().min(1),
  file_unique_id: z.string().catch(''),
  file_size: z.number().catch(0),
})
const around = { message_id: count, media_group_id: text, caption: text }

const photoShape = z
  .object({ photo: z.array(file).min(1), ...around })
  .transform((message): What => ({ type: 'photo', ...mediaOf(message, largest(message.photo)) }))

const documentShape = z
  .object({ document: file.extend({ file_name: text, mime_type: text }), ...around })
  .transform((message): What => {
    const { file_name: name, mime_type: mime } = message.document
    return { type: 'document', ...mediaOf(message, message.document), ...given({ name, mime }) }
  })

const paymentShape = (type: 'successful_payment' | 'refunded_payment') =>
  z
    .object({
      telegram_payment_charge_id: z.string().min(1),
      // A payload we cannot read is credited all the same, as one that we do not know.
      invoice_payload: z.string().catch(''),
      total_amount: z.number().int(),
      currency: z.string().min(1),
    })
    .transform(
      (payment): What => ({
        type,
        charge: chargeId(payment.telegram_payment_charge_id),
        payload: payment.invoice_payload,
        totalAmount: payment.total_amount,
        currency: payment.currency,
      }),
    )

const preCheckoutShape = z
  .object({ id: z.string().min(1), currency: z.string(), total_amount: z.number().int(), invoice_payload: z.string() })
  .transform(
    ({ id, currency, total_amount: totalAmount, invoice_payload: payload }): PreCheckout => ({
      id,
      currency,
      totalAmount,
      payload,
    }),
  )

const tapShape = z
  .object({
    id: z.string().min(1),
    data: text,
    message: z
      .object({ message_id: z.number().int(), date: z.number().catch(0), text: z.unknown().optional() })
      .optional()
      .catch(undefined),
  })
  .transform(({ id, data, message }): What => {
    const under = message && {
      id: messageId(message.message_id),
      hasText: typeof message.text === 'string',
      inaccessible: message.date === 0,
    }
    return { type: 'tap', id, ...given({ data, message: under }) }
  })

function mediaOf(
  message: z.infer<z.ZodObject<typeof around>>,
  { file_id: fileId, file_unique_id: uniqueId, file_size: bytes }: z.infer<typeof file>,
): SentMedia {
  const { message_id, media_group_id: group, caption } = message
  return { fileId, uniqueId, bytes, ...messageNumber(message_id), ...given({ group, caption }) }
}

/** Telegram lists the sizes of a photo from small to large, and says so nowhere. */
function largest(sizes: readonly z.infer<typeof file>[]): z.infer<typeof file> {
  return sizes.reduce((best, size) => (size.file_size >= best.file_size ? size : best))
}

type Fields = Readonly<Record<string, unknown>>

const isRecord = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const recordOf = (value: unknown): Fields | undefined => (isRecord(value) ? value : undefined)

/** An update has one field beside its id; a name of it that could not be Telegram's is not carried any further. */
function kindOf(update: Fields): string {
  const kind = Object.keys(update).find((field) => field !== 'update_id' && isRecord(update[field]))
  return kind !== undefined && /^[a-z_]{1,40}$/.test(kind) ? kind : 'unknown'
}

function laneOf(person: PersonId | undefined, chat: ChatId | undefined, kind: string): Lane {
  if (person !== undefined) return laneOfPerson(person)
  return chat !== undefined ? laneOfChat(chat) : laneOfKind(kind)
}

/** Who did it: `from` nearly everywhere, `user` in reactions, poll answers and subscriptions. */
function senderFieldsOf(content: Fields | undefined): Fields | undefined {
  return recordOf(content?.['from']) ?? recordOf(content?.['user'])
}

function senderIdOf(content: Fields | undefined): PersonId | undefined {
  const id = senderFieldsOf(content)?.['id']
  return isId(id) && id > 0 ? personId(id) : undefined
}

function senderOf(content: Fields | undefined): Sender | undefined {
  const id = senderIdOf(content)
  const fields = senderFieldsOf(content)
  if (id === undefined || fields === undefined) return undefined
  return {
    id,
    ...(fields['is_bot'] === true ? { isBot: true } : {}),
    firstName: stringOf(fields['first_name']) ?? '',
    ...given({ username: stringOf(fields['username']), languageCode: stringOf(fields['language_code']) }),
  }
}

/** Of a message, or of the message under a tapped button. */
function chatOf(content: Fields | undefined): ParsedUpdate['chat'] {
  const message = recordOf(content?.['chat']) === undefined ? recordOf(content?.['message']) : content
  const chat = recordOf(message?.['chat'])
  const id = chat?.['id']
  if (!isId(id)) return undefined
  return { id: chatId(id), type: stringOf(chat?.['type']) ?? 'unknown', ...topicOf(message) }
}

/** `message_thread_id` alone may be a thread of replies, which is no topic. */
function topicOf(message: Fields | undefined): { readonly topic?: TopicId } {
  const id = message?.['message_thread_id']
  return message?.['is_topic_message'] === true && isId(id) ? { topic: topicId(id) } : {}
}

function messageNumber(value: unknown): { readonly message?: MessageId } {
  return isId(value) ? { message: messageId(value) } : {}
}

const isId = (value: unknown): value is number => Number.isSafeInteger(value)
const stringOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

type Given<T> = { readonly [Key in keyof T]?: Exclude<T[Key], undefined> }
/** Without the keys whose value is `undefined`, so that what is absent has one form. */
function given<T extends object>(fields: T): Given<T>
function given(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}
