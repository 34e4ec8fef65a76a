import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import sharp from 'sharp'
import { sniffPicture } from './sniff.ts'
import { uprightInput } from './upright.ts'

const width = 48
const height = 32
type Colour = readonly [red: number, green: number, blue: number]
/** Upright, the quarters have these colours: every turn and mirror image of it is another picture. */
const [red, green, blue, yellow]: readonly Colour[] = [
  [200, 30, 30],
  [30, 180, 30],
  [30, 30, 200],
  [220, 210, 30],
]
const colourAt = (x: number, y: number): Colour | undefined =>
  y < height / 2 ? (x < width / 2 ? red : green) : x < width / 2 ? blue : yellow

/** Where the pixel x, y of the upright picture is stored [EXIF 2.32, tag 0x0112]. */
const stored: Readonly<Record<number, (x: number, y: number) => readonly [number, number]>> = {
  1: (x, y) => [x, y],
  2: (x, y) => [width - 1 - x, y],
  3: (x, y) => [width - 1 - x, height - 1 - y],
  4: (x, y) => [x, height - 1 - y],
  5: (x, y) => [y, x],
  6: (x, y) => [y, width - 1 - x],
  7: (x, y) => [height - 1 - y, width - 1 - x],
  8: (x, y) => [height - 1 - y, x],
}

async function photoWith(orientation: number): Promise<Buffer> {
  const isTurned = orientation >= 5
  const [storedWidth, storedHeight] = isTurned ? [height, width] : [width, height]
  const pixels = Buffer.alloc(width * height * 3)
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) {
      const [column = 0, row = 0] = stored[orientation]?.(x, y) ?? []
      pixels.set(colourAt(x, y) ?? [], (row * storedWidth + column) * 3)
    }
  }
  return await sharp(pixels, { raw: { width: storedWidth, height: storedHeight, channels: 3 } })
    .withMetadata({ orientation })
    .jpeg({ quality: 95 })
    .toBuffer()
}

describe('a photo is handed on upright', () => {
  for (const orientation of [2, 3, 4, 5, 6, 7, 8]) {
    it(`when EXIF calls its orientation ${orientation}`, async () => {
      const photo = await photoWith(orientation)
      assert.equal(sniffPicture(photo)?.orientation, orientation)
      const upright = await uprightInput(photo)
      assert.deepEqual([upright?.mime, upright?.width, upright?.height], ['image/jpeg', width, height])
      assert.equal(upright?.orientation, undefined)
      const { data, info } = await sharp(upright?.bytes).raw().toBuffer({ resolveWithObject: true })
      for (const [x, y] of [
        [8, 8],
        [40, 8],
        [8, 24],
        [40, 24],
      ] as const) {
        const at = (y * info.width + x) * info.channels
        const seen = [...data.subarray(at, at + 3)]
        const wanted = colourAt(x, y) ?? []
        assert.ok(
          seen.every((value, n) => Math.abs(value - (wanted[n] ?? 0)) < 25),
          `${x}, ${y}: ${seen} is not ${wanted}`,
        )
      }
      assert.equal((await sharp(upright?.bytes).metadata()).orientation ?? 1, 1)
    })
  }

  it('byte for byte when it is upright already, or is no JPEG', async () => {
    const plain = await sharp({ create: { width, height, channels: 3, background: 'red' } })
      .jpeg()
      .toBuffer()
    const png = await sharp(plain).png().toBuffer()
    for (const picture of [plain, await photoWith(1), png]) {
      assert.equal((await uprightInput(picture))?.bytes, picture)
    }
  })

  it('or not at all when it is to be turned and cannot be decoded', async () => {
    const photo = await photoWith(6)
    const cut = photo.subarray(0, photo.length - 20)
    assert.equal(sniffPicture(cut)?.orientation, 6)
    assert.equal(await uprightInput(cut), undefined)
    assert.equal(await uprightInput(Buffer.from('no picture')), undefined)
    // One after the other: each of them is turned.
    const many = await Promise.all([photo, cut, photo].map(uprightInput))
    assert.deepEqual(
      many.map((each) => each !== undefined),
      [true, false, true],
    )
  })
})
