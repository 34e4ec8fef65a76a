import { declaredFormat } from '../catalog/foreign-format.ts'
import { decodeAddress } from '../conversation/address-codec.ts'
import type { Input, Reaction } from '../conversation/screen.ts'
import type { Session } from '../conversation/session.ts'
import type { View } from '../conversation/view.ts'
import type { Received } from '../inbox/inbox.ts'
import type { ParsedUpdate, Sender, What } from '../inbox/update.ts'
import { type ChatId, type Cid, chatOfPerson, type MessageId, type TopicId } from '../kit/ids.ts'
import { unreachable } from '../kit/unreachable.ts'
import type { Person } from '../people/person.ts'
import type { Facts } from '../telemetry/facts.ts'
import type { KeptSession } from './sessions.ts'

/**
 * One turn of a conversation, without its reads and writes: which update is one, and what its session becomes. Pure; the
 * step on arrival and the step in a transaction use the same functions.
 */
export type Turn = {
  readonly person: Person
  readonly chat: ChatId
  readonly wroteIn?: WroteIn
  readonly cid: Cid
  readonly input: Input
  /** The button that was pressed, and its message when a screen may be drawn over it. */
  readonly tapped?: { readonly id: string; readonly message?: MessageId }
}

/**
 * The topic of the chat in which the person wrote or tapped; undefined when nobody did, or Telegram does not say. Answers
 * go there.
 */
export type WroteIn = { readonly topic?: TopicId }

/** An update that the conversation answers. */
export type Talk = {
  readonly sender: Sender
  readonly chat: ChatId
  readonly wroteIn?: WroteIn
  readonly what: TalkWhat
  readonly input: Input
}
type TalkWhat = Extract<What, { type: 'text' | 'command' | 'photo' | 'document' | 'unsupported' | 'tap' }>

/** Undefined when nobody is to be answered (groups, channels, another bot), or when the update is no part of a conversation. */
export function talkOf({ person: sender, chat, what }: ParsedUpdate): Talk | undefined {
  if (sender === undefined || sender.isBot === true || (chat !== undefined && chat.type !== 'private')) return undefined
  const wroteIn = chat?.topic === undefined ? {} : { topic: chat.topic }
  if (what.type === 'tap') {
    const { message } = what
    // Of a message that is gone Telegram names no topic.
    const where = message === undefined || message.inaccessible ? {} : { wroteIn }
    return { sender, chat: chat?.id ?? chatOfPerson(sender.id), ...where, what, input: inputOf(what) }
  }
  if (chat === undefined || !isSaid(what)) return undefined
  return { sender, chat: chat.id, wroteIn, what, input: inputOf(what) }
}

/** Whether nothing at all follows from it. Money counts in every chat, and without a person it is still told. */
export function isWithoutEffect({ person, chat, what }: ParsedUpdate): boolean {
  if (isAboutMoney(what)) return false
  if (person === undefined || person.isBot === true || (chat !== undefined && chat.type !== 'private')) return true
  switch (what.type) {
    case 'service':
    case 'edited':
    case 'pre_checkout':
      return true
    case 'unknown':
      return what.problem === undefined
    case 'text':
    case 'command':
    case 'photo':
    case 'document':
    case 'unsupported':
      return chat === undefined
    case 'tap':
    case 'blocked':
    case 'unblocked':
      return false
    default:
      return unreachable(what, 'isWithoutEffect')
  }
}

export type MoneyUpdate = Extract<What, { type: 'successful_payment' | 'refunded_payment' | 'unreadable_money' }>

/** Looked at before the kind of chat and who wrote there: money has moved. */
export const isAboutMoney = (what: What): what is MoneyUpdate =>
  what.type === 'successful_payment' || what.type === 'refunded_payment' || what.type === 'unreadable_money'

const isSaid = (what: What): what is Exclude<TalkWhat, { type: 'tap' }> =>
  ['text', 'command', 'photo', 'document', 'unsupported'].includes(what.type)

/** The id of the message whose button was pressed. */
export const tappedMessage = ({ what }: Talk): MessageId | undefined =>
  what.type === 'tap' ? what.message?.id : undefined

export function turnOf({ chat, wroteIn, what, input }: Talk, person: Person, ownsTapped: boolean, cid: Cid): Turn {
  const turn = { person, chat, ...(wroteIn === undefined ? {} : { wroteIn }), cid, input }
  return what.type === 'tap' ? { ...turn, tapped: { id: what.id, ...drawnOver(what, ownsTapped) } } : turn
}

/** A text message, unless it shows an order: a picture keeps its caption, a progress message its order. */
function drawnOver({ message }: Extract<What, { type: 'tap' }>, ownsTapped: boolean): { readonly message?: MessageId } {
  if (message === undefined || !message.hasText || message.inaccessible || ownsTapped) return {}
  return { message: message.id }
}

function inputOf(what: TalkWhat): Input {
  switch (what.type) {
    case 'text':
      return { kind: 'text', text: what.text }
    case 'command':
      return { kind: 'command', name: what.name, payload: what.payload }
    case 'photo':
    case 'document': {
      const format = what.type === 'document' ? declaredFormat(what) : undefined
      const { message, fileId, uniqueId, bytes, group, caption } = what
      if (format !== undefined) return { kind: 'foreign_file', format, ...(group === undefined ? {} : { group }) }
      const more = { ...(group === undefined ? {} : { group }), ...(caption === undefined ? {} : { caption }) }
      const file = { fileId, uniqueId, bytes, ...(message === undefined ? {} : { message }) }
      return { kind: 'file', file, ...more }
    }
    case 'tap': {
      const address = what.data === undefined ? undefined : decodeAddress(what.data)
      return address === undefined ? { kind: 'unknown_button' } : { kind: 'opened', address }
    }
    case 'unsupported':
      // What Telegram calls an animation is what people call a GIF, whatever it is made of.
      return what.holds === 'animation' ? { kind: 'foreign_file', format: 'gif' } : { kind: 'unsupported' }
    default:
      return unreachable(what, 'inputOf')
  }
}

