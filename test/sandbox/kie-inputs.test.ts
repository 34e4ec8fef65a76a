import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type InputField, isDrawn, readCatalogue } from '../../sandbox/kie/models/catalogue.ts'
import { checkInput } from '../../sandbox/kie/models/check-input.ts'
import { priceOf } from '../../sandbox/kie/models/price.ts'
import { longSideMax, pictureSize } from '../../sandbox/kie/pictures/size.ts'
import { type Kie, startKie } from './kie-setup.ts'

const url = 'https://example.com/a.png'

describe('KIE refuses with 422 and names the field of', () => {
  let kie: Kie
  before(async () => {
    kie = await startKie()
  })
  after(() => kie.close())

  const zImage = { prompt: 'a cat', aspect_ratio: '1:1' }
  const cases: readonly (readonly [what: string, model: string, input: unknown, names: RegExp])[] = [
    ['a model that is unknown', 'openai/4o-image', zImage, /model name you specified is not supported/],
    ['a model that is retired', 'ideogram/v3-reframe', { image_url: url, image_size: 'square' }, /model name/],
    ['a model that has its own endpoint', 'veo3_fast', { prompt: 'x' }, /model name/],
    ['an input that is no object', 'z-image', 'a cat', /input is required/],
    ['a required input that is missing', 'z-image', { aspect_ratio: '1:1' }, /^prompt is required/],
    ['a required input that is empty', 'z-image', { ...zImage, prompt: '' }, /^prompt is required/],
    ['a value outside an enum', 'z-image', { ...zImage, aspect_ratio: '7:5' }, /^aspect_ratio is not within/],
    [
      'a number where the enum holds texts',
      'ideogram/v3-remix',
      { prompt: 'x', image_url: url, num_images: 2 },
      /^num_images/,
    ],
    [
      'a prompt that is too long',
      'z-image',
      { ...zImage, prompt: 'я'.repeat(1001) },
      /^prompt length cannot exceed 1000/,
    ],
    [
      'a prompt that is too short',
      'flux-2/pro-text-to-image',
      { prompt: 'a', aspect_ratio: '1:1', resolution: '1K' },
      /^prompt/,
    ],
    [
      'a number below its minimum',
      'bytedance/seedream',
      { prompt: 'x', guidance_scale: 0 },
      /^guidance_scale must be greater/,
    ],
    [
      'a number above its maximum',
      'bytedance/seedream',
      { prompt: 'x', guidance_scale: 11 },
      /^guidance_scale must be less/,
    ],
    [
      'a text where a number is due',
      'bytedance/seedream',
      { prompt: 'x', guidance_scale: '2' },
      /^guidance_scale must be a number/,
    ],
    [
      'a fraction where a whole number is due',
      'bytedance/seedream',
      { prompt: 'x', seed: 1.5 },
      /^seed must be an integer/,
    ],
    ['a text where a flag is due', 'z-image', { ...zImage, nsfw_checker: 'true' }, /^nsfw_checker must be a boolean/],
    [
      'an empty list that is required',
      'google/nano-banana-edit',
      { prompt: 'x', image_urls: [] },
      /^image_urls must contain at least 1/,
    ],
    [
      'a list that is too long',
      'google/nano-banana-edit',
      { prompt: 'x', image_urls: Array(11).fill(url) },
      /^image_urls must contain at most 10/,
    ],
    [
      'one URL where a list is due',
      'google/nano-banana-edit',
      { prompt: 'x', image_urls: url },
      /^image_urls must be an array/,
    ],
    [
      'an address that is not http',
      'qwen/image-edit',
      { prompt: 'x', image_url: 'file:///etc/passwd' },
      /^image_url must be a valid http/,
    ],
    [
      'an inline picture',
      'google/nano-banana-edit',
      { prompt: 'x', image_urls: ['data:image/png;base64,AA=='] },
      /^image_urls\[0\] must be/,
    ],
    ['an input the model does not know', 'z-image', { ...zImage, image_input: [url] }, /^image_input is not an input/],
    [
      'a combination the documents exclude',
      'gpt-image-2-text-to-image',
      { prompt: 'x', aspect_ratio: '1:1', resolution: '4K' },
      /^resolution 4K/,
    ],
    ['a choice of which none was made', '4o-image-api', { size: '1:1' }, /^prompt, or files_url is required/],
  ]
  for (const [what, model, input, names] of cases) {
    it(what, async () => {
      const { status, body } = await kie.call('POST', '/kie/api/v1/jobs/createTask', { model, input })
      assert.deepEqual([status, body.code, body.data], [200, 422, null])
      assert.match(body.msg, names)
      await kie.advance(1_000)
    })
  }

  it('a callback address that is not http', async () => {
    const { body } = await kie.submit('z-image', zImage, 'ftp://example.com/')
    assert.deepEqual([body.code, body.msg], [422, 'callBackUrl must be a valid http or https URL'])
  })
})

describe('the catalogue of KIE models', () => {
  const { all, find } = readCatalogue()
  const drawn = all.filter((model) => find(model.id) === model && isDrawn(model))

  it('counts characters as people do, so an emoji is one', () => {
    const model = find('z-image')
    assert.ok(model)
    assert.equal(checkInput(model, { prompt: '😀'.repeat(1000), aspect_ratio: '1:1' }), undefined)
  })

  it('accepts a plain input for each of at least fifty models that are drawn, at a price and in a size', () => {
    assert.ok(drawn.length >= 50, `${drawn.length}`)
    for (const model of drawn) {
      const input = Object.fromEntries(
        model.inputs.filter((field) => field.required).map((field) => [field.name, sample(field)]),
      )
      const whole = model.anyOf === undefined ? input : { ...input, prompt: 'a cat' }
      assert.equal(checkInput(model, whole), undefined, model.id)
      assert.equal(priceOf(model, whole) > 0, model.prices !== undefined, model.id)
      const { width, height } = pictureSize(model, whole, { width: 3000, height: 2000 })
      assert.ok(
        Math.max(width, height) <= longSideMax && Math.min(width, height) >= 256,
        `${model.id} ${width}x${height}`,
      )
    }
  })

  it('prices a task by resolution, quality, number of pictures and number of inputs', () => {
    const price = (id: string, input: object): number => {
      const model = find(id)
      assert.ok(model, id)
      return priceOf(model, { ...input })
    }
    assert.equal(price('nano-banana-2', { prompt: 'x' }), 8)
    assert.equal(price('nano-banana-2', { prompt: 'x', resolution: '4K' }), 18)
    assert.equal(price('ideogram/v3-text-to-image', { prompt: 'x', rendering_speed: 'TURBO' }), 3.5)
    assert.equal(price('ideogram/v3-remix', { rendering_speed: 'QUALITY', num_images: '3' }), 30)
    assert.equal(price('grok-imagine/text-to-image', { prompt: 'x' }), 4)
    assert.equal(price('grok-imagine/text-to-image', { prompt: 'x', enable_pro: true }), 5)
    assert.equal(price('qwen3/image-to-image', { image_urls: [url, url] }), 5.8)
    assert.equal(price('seedream/5-pro-image-to-image', { image_urls: [url, url], quality: 'high' }), 14.5)
    assert.equal(price('topaz/image-upscale', { image_url: url, upscale_factor: '4' }), 20)
    assert.equal(price('qwen/text-to-image', { prompt: 'x', image_size: 'square_hd' }), 4.1943)
  })
})

function sample(field: InputField): unknown {
  if (field.default !== undefined) return field.default
  if (field.enum !== undefined) return field.enum[0]
  if (field.type === 'image_urls') return [url]
  if (field.type === 'image_url') return url
  return 'a cat'
}
