import type { Outcome } from '../kit/outcome.ts'
import type { ArtifactUrl } from '../orders/order.ts'

/** Where produced files are fetched from. A port; the fetcher behind it checks addresses, sizes and bytes. */
export interface ArtifactSource {
  fetch(url: ArtifactUrl): Promise<Outcome<ArtifactFile, ArtifactNo>>
}
export type ArtifactFile = {
  readonly bytes: Uint8Array
  readonly mime: string
  readonly width?: number
  readonly height?: number
}
export type ArtifactNo =
  /** The link is dead and no other could be had. */
  | 'gone'
  /** What came is not what was promised (a web page, an unknown format). */
  | 'not_a_picture'
  | 'too_big'
  | 'unreachable'
  /** The address is not a public one. */
  | 'forbidden'
  /** The name of its host leads to no public address: the resolver of this machine is wrong. */
  | 'misresolved'

/** Telegram takes photos up to 10 MB with width + height <= 10,000 and a ratio of at most 20 [telegram-bot-api 4.2]. */
const photoBytesMax = 10 * 1024 * 1024
const photoSidesMax = 10_000
const photoRatioMax = 20
/** Nothing larger can be uploaded by a bot. */
export const uploadBytesMax = 50 * 1024 * 1024

/** A photo shows its picture at once; what cannot be a photo is sent as a document. */
export function bestForm({ bytes, mime, width, height }: ArtifactFile): 'photo' | 'document' {
  if (bytes.length > photoBytesMax || mime === 'image/gif') return 'document'
  if (width === undefined || height === undefined) return 'document'
  if (width + height > photoSidesMax) return 'document'
  return Math.max(width, height) / Math.max(1, Math.min(width, height)) > photoRatioMax ? 'document' : 'photo'
}
