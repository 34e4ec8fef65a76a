import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { createCanvas } from '@napi-rs/canvas'
import { type Kie, startKie, startReceiver } from './kie-setup.ts'
import { pngOf } from './telegram-setup.ts'

const hour = 3_600_000
const picture = (colour: string, width = 64, height = 48): Buffer => {
  const canvas = createCanvas(width, height)
  const pen = canvas.getContext('2d')
  pen.fillStyle = colour
  pen.fillRect(0, 0, width, height)
  return canvas.encodeSync('png')
}

describe('files of KIE', () => {
  let kie: Kie
  before(async () => {
    kie = await startKie()
  })
  after(() => kie.close())
  beforeEach(async () => {
    await kie.afresh()
    await kie.behave({ latency_ms: 0 })
  })

  const upload = (bytes: Buffer, more: object = {}) =>
    kie.call('POST', '/kie-upload/api/file-base64-upload', {
      base64Data: `data:image/png;base64,${bytes.toString('base64')}`,
      uploadPath: 'images/bot',
      ...more,
    })
  const resultOf = async (): Promise<string> =>
    (await kie.ended(await kie.taskOf('z-image', { prompt: 'short-lived', aspect_ratio: '1:1' }))).result_urls[0]

  it('of results work for 24 hours, by a fresh link for 20 minutes more, and are gone after 14 days', async () => {
    const url = await resultOf()
    const link = async (): Promise<string> =>
      (await kie.call('POST', '/kie/api/v1/common/download-url', { url })).body.data
    await kie.advance(23 * hour)
    assert.equal((await kie.bytes(url)).status, 200)
    await kie.advance(2 * hour)
    assert.equal((await kie.bytes(url)).status, 403)
    const fresh = await link()
    assert.equal((await kie.bytes(fresh)).status, 200)
    assert.equal((await kie.bytes(fresh.replace(/expires=\d+/, 'expires=9999999999999'))).status, 403)
    await kie.advance(21 * 60_000)
    assert.equal((await kie.bytes(fresh)).status, 403)
    await kie.advance(14 * 24 * hour)
    assert.equal((await kie.bytes(await link())).status, 404)
  })

  it('of others get no download link', async () => {
    for (const url of ['https://example.com/a.png', 'https://example.com/kie/files/a.png', 'nonsense', undefined]) {
      const { body } = await kie.call('POST', '/kie/api/v1/common/download-url', { url })
      assert.equal(body.code, 422, url)
    }
  })

  it('of results give what the behaviour says: forbidden, a page, or 60 MB', async () => {
    const url = await resultOf()
    await kie.behave({ result_url: 'forbidden' })
    assert.equal((await kie.bytes(url)).status, 403)
    await kie.behave({ result_url: 'html' })
    assert.equal((await kie.bytes(url)).type, 'text/html')
    await kie.behave({ result_url: 'huge' })
    const { headers, body } = await fetch(url)
    assert.equal(headers.get('content-length'), '60000000')
    await body?.cancel()
  })

  it('of one result may be missing while the others are there', async () => {
    const task = await kie.taskOf('bytedance/seedream-v4-text-to-image', {
      prompt: 'three',
      max_images: 3,
      image_size: 'square',
    })
    const { result_urls: urls } = await kie.ended(task)
    await kie.behave({ dead_result: 2 })
    const { body } = await kie.call('POST', '/kie/api/v1/common/download-url', { url: urls[1] })
    const statuses = await Promise.all([...urls, body.data].map(async (url) => (await kie.bytes(url)).status))
    assert.deepEqual(statuses, [200, 404, 200, 404])
    await kie.behave({ dead_result: null })
    assert.equal((await kie.bytes(urls[1])).status, 200)
  })

  it('are uploaded as base64 and can be fetched for a day; the same name overwrites', async () => {
    const red = picture('red')
    const { status, body } = await upload(red, { fileName: 'фото 1.png' })
    assert.equal(status, 200)
    const { fileName, filePath, downloadUrl, fileSize, mimeType } = body.data
    assert.deepEqual(
      [body.success, body.code, fileName, filePath, fileSize, mimeType],
      [true, 200, 'фото 1.png', 'kieai/images/bot/фото 1.png', red.length, 'image/png'],
    )
    assert.deepEqual((await kie.bytes(downloadUrl)).bytes, red)
    const blue = picture('blue')
    assert.equal((await upload(blue, { fileName: 'фото 1.png' })).body.data.downloadUrl, downloadUrl)
    assert.deepEqual((await kie.bytes(downloadUrl)).bytes, blue)
    await kie.advance(25 * hour)
    assert.notEqual((await kie.bytes(downloadUrl)).status, 200)
  })

  it('are uploaded as a form, with a name made up where none is given', async () => {
    const form = new FormData()
    form.set('uploadPath', '/images/bot/')
    form.set('file', new Blob([new Uint8Array(picture('green'))], { type: 'text/plain' }), 'ignored.txt')
    const { body } = await kie.call('POST', '/kie-upload/api/file-stream-upload', form)
    assert.match(body.data.filePath, /^kieai\/images\/bot\/[0-9a-f]{24}\.png$/)
    assert.equal(body.data.mimeType, 'image/png')
  })

  it('are uploaded from an address that answers with 200, and from no other', async () => {
    const bot = await startReceiver()
    const wish = (fileUrl: string) => kie.call('POST', '/kie-upload/api/file-url-upload', { fileUrl, uploadPath: 'a' })
    const { downloadUrl } = (await upload(picture('gold'))).body.data
    assert.equal((await wish(downloadUrl)).body.data.mimeType, 'image/png')
    for (const address of [`${kie.url}/kie/files/none.png`, 'https://example.com/a.png', 'nonsense']) {
      const { body } = await wish(address)
      assert.deepEqual([body.success, body.code], [false, 400], address)
    }
    await bot.close()
  })

  it('are refused with success false: no key, no data, bad base64, a path that climbs, more than 10 MB, another method', async () => {
    const path = '/kie-upload/api/file-base64-upload'
    const body = { base64Data: 'AAAA', uploadPath: 'a' }
    const answers = [
      await kie.call('POST', path, body, {}),
      await kie.call('POST', path, { uploadPath: 'a' }),
      await kie.call('POST', path, { ...body, base64Data: '<html>' }),
      await kie.call('POST', path, { ...body, uploadPath: '../../etc' }),
      await upload(Buffer.alloc(10 * 1024 * 1024 + 1)),
      await kie.call('GET', path),
    ]
    assert.deepEqual(
      answers.map((answer) => answer.body.code),
      [401, 400, 400, 400, 400, 405],
    )
    assert.ok(answers.every((answer) => answer.body.success === false))
  })

  it('that a model does not take fail the task, which costs nothing: a GIF, too many bytes, too many pixels', async () => {
    const gif = Buffer.concat([Buffer.from('GIF89a\x25\0\x15\0', 'latin1'), Buffer.alloc(100)])
    const nano = 'google/nano-banana-edit'
    const qwen = 'qwen2-1/image-to-image'
    for (const [model, bytes, says] of [
      [nano, gif, 'image_urls: file type image/gif is not supported'],
      [qwen, gif, 'image_urls: file type image/gif is not supported'],
      [nano, pngOf(100, 100, 10 * 1024 * 1024 + 1), 'image_urls: file size exceeds 10485760 bytes'],
      [qwen, pngOf(5001, 5000), 'image_urls: 5001x5000 exceeds 25000000 pixels'],
    ] as const) {
      const form = new FormData()
      form.set('uploadPath', 'images')
      form.set('file', new Blob([Uint8Array.from(bytes)]), 'a')
      const { downloadUrl } = (await kie.call('POST', '/kie-upload/api/file-stream-upload', form)).body.data
      const failed = await kie.ended(await kie.taskOf(model, { prompt: 'make it blue', image_urls: [downloadUrl] }))
      assert.deepEqual([failed.state, failed.fail_code, failed.fail_msg, failed.credits], ['fail', '422', says, 0])
    }
  })

  it('go into an edit; one that is missing, foreign or no picture fails the task and costs nothing', async () => {
    const { downloadUrl } = (await upload(picture('tomato', 300, 200))).body.data
    const edit = (address: string) =>
      kie.taskOf('google/nano-banana-edit', { prompt: 'make it blue', image_urls: [address] })
    const done = await kie.ended(await edit(downloadUrl))
    assert.equal(done.state, 'success')
    const page = (await upload(Buffer.from('<html></html>'), { fileName: 'page.png' })).body.data.downloadUrl
    const cases = [
      [`${kie.url}/kie/files/gone.png`, '451'],
      ['https://example.com/a.png', '451'],
      [page, '422'],
    ] as const
    for (const [address, code] of cases) {
      const failed = await kie.ended(await edit(address))
      assert.deepEqual([failed.state, failed.fail_code, failed.credits], ['fail', code, 0], address)
      assert.match(failed.fail_msg, /^Failed to fetch|^image_urls: file type application\/octet-stream/)
    }
  })
})
