/**
 * Draws one picture: a scene by the seed of its prompt, the pictures it was made from as prints on it, and the words.
 * The same request gives the same bytes. Runs in the painter's thread; encoding a large PNG takes half a second.
 */
import { createCanvas, type Image, loadImage, type SKRSContext2D } from '@napi-rs/canvas'
import { drawCaption } from './caption.ts'
import { createRandom, type Random } from './random.ts'
import { drawScene } from './scenes.ts'
import type { PictureFormat, Size } from './size.ts'

export type PictureRequest = {
  readonly seed: string
  readonly prompt: string
  /** What stands in the corner. */
  readonly label: string
  readonly size: Size
  readonly format: PictureFormat
  /** `scene` draws a new picture, `enlarged` shows the first input, `cutout` puts it on nothing (transparent). */
  readonly style: 'scene' | 'enlarged' | 'cutout'
  readonly inputs: readonly Uint8Array[]
}

const quality = 88
const printsMax = 4

export async function drawPicture(request: PictureRequest): Promise<Uint8Array> {
  const { size, style } = request
  const canvas = createCanvas(size.width, size.height)
  const pen = canvas.getContext('2d')
  const random = createRandom(request.seed)
  const inputs = await Promise.all(request.inputs.slice(0, printsMax).map((bytes) => loadImage(Buffer.from(bytes))))
  const [first] = inputs
  if (style === 'cutout') roundOff(pen, size)
  if (style !== 'scene' && first !== undefined) cover(pen, first, 0, 0, size)
  else {
    drawScene(pen, size, request.prompt, random)
    drawPrints(pen, size, inputs, random)
  }
  if (style !== 'enlarged') drawCaption(pen, size, request.prompt, request.label)
  else drawCaption(pen, size, '', request.label)
  switch (request.format) {
    case 'png':
      return canvas.encodeSync('png')
    case 'jpeg':
      return canvas.encodeSync('jpeg', quality)
    case 'webp':
      return canvas.encodeSync('webp', quality)
  }
}

/** The size of a picture, or undefined when these bytes are none. */
export async function measurePicture(bytes: Uint8Array): Promise<Size | undefined> {
  try {
    const { width, height } = await loadImage(Buffer.from(bytes))
    return width > 0 && height > 0 ? { width, height } : undefined
  } catch {
    return undefined
  }
}

function roundOff(pen: SKRSContext2D, { width, height }: Size): void {
  pen.beginPath()
  pen.ellipse(width / 2, height / 2, width * 0.49, height * 0.49, 0, 0, Math.PI * 2)
  pen.clip()
}

/** Fills the rectangle with the middle of the picture. */
function cover(pen: SKRSContext2D, picture: Image, x: number, y: number, { width, height }: Size): void {
  const scale = Math.max(width / picture.width, height / picture.height)
  const [cutWidth, cutHeight] = [width / scale, height / scale]
  pen.drawImage(
    picture,
    (picture.width - cutWidth) / 2,
    (picture.height - cutHeight) / 2,
    cutWidth,
    cutHeight,
    x,
    y,
    width,
    height,
  )
}

/** The pictures this one was made from, as paper prints lying on it. */
function drawPrints(pen: SKRSContext2D, { width, height }: Size, pictures: readonly Image[], random: Random): void {
  const unit = Math.min(width, height) * (pictures.length > 2 ? 0.26 : 0.36)
  for (const [index, picture] of pictures.entries()) {
    const ratio = Math.min(1.6, Math.max(0.62, picture.width / picture.height))
    const print = { width: unit * Math.sqrt(ratio), height: unit / Math.sqrt(ratio) }
    pen.save()
    pen.translate((width * (index + 1)) / (pictures.length + 1), height * 0.42)
    pen.rotate(random.between(-0.12, 0.12))
    pen.shadowColor = 'rgba(0,0,0,0.45)'
    pen.shadowBlur = unit * 0.08
    pen.shadowOffsetY = unit * 0.03
    pen.fillStyle = '#fdfcf8'
    const border = unit * 0.05
    pen.fillRect(
      -print.width / 2 - border,
      -print.height / 2 - border,
      print.width + border * 2,
      print.height + border * 2,
    )
    pen.shadowColor = 'transparent'
    cover(pen, picture, -print.width / 2, -print.height / 2, print)
    pen.restore()
  }
}
