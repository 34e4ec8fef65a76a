import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { declaredFormat } from './foreign-format.ts'

describe('a file that says itself that no model takes it', () => {
  const files: readonly (readonly [{ name?: string; mime?: string }, string | undefined])[] = [
    [{ name: 'IMG_0001.HEIC', mime: 'image/heic' }, 'heic'],
    [{ name: 'IMG_0001.HEIF' }, 'heic'],
    [{ mime: 'image/heif' }, 'heic'],
    [{ name: 'IMG_0001.HEIC', mime: 'application/octet-stream' }, 'heic'],
    [{ name: 'scan.pdf', mime: 'application/pdf' }, 'pdf'],
    [{ name: 'cat.gif', mime: 'image/gif' }, 'gif'],
    [{ name: 'cat.GIF ', mime: 'IMAGE/GIF; charset=binary' }, 'gif'],
    [{ name: 'DSC_1.NEF', mime: 'image/tiff' }, 'raw'],
    [{ name: 'logo.svg' }, 'svg'],
    [{ name: 'x.avif' }, 'avif'],
    [{ name: 'x.bmp' }, 'bmp'],
  ]
  for (const [file, format] of files) {
    it(`${JSON.stringify(file)} is ${format}`, () => assert.equal(declaredFormat(file), format))
  }

  it('is none while one of its labels is that of a picture: then its bytes decide', () => {
    for (const file of [
      { name: 'IMG_0001.HEIC', mime: 'image/jpeg' },
      { name: 'photo.jpg', mime: 'image/heic' },
      { name: 'cat.png', mime: 'image/png' },
      { name: 'no ending', mime: 'application/octet-stream' },
      { name: 'heic' },
      { name: '' },
      {},
    ]) {
      assert.equal(declaredFormat(file), undefined, JSON.stringify(file))
    }
  })
})
