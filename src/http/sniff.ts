import type { ForeignFormat } from '../catalog/foreign-format.ts'

/**
 * Tells what a file is by its first bytes, never by its name or by what a server says about it. Pure.
 */
export type Picture = {
  readonly mime: PictureMime
  readonly width: number
  readonly height: number
  /** How a JPEG wants to be turned and mirrored: 2 to 8 of EXIF. Absent: it is upright. */
  readonly orientation?: number
}
export type PictureMime = 'image/png' | 'image/jpeg' | 'image/webp' | 'image/gif'

/** A picture with its size in pixels; `undefined` when the bytes are none, or their header is broken. */
export function sniffPicture(bytes: Uint8Array): Picture | undefined {
  const picture = png(bytes) ?? jpeg(bytes) ?? webp(bytes) ?? gif(bytes)
  return picture !== undefined && picture.width > 0 && picture.height > 0 ? picture : undefined
}

/** A picture that KIE's models take as an input: JPEG, PNG or WebP, and nothing that moves [kie-models-notes]. */
export function sniffInput(bytes: Uint8Array): Picture | undefined {
  const picture = sniffPicture(bytes)
  return picture?.mime === 'image/gif' || isAnimated(bytes) ? undefined : picture
}

/** Which well-known format the bytes have that no model takes; undefined when they have none of them. */
export function sniffForeign(bytes: Uint8Array): ForeignFormat | undefined {
  if (holds(bytes, 4, 'ftyp')) return isoFormat(bytes)
  if (isAnimated(bytes)) return 'animation'
  const head = heads.find(([, ...marks]) => marks.some((mark) => holds(bytes, 0, mark)))
  if (head !== undefined) return head[0]
  // Readers of PDF look for its mark in the first kilobyte; text and byte order marks may stand before an SVG's.
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 1024)).toString('latin1')
  if (start.includes('%PDF-')) return 'pdf'
  return /^[^<]{0,8}<(?:\?xml|!--|!doctype svg|svg)/i.test(start) && /<svg[\s>]/i.test(start) ? 'svg' : undefined
}

const heads: readonly (readonly [ForeignFormat, ...string[]])[] = [
  ['gif', 'GIF87a', 'GIF89a'],
  ['raw', 'II*\0\x10\0\0\0CR', 'IIU\0', 'IIRO', 'IIRS', 'MMOR', 'FUJIFILMCCD-RAW'],
  ['tiff', 'II*\0', 'MM\0*', 'II+\0', 'MM\0+'],
  ['psd', '8BPS'],
  ['jxl', '\xff\x0a', '\0\0\0\x0cJXL \r\n\x87\n'],
  ['bmp', 'BM'],
]

/** The brands of an ISO base media file: a picture in one may name `mif1` first and its codec only after that. */
function isoFormat(bytes: Uint8Array): ForeignFormat | undefined {
  const end = Math.min(bytes.length, viewOf(bytes).getUint32(0), 256)
  const brands: string[] = []
  for (let at = 8; at + 4 <= end; at += 4) {
    // What stands between the first brand and the others is its version.
    if (at !== 12) brands.push(String.fromCharCode(...bytes.subarray(at, at + 4)))
  }
  if (brands.some((brand) => brand === 'avif' || brand === 'avis')) return 'avif'
  if (brands.some((brand) => heicBrands.has(brand))) return 'heic'
  return brands[0] === 'crx ' ? 'raw' : undefined
}
const heicBrands: ReadonlySet<string> = new Set([
  'heic',
  'heix',
  'hevc',
  'hevx',
  'heim',
  'heis',
  'hevm',
  'hevs',
  'mif1',
  'msf1',
])

function png(bytes: Uint8Array): Picture | undefined {
  if (!holds(bytes, 0, '\x89PNG\r\n\x1a\n') || !holds(bytes, 12, 'IHDR') || bytes.length < 24) return undefined
  const view = viewOf(bytes)
  return { mime: 'image/png', width: view.getUint32(16), height: view.getUint32(20) }
}

