import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createCanvas } from '@napi-rs/canvas'
import fc from 'fast-check'
import { cases } from '../../test/fixtures/seed.ts'
import { sniffForeign, sniffInput, sniffPicture } from './sniff.ts'

const canvas = createCanvas(37, 21)
canvas.getContext('2d').fillRect(3, 3, 20, 9)
const bytesOf = (letters: string): Uint8Array => Uint8Array.from(letters, (letter) => letter.charCodeAt(0))

/** Puts an Exif segment that holds a whole JPEG of another size before the rest, as cameras do. */
function withPreview(jpeg: Uint8Array): Uint8Array {
  const preview = Uint8Array.from(createCanvas(5, 5).encodeSync('jpeg'))
  const length = preview.length + 2
  return Uint8Array.from([0xff, 0xd8, 0xff, 0xe1, length >> 8, length & 255, ...preview, ...jpeg.subarray(2)])
}

/** Puts a table before the frame; its marker looks like that of a frame. */
const withTable = (jpeg: Uint8Array) =>
  Uint8Array.from([0xff, 0xd8, 0xff, 0xc4, 0, 8, 1, 2, 3, 4, 5, 6, ...jpeg.subarray(2)])

describe('what a file is, by its bytes', () => {
  it('knows real pictures and their size', () => {
    assert.deepEqual(sniffPicture(canvas.encodeSync('png')), { mime: 'image/png', width: 37, height: 21 })
    assert.deepEqual(sniffPicture(canvas.encodeSync('jpeg')), { mime: 'image/jpeg', width: 37, height: 21 })
    assert.deepEqual(sniffPicture(canvas.encodeSync('webp')), { mime: 'image/webp', width: 37, height: 21 })
  })

  it('is not misled by what stands before the size of a photo', () => {
    const photo = Uint8Array.from(canvas.encodeSync('jpeg'))
    for (const form of [withPreview(photo), withTable(photo)]) {
      assert.deepEqual(sniffPicture(form), { mime: 'image/jpeg', width: 37, height: 21 })
    }
  })

  it('knows the other forms by their headers', () => {
    assert.deepEqual(sniffPicture(bytesOf('GIF89a\x25\x00\x15\x00')), { mime: 'image/gif', width: 37, height: 21 })
    const extended = bytesOf('RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x24\0\0\x14\0\0')
    assert.deepEqual(sniffPicture(extended), { mime: 'image/webp', width: 37, height: 21 })
    const lossless = bytesOf('RIFF\0\0\0\0WEBPVP8L\x0a\0\0\0\x2f\x24\x00\x05\x00\0\0\0\0\0')
    assert.deepEqual(sniffPicture(lossless), { mime: 'image/webp', width: 37, height: 21 })
  })

  it('takes nothing else for a picture', () => {
    for (const text of [
      '',
      '<html><img>',
      '%PDF-1.7',
      'GIF89a',
      '\x89PNG\r\n\x1a\n',
      '\xff\xd8\xff',
      'RIFF\0\0\0\0WAVE',
    ]) {
      assert.equal(sniffPicture(bytesOf(text)), undefined)
    }
    assert.equal(sniffPicture(bytesOf('GIF89a\0\0\x15\0')), undefined, 'a picture without width')
  })

  it('knows WebP and PNG that move, which no model takes, by what stands before their pixels', () => {
    const chunk = (type: string, body = '') => `\0\0\0${String.fromCharCode(body.length)}${type}${body}\0\0\0\0`
    const header = chunk('IHDR', '\0\0\0\x25\0\0\0\x15\x08\x06\0\0\0')
    const png = (...chunks: readonly string[]) => bytesOf(`\x89PNG\r\n\x1a\n${header}${chunks.join('')}`)
    const webp = (flags: string) => bytesOf(`RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0${flags}\0\0\0\x24\0\0\x14\0\0`)
    const moving = chunk('acTL', '\0\0\0\x02\0\0\0\0')
    for (const bytes of [png(moving, chunk('IDAT')), png(chunk('gAMA', 'abcd'), moving), webp('\x02'), webp('\x12')]) {
      assert.notEqual(sniffPicture(bytes), undefined)
      assert.equal(sniffInput(bytes), undefined)
      assert.equal(sniffForeign(bytes), 'animation')
    }
    for (const bytes of [png(chunk('IDAT'), moving), png(chunk('tEXt', 'acTL')), webp('\x10')]) {
      assert.notEqual(sniffInput(bytes), undefined)
      assert.equal(sniffForeign(bytes), undefined)
    }
    // A chunk that says it is longer than the file, or nothing after the header.
    assert.notEqual(sniffInput(png('\xff\xff\xff\xffgAMA')), undefined)
  })

  it('takes no GIF for a picture that models take', () => {
    assert.equal(sniffInput(bytesOf('GIF89a\x25\x00\x15\x00')), undefined)
    assert.equal(sniffInput(canvas.encodeSync('jpeg'))?.mime, 'image/jpeg')
  })

  it('never throws, whatever the bytes are and wherever they break off', () => {
    const starts = [canvas.encodeSync('png'), canvas.encodeSync('jpeg'), canvas.encodeSync('webp')]
    for (const start of starts) for (let n = 0; n < Math.min(start.length, 700); n++) sniffPicture(start.subarray(0, n))
    fc.assert(
      fc.property(
        fc.constantFrom('', '\0\0\0\x30ftyp', '\xff\xd8\xff', 'RIFF\0\0\0\0WEBPVP8', 'GIF89a', '\x89PNG\r\n\x1a\n'),
        fc.uint8Array({ maxLength: 80 }),
        (start, rest) => {
          const bytes = Uint8Array.from([...bytesOf(start), ...rest])
          sniffPicture(bytes)
          sniffForeign(bytes)
        },
      ),
      cases(),
    )
  })
})

