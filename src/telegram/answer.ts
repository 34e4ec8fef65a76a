import type { ChatNo } from '../delivery/chat-gateway.ts'
import { later, never, type Outcome, unknown } from '../kit/outcome.ts'

/**
 * What a refusal of Telegram means. There is no official list of its descriptions and their wording may change
 * [telegram-bot-api 6], so stable fragments are matched in any letter case, and whatever matches nothing is a plain
 * `refused` with Telegram's words for the operator.
 */
export type TelegramNo =
  | ChatNo
  /** Somebody else polls with this token, or a webhook is set. */
  | 'conflict'

export type Refused = {
  readonly method: string
  readonly code: number
  readonly description: string
  readonly retryAfterS?: number
}

/** Anything the server says with 5xx may have been done all the same: `unknown`. */
export function outcomeOfRefusal({ method, code, description, retryAfterS }: Refused): Outcome<never, TelegramNo> {
  const detail = `Telegram answered ${code}: ${description}`
  if (code >= 500) return unknown(detail)
  if (code === 429) return later('too_many', detail, retryAfterS === undefined ? undefined : retryAfterS * 1000)
  const why = reasonOf(code, description)
  // A token is given back, or was refused by a server that has troubles of its own: that ends no work.
  return why === 'token_refused' ? later(why, detail) : never(why, detail, method)
}

function reasonOf(code: number, description: string): TelegramNo {
  switch (code) {
    case 401:
    case 421:
      return 'token_refused'
    case 403:
      return 'blocked'
    case 404:
      // A path with a malformed token is not found; so is a method that this server is too old for.
      return /method not found/i.test(description) ? 'refused' : 'token_refused'
    case 409:
      return 'conflict'
    case 413:
      return 'too_big'
    default:
      return fragments.find(({ pattern }) => pattern.test(description))?.why ?? 'refused'
  }
}

const fragments: readonly { readonly pattern: RegExp; readonly why: ChatNo }[] = [
  {
    pattern:
      /message to (edit|be edited|delete) not found|message can't be (edited|deleted)|no text in the message to edit|no caption in the message to edit|message identifier is not specified|MESSAGE_ID_INVALID/i,
    why: 'message_gone',
  },
  { pattern: /query is too old|query id is invalid|QUERY_ID_INVALID/i, why: 'tap_expired' },
  {
    pattern:
      /chat not found|user not found|chat_id is empty|no access to the user|PEER_ID_INVALID|upgraded to a supergroup/i,
    why: 'no_chat',
  },
  { pattern: /bot was blocked|user is deactivated|can't initiate conversation/i, why: 'blocked' },
  { pattern: /too (big|large)|ENTITY_TOO_LARGE/i, why: 'too_big' },
  {
    pattern:
      /PHOTO_(INVALID|EXT_INVALID|SAVE_FILE_INVALID|CONTENT_TYPE_INVALID)|IMAGE_PROCESS_FAILED|type of file mismatch|can't use file of type|wrong type of the web page content/i,
    why: 'not_a_photo',
  },
  {
    pattern:
      /wrong (remote )?file[_ ]id|wrong file identifier|file is temporarily unavailable|FILE_REFERENCE_|file not found/i,
    why: 'file_gone',
  },
]

/** The topic was deleted or closed; the same without it is taken [telegram-bot-api 6]. */
export const isTopicGone = (refused: Refused): boolean =>
  /message thread not found|TOPIC_(CLOSED|DELETED|ID_INVALID)/i.test(refused.description)
/** The same text is on the screen already, which is what an edit wants. */
export const isNotModified = (refused: Refused): boolean => /message is not modified/i.test(refused.description)
export const isAlreadyRefunded = (refused: Refused): boolean => /CHARGE_ALREADY_REFUNDED/i.test(refused.description)
