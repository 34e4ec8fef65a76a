import { createHash } from 'node:crypto'
import type { World } from '../world.ts'
import { type FileKind, fileSchema, type StoredFile } from './model.ts'
import { padded, Table } from './table.ts'

/**
 * Files and their ids. A `file_id` belongs to one bot, one file and, for photos, one size; a `file_unique_id` says
 * that two files have the same bytes, for every bot, and cannot be sent. The bytes are kept as they came: photos are
 * not compressed again, all their sizes lead to the same bytes, and only the stated dimensions differ.
 */
export class Files {
  readonly #world: World
  readonly #table: Table<StoredFile>

  constructor(world: World) {
    this.#world = world
    this.#table = new Table(world.shelf, 'telegram/files/', fileSchema)
  }

  keep(bytes: Uint8Array, file: Omit<StoredFile, 'id' | 'digest' | 'size'>): StoredFile {
    const digest = createHash('sha256').update(bytes).digest('hex')
    const id = this.#world.shelf.next('telegram/file')
    this.#world.shelf.putFile(`telegram/${digest}`, bytes)
    return this.#table.put(padded(id), { ...file, id, digest, size: bytes.byteLength })
  }

  byNumber(id: number): StoredFile | undefined {
    return this.#table.get(padded(id))
  }

  bytes(file: StoredFile): Uint8Array | undefined {
    return this.#world.shelf.getFile(`telegram/${file.digest}`)
  }

  /** The file behind a `file_id` of this bot; undefined for every other text. */
  byFileId(bot: number, fileId: string): { file: StoredFile; letter: string } | undefined {
    const [, number, letter] = fileIdShape.exec(decode(fileId)) ?? []
    const file = number === undefined ? undefined : this.byNumber(Number(number))
    if (file === undefined || letter === undefined) return undefined
    return fileIdOf(bot, file, letter) === fileId ? { file, letter } : undefined
  }

  clear(): void {
    this.#table.clear()
  }
}

const prefixes = {
  photo: 'AgACAgIAAx',
  video: 'BAACAgIAAx',
  animation: 'CgACAgIAAx',
  audio: 'CQACAgIAAx',
  voice: 'AwACAgIAAx',
  document: 'BQACAgIAAx',
  video_note: 'DQACAgIAAx',
  sticker: 'CAACAgIAAx',
} as const satisfies Record<FileKind, string>

const prefixLength = prefixes.photo.length
const fileIdShape = /^(\d{1,15})\.([a-z])\./

function decode(fileId: string): string {
  return Buffer.from(fileId.slice(prefixLength), 'base64url').toString('latin1')
}

export function fileIdOf(bot: number, file: StoredFile, letter = 'd'): string {
  // The digest makes the id depend on the bot without showing it, and unguessable enough to notice a mistyped one.
  const check = createHash('sha256').update(`${bot}/${file.id}/${letter}/${file.digest}`).digest('hex').slice(0, 24)
  return prefixes[file.kind] + Buffer.from(`${file.id}.${letter}.${check}`, 'latin1').toString('base64url')
}

export function uniqueIdOf(file: StoredFile, letter = 'd'): string {
  return `AQAD${createHash('sha256').update(`${file.digest}/${letter}`).digest('base64url').slice(0, 11)}`
}

export type PhotoSize = { readonly letter: string; readonly width: number; readonly height: number }

/** Telegram's boxes; the largest entry is the picture itself. */
const boxes = [
  ['s', 90],
  ['m', 320],
  ['x', 800],
  ['y', 1280],
] as const

/** The sizes a photo is offered in, smallest first. */
export function photoSizes(file: StoredFile): readonly PhotoSize[] {
  const { width = 1, height = 1 } = file
  const longest = Math.max(width, height)
  const smaller = boxes
    .filter(([, box]) => box < longest)
    .map(([letter, box]) => ({
      letter,
      width: Math.max(1, Math.round((width * box) / longest)),
      height: Math.max(1, Math.round((height * box) / longest)),
    }))
  return [...smaller, { letter: 'w', width, height }]
}

/** The path in `getFile`'s answer. */
export function filePathOf(file: StoredFile): string {
  const folder = { photo: 'photos', video: 'videos', voice: 'voice', audio: 'music', animation: 'animations' } as const
  const place = file.kind in folder ? Reflect.get(folder, file.kind) : 'documents'
  const extension = /\.[A-Za-z0-9]{1,8}$/.exec(file.name)?.[0] ?? ''
  return `${place}/file_${file.id}${extension}`
}
