/**
 * Makes what a task asks for: fetches its input pictures, then draws. Ends in pictures or in the failure that KIE would
 * report; it throws nothing.
 */
import { probeImage } from '../telegram/probe.ts'
import type { Outbound } from '../world.ts'
import type { Files } from './files.ts'
import { type InputField, isDrawn, type Model, withDefaults } from './models/catalogue.ts'
import type { PictureRequest } from './pictures/draw.ts'
import type { Painter } from './pictures/painter.ts'
import { fit, type PictureFormat, pictureCount, pictureFormat, pictureSize } from './pictures/size.ts'
import { sniffMime } from './sniff.ts'
import type { Failure, Task } from './task.ts'

export type Made =
  | { readonly kind: 'pictures'; readonly format: PictureFormat; readonly pictures: readonly Uint8Array[] }
  | { readonly kind: 'failed'; readonly failure: Failure }

const fetchTimeoutMs = 30_000
const inputBytesMax = 30 * 1024 * 1024
const picturesAccepted = ['image/jpeg', 'image/png', 'image/webp']

export type MakingDeps = {
  readonly files: Files
  readonly painter: Painter
  readonly outbound: Outbound
  /** Pictures repeat with the seed of the sandbox. */
  readonly seedOf: (key: string) => string
  /** No side is drawn longer, whatever was asked and paid for. */
  readonly sideMax: number | undefined
}

export function createMaking({ files, painter, outbound, seedOf, sideMax }: MakingDeps) {
  return async function make(task: Task, model: Model): Promise<Made> {
    if (!isDrawn(model)) {
      return failed(
        '501',
        `Results of ${model.id} (${model.kind}) are not generated in the sandbox; its inputs were valid.`,
      )
    }
    try {
      const inputs: Uint8Array[] = []
      for (const { field, url } of inputPictures(model, task.input)) {
        const fetched = await fetchPicture(field, url)
        if (fetched.kind === 'failed') return fetched
        inputs.push(fetched.bytes)
      }
      return await draw(task, model, inputs)
    } catch (fault) {
      return failed('500', `The sandbox could not draw this picture: ${String(fault)}`)
    }
  }

  async function draw(task: Task, model: Model, inputs: readonly Uint8Array[]): Promise<Made> {
    const [first] = inputs
    const source = first === undefined ? undefined : await painter.measure(first)
    if (first !== undefined && source === undefined) return failed('422', 'The image could not be decoded.')
    const format = pictureFormat(model, task.input)
    const count = pictureCount(model, task.input)
    const prompt = String(task.input['prompt'] ?? '')
    const size = fit(pictureSize(model, task.input, source), sideMax)
    const common = { prompt, format, size, style: styleOf(model, task), inputs }
    const pictures: Uint8Array[] = []
    for (let index = 1; index <= count; index += 1) {
      const label = count === 1 ? model.id : `${model.id} · ${index}/${count}`
      const seed = seedOf(`${model.id}\n${prompt}\n${JSON.stringify(task.input['seed'] ?? '')}\n${index}`)
      pictures.push(await painter.draw({ ...common, seed, label }))
    }
    return { kind: 'pictures', format, pictures }
  }

  type Fetched =
    | { readonly kind: 'fetched'; readonly bytes: Uint8Array }
    | { readonly kind: 'failed'; readonly failure: Failure }

  async function fetchPicture(field: InputField, url: string): Promise<Fetched> {
    const bytes = await fetchBytes(url)
    if (bytes === undefined) {
      const msg = `Failed to fetch the image of ${field.name}. Kindly verify any access limits set by you or your service provider.`
      return failed('451', msg)
    }
    const bytesMax = field.maxBytes ?? inputBytesMax
    if (bytes.byteLength > bytesMax) return failed('422', `${field.name}: file size exceeds ${bytesMax} bytes`)
    const mime = sniffMime(bytes)
    if (!(field.mimes ?? picturesAccepted).includes(mime)) {
      return failed('422', `${field.name}: file type ${mime} is not supported`)
    }
    const { width = 0, height = 0 } = probeImage(bytes) ?? {}
    return width * height > (field.maxPixels ?? Number.POSITIVE_INFINITY)
      ? failed('422', `${field.name}: ${width}x${height} exceeds ${field.maxPixels} pixels`)
      : { kind: 'fetched', bytes }
  }

  async function fetchBytes(url: string): Promise<Uint8Array | undefined> {
    const name = files.nameIn(url)
    if (name !== undefined) {
      const found = files.open(name, URL.parse(url)?.searchParams ?? new URLSearchParams())
      return found.kind === 'found' ? found.bytes : undefined
    }
    const answer = await outbound.request(url, {
      method: 'GET',
      timeoutMs: fetchTimeoutMs,
      maxBytes: inputBytesMax + 1,
    })
    return answer.kind === 'answer' && answer.status === 200 ? answer.body : undefined
  }
}

const failed = (code: string, msg: string): { readonly kind: 'failed'; readonly failure: Failure } => ({
  kind: 'failed',
  failure: { code, msg },
})

function inputPictures(
  model: Model,
  input: Task['input'],
): readonly { readonly field: InputField; readonly url: string }[] {
  return model.inputs
    .filter((field) => field.type === 'image_url' || field.type === 'image_urls')
    .flatMap((field) => {
      const value = input[field.name]
      const urls: readonly unknown[] = Array.isArray(value) ? value : [value]
      return urls.flatMap((url) => (typeof url === 'string' && url !== '' ? [{ field, url }] : []))
    })
}

function styleOf(model: Model, task: Task): PictureRequest['style'] {
  if (model.kind === 'background-removal') return 'cutout'
  if (model.kind === 'image-upscale') return 'enlarged'
  return withDefaults(model, task.input)['background'] === 'transparent' ? 'cutout' : 'scene'
}
