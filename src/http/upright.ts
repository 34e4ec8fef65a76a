import { createExclusion } from '../kit/exclusion.ts'
import { type Picture, sniffInput } from './sniff.ts'

/**
 * A picture as models are to see it. Phones store what the sensor saw and say in EXIF how to turn it; programs that show
 * it do, models do not. Such a JPEG is turned here, whatever its orientation; any other picture is left byte for byte.
 */
export type Upright = Picture & { readonly bytes: Uint8Array }

/** What is larger is not turned: 50 megapixels, of which libvips keeps no more than 100 MB in memory. */
const turnedPixelsMax = 50_000_000
const turnWithinS = 20
/** Nobody sees a difference, and the file stays about as large as it was. */
const quality = 92

/** One at a time: 24 megapixels take 100 MB for half a second. */
const exclusion = createExclusion()

/** Undefined when the bytes are no picture that models take, or one that has to be turned and cannot be decoded. */
export async function uprightInput(bytes: Uint8Array): Promise<Upright | undefined> {
  const picture = sniffInput(bytes)
  if (picture?.orientation === undefined) return picture === undefined ? undefined : { ...picture, bytes }
  const turned = await exclusion.alone(() => turn(bytes)).catch(() => undefined)
  const after = turned === undefined ? undefined : sniffInput(turned)
  return turned === undefined || after === undefined ? undefined : { ...after, bytes: turned }
}

/** Rejects when it cannot be decoded. The library takes 20 MB of memory, so it is loaded by the first who needs it. */
async function turn(bytes: Uint8Array): Promise<Uint8Array> {
  const { default: sharp } = await import('sharp')
  sharp.cache(false)
  sharp.concurrency(1)
  return await sharp(bytes, { limitInputPixels: turnedPixelsMax, failOn: 'error' })
    .timeout({ seconds: turnWithinS })
    .autoOrient()
    .keepIccProfile()
    // Better coding would keep all coefficients: 480 MB instead of 195 for 24 megapixels.
    .jpeg({ quality, optimiseCoding: false })
    .toBuffer()
}
