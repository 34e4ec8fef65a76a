import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { crc32, deflateSync } from 'node:zlib'
import { createCanvas, loadImage } from '@napi-rs/canvas'
import { buildPages } from '../../web/build.ts'
import { startWorld } from '../fixtures/service.ts'
import { openBrowser } from './browser.ts'
import { openChat } from './chat-page.ts'

/**
 * Takes the picture of the README anew: `node test/browser/take-readme-picture.ts`. Two people side by side in the web
 * chat, one with a picture just received, the other while an order runs.
 */
const target = fileURLToPath(new URL('../../docs/images/web-chat.png', import.meta.url))
const viewport = { width: 1280, height: 780 }

const folder = await mkdtemp(join(tmpdir(), 'trt-readme-'))
const webDir = join(folder, 'pages')
const [, browser] = await Promise.all([buildPages({ outDir: webDir }), openBrowser()])
const world = await startWorld({ webDir, seed: 'readme' })
try {
  const picture = await takePicture()
  await mkdir(new URL('.', `file://${target}`), { recursive: true })
  await writeFile(target, await withFewColours(picture))
  console.log(`${target} is taken anew.`)
} finally {
  await browser.close()
  await world.end()
  await rm(folder, { recursive: true })
}

async function takePicture(): Promise<Buffer> {
  const { controls } = world
  const page = await browser.page({ viewport })
  await controls.kie({ latency_ms: 300 })
  const anna = await openChat(page, controls.url, { name: 'Анна', language: 'ru' })
  await anna.start()
  await anna.waitForText('Привет, Анна!')
  await anna.tap('Картинки и дизайн')
  await anna.tap('Z-Image')
  await anna.waitForText('Z-Image · Alibaba')
  await anna.say('Парусник в тихом море на закате')
  await anna.waitForText('Цена: бесплатно')
  await anna.tap('Запустить')
  await anna.waitForText('осталось 4 генерации')
  await anna.waitForPhoto()

  await controls.kie({ latency_ms: 15_000 })
  const kate = await openChat(page, controls.url, { name: 'Kate', language: 'en' })
  await kate.start()
  await kate.waitForText('Hello, Kate!')
  await kate.tap('Pictures and design')
  await kate.tap('Nano Banana ·')
  await kate.waitForText('Nano Banana · Google')
  await kate.say('A city in the rain at night, neon lights')
  await kate.waitForText('Price: free')
  await kate.tap('Run · free')
  await kate.waitForText('Drawing')
  // The answer to the tap has been read by then, and the pointer shows nothing.
  await kate.pane.getByTestId('toast').waitFor({ state: 'detached' })
  await page.mouse.move(0, 0)
  const picture = await page.screenshot({ animations: 'disabled' })

  const [task] = (await controls.tasks()).filter(({ state }) => state !== 'success')
  if (task !== undefined) await controls.endTask(task.id, { state: 'success' })
  await kate.waitForPhoto()
  return picture
}

/** A PNG of at most 256 colours: a third of the size, and on a screenshot the eye misses nothing. */
async function withFewColours(png: Buffer): Promise<Buffer> {
  const pixels = await pixelsOf(png)
  // The encoder of GIF chooses the colours well.
  const canvas = createCanvas(pixels.width, pixels.height)
  canvas.getContext('2d').putImageData(pixels, 0, 0)
  const { data, width, height } = await pixelsOf(await canvas.encode('gif', 1))

  const palette = new Map<number, number>()
  const rows = Buffer.alloc((width + 1) * height)
  for (let at = 0; at < width * height; at += 1) {
    const colour = ((data[at * 4] ?? 0) << 16) | ((data[at * 4 + 1] ?? 0) << 8) | (data[at * 4 + 2] ?? 0)
    if (!palette.has(colour)) palette.set(colour, palette.size)
    // Each row begins with the number of its filter: none.
    rows[at + Math.floor(at / width) + 1] = palette.get(colour) ?? 0
  }
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 3, 0, 0, 0])
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk(
      'PLTE',
      Buffer.from([...palette.keys()].flatMap((colour) => [colour >> 16, (colour >> 8) & 255, colour & 255])),
    ),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

async function pixelsOf(bytes: Buffer) {
  const image = await loadImage(bytes)
  const pen = createCanvas(image.width, image.height).getContext('2d')
  pen.drawImage(image, 0, 0)
  return pen.getImageData(0, 0, image.width, image.height)
}

function chunk(type: string, content: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), content])
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(content.byteLength)
  sum.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, sum])
}
