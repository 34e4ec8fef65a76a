import type { TakenFile, Value, Values } from '../catalog/offer.ts'
import { instant } from '../kit/clock.ts'
import { type ChatId, offerId, type PersonId, topicId } from '../kit/ids.ts'
import type { Address } from './address.ts'
import { addressBytesMax, decodeAddress, encodeAddress } from './address-codec.ts'
import type { Draft, KeptPhotos, Session } from './session.ts'

/**
 * Reads a conversation as it was stored. Pure. Every version that may stand in the table is read here and nowhere else.
 * What a newer program wrote (after a rollback) is restored: the person is at home, with the draft and the photos where
 * they can be read, and is told so. It is never an error, because the person could do nothing about it.
 */
export type ReadSession = {
  readonly session: Session
  /** Not all of it could be read. */
  readonly isRestored: boolean
}

/** What the columns beside the stored session say. */
export type SessionColumns = { readonly person: PersonId; readonly chat: ChatId; readonly revision: number }

export function readSession(stored: unknown, { person, chat, revision }: SessionColumns): ReadSession {
  const { version, place, draft, photos, topic } = isRecord(stored) ? stored : {}
  // Written by this program or one like it, so the rest is as its type says.
  if (version === 1 && isPlace(place)) return { session: stored as Session, isRestored: false }
  const restoredDraft = readDraft(draft)
  const restoredPhotos = readPhotos(photos)
  return {
    session: {
      version: 1,
      person,
      chat,
      ...(typeof topic === 'number' ? { topic: topicId(topic) } : {}),
      revision,
      place: { at: 'home' },
      ...(restoredDraft === undefined ? {} : { draft: restoredDraft }),
      ...(restoredPhotos === undefined ? {} : { photos: restoredPhotos }),
    },
    isRestored: true,
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** As a table, so that a new place does not compile until it stands here. */
const places: Readonly<Record<Address['at'], true>> = {
  home: true,
  shelf: true,
  offer: true,
  ask: true,
  set: true,
  skip: true,
  enough: true,
  reset: true,
  params: true,
  confirm: true,
  run: true,
  cancel: true,
  order: true,
  again: true,
  edit: true,
  resend: true,
  original: true,
  balance: true,
  top_up: true,
  top_up_amount: true,
  history: true,
  help: true,
  page: true,
  language: true,
  set_language: true,
  referral: true,
  nowhere: true,
}

/** A place that this program knows, with everything that belongs to it: what the codec writes and reads the same. */
function isPlace(value: unknown): value is Address {
  if (!isRecord(value) || typeof value['at'] !== 'string' || !Object.hasOwn(places, value['at'])) return false
  const parts = Object.values(value)
  if (!parts.every((part) => typeof part === 'string' || typeof part === 'number')) return false
  // The codec throws for what does not fit a button; no place is longer.
  if (new TextEncoder().encode(`1:${parts.join(':')}`).length > addressBytesMax) return false
  const read = decodeAddress(encodeAddress(value as Address))
  return read !== undefined && Object.entries(read).every(([name, part]) => value[name] === part)
}

/** Its quote is left out: what it promised may have been another price. */
function readDraft(value: unknown): Draft | undefined {
  if (!isRecord(value)) return undefined
  const { id, offer, values, album } = value
  if (typeof id !== 'string' || typeof offer !== 'string' || !isValues(values)) return undefined
  const taking = readTaking(value['taking'])
  return {
    id,
    offer: offerId(offer),
    values,
    ...(taking === undefined ? {} : { taking }),
    ...(typeof album === 'string' ? { album } : {}),
  }
}

function readTaking(value: unknown): Draft['taking'] {
  if (!isRecord(value)) return undefined
  const { field, files } = value
  return typeof field === 'string' && isListOf(files, isText) ? { field, files } : undefined
}

function readPhotos(value: unknown): KeptPhotos | undefined {
  if (!isRecord(value)) return undefined
  const { files, at, group, caption } = value
  if (!isListOf(files, isFile) || typeof at !== 'number') return undefined
  return {
    files,
    at: instant(at),
    ...(typeof group === 'string' ? { group } : {}),
    ...(typeof caption === 'string' ? { caption } : {}),
  }
}

const isText = (value: unknown): value is string => typeof value === 'string'

const isFile = (value: unknown): value is TakenFile =>
  isRecord(value) && isText(value['fileId']) && isText(value['uniqueId']) && typeof value['bytes'] === 'number'

const isListOf = <Item>(value: unknown, isItem: (item: unknown) => item is Item): value is readonly Item[] =>
  Array.isArray(value) && value.every(isItem)

const isValues = (value: unknown): value is Values => isRecord(value) && Object.values(value).every(isValue)

const isValue = (value: unknown): value is Value =>
  ['string', 'number', 'boolean'].includes(typeof value) || isListOf(value, isFile)
