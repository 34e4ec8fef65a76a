/**
 * How many pictures a task makes, how large they are and in which format, read from the inputs that KIE's models use for
 * it: aspect_ratio, image_size, size, resolution, image_resolution, quality, output_format, num_images, max_images, n.
 * No side is longer than `longSideMax`: a "4K" picture is drawn smaller, so that a sandbox stays quick.
 */
import { type Model, withDefaults } from '../models/catalogue.ts'

export type Size = { readonly width: number; readonly height: number }
export type PictureFormat = 'png' | 'jpeg' | 'webp'

export const longSideMax = 2048
const sideMin = 256
const sideStep = 8

type Input = Readonly<Record<string, unknown>>

/** The named sizes of the older models, as their documents give them. */
const namedSizes: Readonly<Record<string, Size>> = {
  square: { width: 512, height: 512 },
  square_hd: { width: 1024, height: 1024 },
  portrait_4_3: { width: 768, height: 1024 },
  portrait_3_2: { width: 680, height: 1024 },
  portrait_16_9: { width: 576, height: 1024 },
  landscape_4_3: { width: 1024, height: 768 },
  landscape_3_2: { width: 1024, height: 680 },
  landscape_16_9: { width: 1024, height: 576 },
  landscape_21_9: { width: 1024, height: 440 },
}

/** `source` is the size of the first input picture, which upscalers and `auto` follow. */
export function pictureSize(model: Model, input: Input, source: Size | undefined): Size {
  const given = withDefaults(model, input)
  const detail = detailOf(model, given)
  if (model.kind === 'image-upscale') {
    const factor = Number(given['upscale_factor'] ?? 2)
    return fit(scale(source ?? { width: 512, height: 512 }, factor))
  }
  if (model.kind === 'background-removal') return fit(source ?? { width: 1024, height: 1024 })
  const named = namedSizes[String(given['image_size'])]
  if (named !== undefined) return fit(scale(named, detail))
  const ratio = ratioOf(given) ?? (source === undefined ? 1 : source.width / source.height)
  const side = 1024 * detail
  return fit({ width: side * Math.sqrt(ratio), height: side / Math.sqrt(ratio) })
}

function ratioOf(input: Input): number | undefined {
  const asked = [input['aspect_ratio'], input['image_size'], input['size']].find(
    (value) => typeof value === 'string' && /^\d+:\d+$/.test(value),
  )
  const [across, down] = String(asked).split(':').map(Number)
  return across === undefined || down === undefined ? undefined : across / down
}

/** How many times a side is longer than that of a 1K picture. */
function detailOf(model: Model, input: Input): number {
  const asked = String(input['resolution'] ?? input['image_resolution'] ?? input['size'] ?? '')
  const kilo = /^(\d+(?:\.\d+)?)K$/.exec(asked)
  if (kilo !== null) return Number(kilo[1])
  const quality = input['quality']
  // Seedream before 5 Pro starts at 2K; the others draw 1K unless asked for more.
  const base = model.id.startsWith('seedream/4.5') || model.id.startsWith('seedream/5-lite') ? 2 : 1
  return model.id.startsWith('seedream/') && (quality === 'high' || quality === 'ultra') ? base * 2 : base
}

const scale = (size: Size, factor: number): Size => ({ width: size.width * factor, height: size.height * factor })

/** The same shape with no side longer than `sideMax`, as far as no side is too short to be looked at. */
export function fit({ width, height }: Size, sideMax: number = longSideMax): Size {
  const shrink = Math.min(1, sideMax / Math.max(width, height))
  const side = (length: number): number => Math.max(sideMin, Math.round((length * shrink) / sideStep) * sideStep)
  return { width: side(width), height: side(height) }
}

/** How many pictures this task makes. */
export function pictureCount(model: Model, input: Input): number {
  const given = withDefaults(model, input)
  if (model.kind === 'layer-decomposition') return 3
  if (model.imagesPerGeneration !== undefined) return model.imagesPerGeneration
  const names = new Set(model.inputs.map((field) => field.name))
  const asked = given['num_images'] ?? given['max_images'] ?? given['n']
  if (asked !== undefined) return Math.max(1, Math.min(12, Math.trunc(Number(asked)) || 1))
  // Wan makes a set unless it is told a number.
  return names.has('n') ? (given['enable_sequential'] === true ? 12 : 4) : 1
}

/** PNG unless the inputs or the documented default say otherwise. */
export function pictureFormat(model: Model, input: Input): PictureFormat {
  switch (withDefaults(model, input)['output_format']) {
    case 'jpeg':
    case 'jpg':
      return 'jpeg'
    case 'webp':
      return 'webp'
    default:
      return 'png'
  }
}