function gif(bytes: Uint8Array): Picture | undefined {
  if (!(holds(bytes, 0, 'GIF87a') || holds(bytes, 0, 'GIF89a')) || bytes.length < 10) return undefined
  const view = viewOf(bytes)
  return { mime: 'image/gif', width: view.getUint16(6, true), height: view.getUint16(8, true) }
}

/** The size stands in the frame header, after any number of other segments (Exif with its own preview, profiles). */
function jpeg(bytes: Uint8Array): Picture | undefined {
  if (!holds(bytes, 0, '\xff\xd8\xff')) return undefined
  const view = viewOf(bytes)
  let orientation: number | undefined
  let at = 2
  while (at + 9 <= bytes.length) {
    if (view.getUint8(at) !== 0xff) return undefined
    const marker = view.getUint8(at + 1)
    if (marker === 0xff) {
      at += 1 // A fill byte before the marker.
    } else if (isFrame(marker)) {
      const size = { width: view.getUint16(at + 7), height: view.getUint16(at + 5) }
      return { mime: 'image/jpeg', ...size, ...(orientation === undefined ? {} : { orientation }) }
    } else if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
      at += 2 // A marker without a segment.
    } else {
      const next = at + 2 + view.getUint16(at + 2)
      if (marker === 0xe1 && holds(bytes, at + 4, 'Exif\0\0'))
        orientation ??= orientationOf(bytes.subarray(at + 10, next))
      at = next
    }
  }
  return undefined
}

/** The orientation that the first directory of EXIF's TIFF says; undefined when it is upright, or says nothing. */
function orientationOf(tiff: Uint8Array): number | undefined {
  if (tiff.length < 8) return undefined
  const view = viewOf(tiff)
  const isLittle = holds(tiff, 0, 'II')
  const first = view.getUint32(4, isLittle) + 2
  if (first > tiff.length) return undefined
  const end = Math.min(first + 12 * view.getUint16(first - 2, isLittle), tiff.length)
  for (let at = first; at + 12 <= end; at += 12) {
    if (view.getUint16(at, isLittle) !== 0x0112) continue
    const orientation = view.getUint16(at + 8, isLittle)
    return orientation >= 2 && orientation <= 8 ? orientation : undefined
  }
  return undefined
}

/** SOF0 to SOF15, without the three numbers among them that mean tables. */
const isFrame = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc

function webp(bytes: Uint8Array): Picture | undefined {
  if (!holds(bytes, 0, 'RIFF') || !holds(bytes, 8, 'WEBP') || bytes.length < 30) return undefined
  const view = viewOf(bytes)
  const mime = 'image/webp'
  if (holds(bytes, 12, 'VP8X')) {
    return { mime, width: 1 + uint24(view, 24), height: 1 + uint24(view, 27) }
  }
  if (holds(bytes, 12, 'VP8 ') && holds(bytes, 23, '\x9d\x01\x2a')) {
    // The two upper bits ask for scaling, which no program does.
    return { mime, width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff }
  }
  if (holds(bytes, 12, 'VP8L') && bytes[20] === 0x2f) {
    const sizes = view.getUint32(21, true)
    return { mime, width: 1 + (sizes & 0x3fff), height: 1 + ((sizes >>> 14) & 0x3fff) }
  }
  return undefined
}

/** Moving WebP says so in its first chunk, moving PNG in a chunk before its pixels. */
function isAnimated(bytes: Uint8Array): boolean {
  if (holds(bytes, 0, 'RIFF') && holds(bytes, 8, 'WEBPVP8X')) return ((bytes[20] ?? 0) & 0x02) !== 0
  if (!holds(bytes, 0, '\x89PNG\r\n\x1a\n')) return false
  const view = viewOf(bytes)
  for (let at = 8; at + 12 <= bytes.length && !holds(bytes, at + 4, 'IDAT'); at += 12 + view.getUint32(at)) {
    if (holds(bytes, at + 4, 'acTL')) return true
  }
  return false
}

const uint24 = (view: DataView, at: number): number => view.getUint16(at, true) | (view.getUint8(at + 2) << 16)

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

function holds(bytes: Uint8Array, at: number, letters: string): boolean {
  for (let i = 0; i < letters.length; i++) if (bytes[at + i] !== letters.charCodeAt(i)) return false
  return true
}
