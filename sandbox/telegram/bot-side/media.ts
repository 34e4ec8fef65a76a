import { percentDecoded } from '../../percent.ts'
import type { FileKind, StoredFile } from '../model.ts'
import { probeImage, sniffMime } from '../probe.ts'
import type { Call } from './call.ts'
import { badRequest } from './errors.ts'
import type { Params } from './params.ts'

/**
 * Where a file to send comes from: uploaded with the call, known by its id, or fetched from an address. `load` gets
 * the bytes and checks what needs no decision; `keep` makes the file, or finds it.
 */
export type Source =
  | { readonly from: 'known'; readonly file: StoredFile }
  | { readonly from: 'bytes'; readonly bytes: Uint8Array; readonly mime: string; readonly name: string }

const photoBytesMax = 10 * 1024 * 1024
const photoByUrlBytesMax = 5 * 1024 * 1024
const fileByUrlBytesMax = 20 * 1024 * 1024
const fetchTimeoutMs = 20_000

const wrongFile = () => badRequest('wrong file identifier/HTTP URL specified')

/** `value` is what stands in the field; a file may also be the field itself. */
export async function load(call: Call, kind: FileKind, field: string, value: string | undefined): Promise<Source> {
  const { telegram, bot, params } = call
  const attached = value?.startsWith('attach://') === true ? value.slice('attach://'.length) : undefined
  const upload = params.upload(attached ?? field)
  if (upload !== undefined) return { from: 'bytes', bytes: upload.bytes, mime: upload.mime, name: upload.name }
  if (attached !== undefined) throw wrongFile()
  if (value === undefined || value === '') throw badRequest(`there is no ${kind.replace('_', ' ')} in the request`)
  if (/^https?:\/\//i.test(value)) return fetchFile(call, kind, value)
  const known = telegram.files.byFileId(bot.id, value)
  if (known === undefined) throw wrongFile()
  if (!canBeSentAs(known.file.kind, kind)) throw badRequest('type of file mismatch')
  return { from: 'known', file: known.file }
}

/** A photo stays a photo; files of the other kinds keep their own kind whichever method sends them. */
const canBeSentAs = (is: FileKind, as: FileKind) => (is === 'photo') === (as === 'photo')

async function fetchFile({ telegram }: Call, kind: FileKind, url: string): Promise<Source> {
  const fetched = await telegram.world.outbound.request(url, {
    method: 'GET',
    timeoutMs: fetchTimeoutMs,
    maxBytes: kind === 'photo' ? photoByUrlBytesMax : fileByUrlBytesMax,
  })
  if (fetched.kind === 'refused') throw badRequest(`failed to get HTTP URL content (${fetched.why})`)
  if (fetched.kind === 'failed' || fetched.status !== 200) throw badRequest('failed to get HTTP URL content')
  const mime = (fetched.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
  if (!typesByUrl[kind].test(mime)) throw badRequest('wrong type of the web page content')
  const name = new URL(url).pathname.split('/').at(-1) || 'file'
  return { from: 'bytes', bytes: fetched.body, mime, name: percentDecoded(name) }
}

const typesByUrl = {
  photo: /^image\/(jpeg|png|webp)$/,
  video: /^video\/mp4$/,
  animation: /^(image\/gif|video\/mp4)$/,
  audio: /^audio\/(mpeg|mp3|mp4|x-m4a)$/,
  voice: /^audio\/(ogg|opus)$/,
  document: /^(application\/(pdf|zip|x-zip-compressed)|image\/gif)$/,
  video_note: /^video\/mp4$/,
  sticker: /^image\/webp$/,
} as const satisfies Record<FileKind, RegExp>

/** Makes the file of a source, or refuses bytes that cannot be what they are sent as. Writes; call it last. */
export function keep({ telegram, bot }: Call, kind: FileKind, source: Source, details: Params): StoredFile {
  if (source.from === 'known') return source.file
  const { bytes, mime, name } = source
  if (bytes.byteLength === 0) throw badRequest('file must be non-empty')
  const draft = kind === 'photo' ? readPhoto(bytes) : readMedia(kind, bytes, mime, details)
  return telegram.files.keep(bytes, { bot: bot.id, name: name || `file.${extension(draft.mime)}`, ...draft })
}

type Draft = Omit<StoredFile, 'id' | 'bot' | 'digest' | 'size' | 'name'>

function readPhoto(bytes: Uint8Array): Draft {
  if (bytes.byteLength > photoBytesMax) {
    throw badRequest(
      `file of size ${bytes.byteLength} bytes is too big for a photo; the maximum size is ${photoBytesMax} bytes`,
    )
  }
  const frame = probeImage(bytes)
  if (frame === undefined) throw badRequest('IMAGE_PROCESS_FAILED')
  const { width, height } = frame
  const ratio = Math.max(width, height) / Math.max(1, Math.min(width, height))
  if (width === 0 || height === 0 || width + height > 10_000 || ratio > 20) throw badRequest('PHOTO_INVALID_DIMENSIONS')
  return { kind: 'photo', ...frame }
}

/** Bytes that no player takes as what they were sent as arrive as a document, as in the real world. */
const playable: Partial<Record<FileKind, RegExp>> = {
  video: /^video\//,
  animation: /^(image\/gif|video\/)/,
  audio: /^audio\//,
  voice: /^audio\/ogg$/,
  video_note: /^video\//,
  sticker: /^image\/webp$/,
}

function readMedia(kind: FileKind, bytes: Uint8Array, mime: string, details: Params): Draft {
  const sniffed = sniffMime(bytes)
  const isPlayable = kind === 'document' || (playable[kind]?.test(sniffed ?? '') ?? false)
  const type = sniffed ?? (mime === '' ? 'application/octet-stream' : mime)
  if (!isPlayable || kind === 'document') return { kind: 'document', mime: type }
  const frame = probeImage(bytes)
  const width = details.int('width') ?? details.int('length') ?? frame?.width
  const height = details.int('height') ?? details.int('length') ?? frame?.height
  const title = details.text('title')
  const performer = details.text('performer')
  return {
    kind,
    mime: type,
    duration: details.int('duration') ?? 0,
    ...(width === undefined ? {} : { width }),
    ...(height === undefined ? {} : { height }),
    ...(title === undefined ? {} : { title }),
    ...(performer === undefined ? {} : { performer }),
  }
}

const extension = (mime: string) => mime.split('/').at(-1)?.replace('jpeg', 'jpg').replace('mpeg', 'mp3') ?? 'bin'
