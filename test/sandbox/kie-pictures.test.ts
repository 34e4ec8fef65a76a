import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createPainter, type Painter } from '../../sandbox/kie/pictures/painter.ts'
import { type Kie, startKie } from './kie-setup.ts'

describe('pictures of KIE', () => {
  let kie: Kie
  before(async () => {
    kie = await startKie()
    await kie.behave({ latency_ms: 0 })
  })
  after(() => kie.close())

  const draw = async (model: string, input: object) => {
    const { result_urls: urls = [] } = await kie.ended(await kie.taskOf(model, input))
    return Promise.all(urls.map((url: string) => kie.bytes(url)))
  }

  it('come in the format that was asked for', async () => {
    const jpeg = await draw('google/nano-banana', { prompt: 'a', output_format: 'jpeg' })
    assert.deepEqual(
      jpeg.map(({ type, bytes }) => [type, bytes.readUInt16BE(0)]),
      [['image/jpeg', 0xffd8]],
    )
    const { downloadUrl } = (
      await kie.call('POST', '/kie-upload/api/file-base64-upload', {
        base64Data: jpeg[0].bytes.toString('base64'),
        uploadPath: 'a',
      })
    ).body.data
    const webp = await draw('qwen2-1/image-to-image', { prompt: 'a', image_urls: [downloadUrl], output_format: 'webp' })
    assert.deepEqual(
      webp.map(({ type, bytes }) => [type, bytes.toString('latin1', 8, 12)]),
      [['image/webp', 'WEBP']],
    )
  })

  it('are as many as were asked for, each different', async () => {
    const pictures = await draw('bytedance/seedream-v4-text-to-image', {
      prompt: 'three',
      max_images: 3,
      image_size: 'square',
    })
    assert.equal(new Set(pictures.map(({ bytes }) => bytes.toString('base64'))).size, 3)
    assert.equal((await draw('grok-imagine/text-to-image', { prompt: 'two', aspect_ratio: '1:1' })).length, 2)
  })
})

it('no larger than they may be drawn, pictures cost what was asked for', async (t) => {
  const [usual, small] = await Promise.all([startKie(), startKie({ pictureSideMax: 512 })])
  const painter = createPainter()
  t.after(() => Promise.all([usual.close(), small.close(), painter.stop()]))
  const drawn = [usual, small].map(async (kie) => {
    const task = await kie.taskOf('z-image', { prompt: 'wide', aspect_ratio: '16:9' })
    const { result_urls: urls, credits } = await kie.ended(task)
    const { width = 0, height = 0 } = (await painter.measure((await kie.bytes(urls[0])).bytes)) ?? {}
    return { longer: Math.max(width, height), ratio: (width / height).toFixed(1), credits }
  })
  const [one, other] = await Promise.all(drawn)
  assert.deepEqual(other, { ...one, longer: 512 })
  assert.ok(one && one.longer > 1024)
})

describe('the painter', () => {
  let painter: Painter
  before(() => {
    painter = createPainter()
  })
  after(() => painter.stop())
  const request = { seed: 's', prompt: 'кот', label: 'm', format: 'png', style: 'scene', inputs: [] } as const
  const size = { width: 320, height: 256 }

  it('draws the same request alike and another prompt differently', async () => {
    const one = await painter.draw({ ...request, size })
    assert.deepEqual(await painter.draw({ ...request, size }), one)
    assert.notDeepEqual(await painter.draw({ ...request, size, prompt: 'пёс' }), one)
  })

  it('survives any text: emoji, right-to-left, lone surrogates, control characters, one endless word, none', async () => {
    const texts = [
      '👩‍👩‍👧‍👦🏳️‍🌈',
      'שלום عالم',
      '\ud800 \udfff',
      '\u0000\u001b[31m\n\t',
      'x'.repeat(20_000),
      '',
      ' '.repeat(50),
    ]
    for (const prompt of texts) assert.ok((await painter.draw({ ...request, size, prompt })).length > 1000)
    assert.ok((await painter.draw({ ...request, size: { width: 2048, height: 256 } })).length > 1000)
  })

  it('measures pictures, and says of anything else that it is none', async () => {
    assert.deepEqual(await painter.measure(await painter.draw({ ...request, size })), size)
    assert.equal(await painter.measure(Buffer.from('<svg/>')), undefined)
  })

  it('shows the pictures it was given', async () => {
    const input = await painter.draw({ ...request, size })
    const [plain, edited] = [
      await painter.draw({ ...request, size }),
      await painter.draw({ ...request, size, inputs: [input] }),
    ]
    assert.notDeepEqual(edited, plain)
  })
})