describe('a format that no model takes, by its bytes', () => {
  const box = (...brands: string[]) =>
    bytesOf(
      `\0\0\0${String.fromCharCode(12 + 4 * brands.length)}ftyp${brands[0]}\0\0\0\0${brands.slice(1).join('')}meta`,
    )
  const samples: readonly (readonly [string, Uint8Array, string | undefined])[] = [
    ...['heic', 'heix', 'hevc', 'mif1', 'msf1'].map((brand) => [brand, box(brand, 'mif1'), 'heic'] as const),
    ['AVIF that begins with mif1', box('mif1', 'mif1', 'avif', 'miaf'), 'avif'],
    ['AVIF', box('avif', 'mif1'), 'avif'],
    ['a Canon CR3', box('crx ', 'isom'), 'raw'],
    ['a video', box('isom', 'mp42'), undefined],
    ['a video whose next box says avif', bytesOf('\0\0\0\x10ftypisom\0\0\0\0avifavif'), undefined],
    ['GIF', bytesOf('GIF87a\x25\x00\x15\x00'), 'gif'],
    ['BMP', bytesOf('BM\x36\0\0\0'), 'bmp'],
    ['TIFF of either byte order', bytesOf('MM\0*\0\0\0\x08'), 'tiff'],
    ['TIFF', bytesOf('II*\0\x08\0\0\0'), 'tiff'],
    ['a Canon CR2', bytesOf('II*\0\x10\0\0\0CR\x02\0'), 'raw'],
    ['a Fujifilm RAF', bytesOf('FUJIFILMCCD-RAW 0201'), 'raw'],
    ['PDF', bytesOf('%PDF-1.7'), 'pdf'],
    ['PDF after other bytes', bytesOf('\r\n\r\n%PDF-1.4'), 'pdf'],
    ['SVG', bytesOf('<svg xmlns="http://www.w3.org/2000/svg">'), 'svg'],
    ['SVG after its declaration', bytesOf('\xef\xbb\xbf<?xml version="1.0"?>\n<svg width="1">'), 'svg'],
    ['a page with an SVG in it', bytesOf('<html><body><svg>'), undefined],
    ['PSD', bytesOf('8BPS\0\x01'), 'psd'],
    ['JPEG XL', bytesOf('\xff\x0a\xfa'), 'jxl'],
    ['JPEG', canvas.encodeSync('jpeg'), undefined],
    ['text', bytesOf('hello'), undefined],
    ['nothing', bytesOf(''), undefined],
  ]
  for (const [what, bytes, format] of samples) {
    it(`${what} is ${format ?? 'none of them'}`, () => assert.equal(sniffForeign(bytes), format))
  }
})