export function freshSession({ person, chat, cid }: Turn): KeptSession {
  const session: Session = { version: 1, person: person.id, chat, revision: 0, place: { at: 'home' } }
  return { session, view: undefined, cid, thread: 1, message: undefined, shownRevision: 0 }
}

/** The conversation where the person is now. */
export function inTopicOf(session: Session, { wroteIn }: Pick<Turn, 'wroteIn'>): Session {
  if (wroteIn === undefined || wroteIn.topic === session.topic) return session
  const { topic: _, ...rest } = session
  return { ...rest, ...wroteIn }
}

/** What the command of a reaction came to, as far as the conversation is concerned. */
export type Outcome = {
  /** Refused: nothing else of the reaction holds. */
  readonly refused: boolean
  /** The tapped message belongs to an order now. */
  readonly handedOver?: boolean
}

/** Where the conversation goes. After a refusal it stays as it was, at the place the reaction names for that case. */
export function nextSession(session: Session, reaction: Reaction, { refused }: Outcome): Session {
  const { draft: before, photos: kept, placedAlbum: former, refusedAlbum: earlier, ...rest } = session
  const revision = session.revision + 1
  const draft = refused || reaction.draft === undefined ? before : (reaction.draft ?? undefined)
  const photos = refused || reaction.photos === undefined ? kept : (reaction.photos ?? undefined)
  const placedAlbum = (refused ? undefined : reaction.placedAlbum) ?? former
  const refusedAlbum = reaction.refusedAlbum ?? earlier
  const place = (refused ? reaction.otherwise : reaction.go) ?? session.place
  return {
    ...rest,
    revision,
    place,
    ...(draft === undefined ? {} : { draft }),
    ...(photos === undefined ? {} : { photos }),
    ...(placedAlbum === undefined ? {} : { placedAlbum }),
    ...(refusedAlbum === undefined ? {} : { refusedAlbum }),
  }
}

/** The session as it is to be kept: with what was drawn (undefined: nothing) and where it is to be shown. */
export function keptAfter(
  before: KeptSession,
  turn: Turn,
  next: Session,
  drawn: View | undefined,
  { inPlace = false, handedOver = false }: { readonly inPlace?: boolean; readonly handedOver?: boolean },
): KeptSession {
  const wasShown = before.shownRevision >= before.session.revision
  return {
    session: next,
    view: drawn ?? before.view,
    cid: drawn === undefined ? before.cid : turn.cid,
    // The screen of a placed order is over; any other that is still on its way stays on its way.
    shownRevision: handedOver || (drawn === undefined && wasShown) ? next.revision : before.shownRevision,
    ...targetOf(before, next, turn, { draws: drawn !== undefined, inPlace, handedOver }),
  }
}

/**
 * Which message the screen is drawn into: the tapped one; the current one when nobody wrote or pressed anything (a file
 * was checked), the reaction says so, or nothing is drawn; else a new one. The message of a placed order belongs to the
 * order from then on.
 */
function targetOf(
  before: KeptSession,
  next: Session,
  { tapped, input }: Turn,
  { draws, inPlace, handedOver }: { draws: boolean; inPlace: boolean; handedOver: boolean },
): Pick<KeptSession, 'thread' | 'message'> {
  const same = { thread: before.thread, message: before.message }
  if (handedOver) return { thread: before.thread + 1, message: undefined }
  const isElsewhere = next.topic !== before.session.topic
  if (!draws || (inPlace && !isElsewhere) || input.kind === 'file_checked') return same
  const message = tapped?.message
  return message !== undefined && message === before.message ? same : { thread: before.thread + 1, message }
}

/** What the log says of a turn: how it came in, where it led, and what was drawn. */
export function noteTurn(
  facts: Facts,
  { cid, updateId }: Pick<Received, 'cid' | 'updateId'>,
  { what, input }: Talk,
  { refused, drawn }: { readonly refused: boolean; readonly drawn: View | undefined },
): void {
  facts.add((t) => {
    if (what.type === 'command') t.emit('COMMAND_RECEIVED', { cid, command: `/${what.name}` })
    else if (what.type !== 'tap') t.emit('MESSAGE_RECEIVED', { cid, message: what.type })
    else {
      t.emit('CALLBACK_RECEIVED', { cid, callback_id: what.id, update_id: updateId })
      t.emit('CALLBACK_ROUTED', { cid, handler: input.kind === 'opened' ? input.address.at : 'unknown' })
    }
    if (drawn !== undefined) t.emit('UI_RENDER', { cid, screen_id: drawn.screen })
    if (what.type !== 'tap') return
    if (input.kind === 'unknown_button') t.emit('CALLBACK_REJECTED', { cid, reason_code: 'UNKNOWN_CALLBACK' })
    else if (refused) t.emit('CALLBACK_REJECTED', { cid, reason_code: 'VALIDATION_FAIL' })
    else t.emit('CALLBACK_ACCEPTED', { cid })
  })
}
