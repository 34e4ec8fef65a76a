/** Rules between inputs that KIE's documents state in words and no schema carries. */
import { type Model, withDefaults } from './catalogue.ts'

type Input = Readonly<Record<string, unknown>>
type Rule = { readonly models: (id: string) => boolean; readonly broken: (input: Input) => string | undefined }

const rules: readonly Rule[] = [
  {
    models: (id) => /^gpt-image-2-(text|image)-to-image$/.test(id),
    broken: ({ aspect_ratio: ratio = 'auto', resolution = '1K', background }) => {
      if (resolution !== '1K' && ratio === 'auto') return 'resolution must be 1K when aspect_ratio is auto'
      if (resolution === '4K' && ratio === '1:1') return 'resolution 4K is not supported for aspect_ratio 1:1'
      if (resolution !== '1K' && background !== undefined) return 'background is only supported for resolution 1K'
      return undefined
    },
  },
  {
    models: (id) => id.startsWith('gpt-image-2-5-'),
    broken: ({ aspect_ratio: ratio, resolution = '1K' }) =>
      resolution !== '1K' && ['27:16', '16:27', '9:8', '8:9'].includes(String(ratio))
        ? `aspect_ratio ${String(ratio)} is only supported for resolution 1K`
        : undefined,
  },
  {
    models: (id) => id === 'qwen2-1/image-to-image',
    broken: ({ background, output_format: format, mask_url: mask, image_urls: images }) => {
      if (background === 'transparent' && (format === 'jpeg' || mask !== undefined))
        return 'background transparent cannot be combined with output_format jpeg or mask_url'
      return mask !== undefined && Array.isArray(images) && images.length !== 1
        ? 'mask_url requires exactly one entry in image_urls'
        : undefined
    },
  },
  {
    models: (id) => id.startsWith('wan/2-7-image') && !id.includes('video'),
    broken: ({ n, enable_sequential: sequential }) =>
      sequential !== true && typeof n === 'number' && n > 4 ? 'n must be less than or equal to 4' : undefined,
  },
]

/** The first rule that these inputs break, as a sentence. */
export function brokenRule(model: Model, input: Input): string | undefined {
  const given = withDefaults(model, input)
  return rules
    .filter((rule) => rule.models(model.id))
    .map((rule) => rule.broken(given))
    .find((problem) => problem !== undefined)
}
