/**
 * The little worlds a picture can show: hills, sea, city, forest, space, and an abstract one. Words of the prompt choose the
 * scene where they can («море», "city"); otherwise the seed does.
 */
import type { SKRSContext2D } from '@napi-rs/canvas'
import type { Random } from './random.ts'
import type { Size } from './size.ts'

type Scene = (pen: SKRSContext2D, size: Size, colours: Colours, random: Random) => void

/** Three related hues and whether it is night. */
type Colours = { readonly sky: number; readonly land: number; readonly light: number; readonly night: boolean }

const hsl = (hue: number, saturation: number, lightness: number, alpha = 1): string =>
  `hsla(${((hue % 360) + 360) % 360}, ${saturation}%, ${lightness}%, ${alpha})`

const words: readonly (readonly [RegExp, Scene])[] = [
  [/косм|звёзд|звезд|планет|галакт|space|star|planet|galaxy|rocket|ракет/i, space],
  [/море|море|моря|морем|морск|океан|пляж|остров|корабл|sea|ocean|beach|island|ship|boat|wave/i, sea],
  [/город|улиц|дом|небоскр|city|street|town|building|skyline|neon|неон/i, city],
  [/лес|дерев|сосн|ёлк|елк|forest|tree|wood|pine/i, forest],
  [/горы|гора|горн|холм|поле|долин|mountain|hill|field|valley|landscape|пейзаж/i, hills],
]
const nightWords = /ноч|тёмн|темн|звёзд|звезд|луна|night|dark|moon|star|космос|space|neon|неон/i

/** Fills the whole canvas. */
export function drawScene(pen: SKRSContext2D, size: Size, prompt: string, random: Random): void {
  const sky = random.between(0, 360)
  const colours: Colours = {
    sky,
    land: sky + random.pick([120, 150, 180, 210, 40]),
    light: random.between(25, 60),
    night: nightWords.test(prompt) || random.next() < 0.25,
  }
  const chosen = words.find(([pattern]) => pattern.test(prompt))?.[1]
  const scene = chosen ?? random.pick<Scene>([hills, sea, city, forest, abstract, abstract])
  scene(pen, size, colours, random)
}

function drawSky(pen: SKRSContext2D, { width, height }: Size, colours: Colours, random: Random): void {
  const sky = pen.createLinearGradient(0, 0, 0, height)
  const [top, middle, low] = colours.night ? [10, 22, 40] : [48, 68, 86]
  sky.addColorStop(0, hsl(colours.sky, 70, top ?? 0))
  sky.addColorStop(0.55, hsl(colours.sky + 25, 65, middle ?? 0))
  sky.addColorStop(1, hsl(colours.light, 80, low ?? 0))
  pen.fillStyle = sky
  pen.fillRect(0, 0, width, height)
  if (colours.night) drawStars(pen, { width, height: height * 0.6 }, 140, random)
  drawSun(pen, { width, height }, colours, random)
  if (!colours.night) drawClouds(pen, { width, height }, random)
}

function drawStars(pen: SKRSContext2D, { width, height }: Size, count: number, random: Random): void {
  for (let index = 0; index < count; index += 1) {
    pen.fillStyle = hsl(random.between(0, 360), 40, 92, random.between(0.3, 1))
    disc(pen, random.between(0, width), random.between(0, height), random.between(0.4, 1.6) * (width / 900 + 0.4))
  }
}

function drawSun(pen: SKRSContext2D, { width, height }: Size, colours: Colours, random: Random): void {
  const radius = Math.min(width, height) * random.between(0.06, 0.13)
  const x = width * random.between(0.2, 0.8)
  const y = height * random.between(0.16, 0.42)
  const hue = colours.night ? 55 : colours.light
  const glow = pen.createRadialGradient(x, y, radius * 0.6, x, y, radius * 4)
  glow.addColorStop(0, hsl(hue, 95, 85, 0.55))
  glow.addColorStop(1, hsl(hue, 95, 70, 0))
  pen.fillStyle = glow
  pen.fillRect(0, 0, width, height)
  pen.fillStyle = hsl(hue, colours.night ? 30 : 95, 92)
  disc(pen, x, y, radius)
}

function drawClouds(pen: SKRSContext2D, { width, height }: Size, random: Random): void {
  for (let cloud = 0; cloud < 4; cloud += 1) {
    const x = random.between(0, width)
    const y = random.between(height * 0.08, height * 0.4)
    const unit = Math.min(width, height) * random.between(0.02, 0.05)
    pen.fillStyle = hsl(0, 0, 100, random.between(0.25, 0.6))
    for (let puff = -3; puff <= 3; puff += 1)
      disc(pen, x + puff * unit, y + random.between(-0.4, 0.4) * unit, unit * (1.5 - Math.abs(puff) * 0.28))
  }
}

function disc(pen: SKRSContext2D, x: number, y: number, radius: number): void {
  pen.beginPath()
  pen.arc(x, y, radius, 0, Math.PI * 2)
  pen.fill()
}

/** A ridge made of a few waves, from one side to the other, filled down to the bottom. */
function ridge(pen: SKRSContext2D, { width, height }: Size, level: number, rough: number, random: Random): void {
  const waves = [1.5, 3.5, 8].map((count, index) => ({
    count: count * random.between(0.7, 1.3),
    shift: random.between(0, Math.PI * 2),
    rise: (rough * height) / (1 + index * 1.6),
  }))
  pen.beginPath()
  pen.moveTo(0, height)
  const step = Math.max(4, width / 160)
  for (let x = 0; x <= width + step; x += step) {
    const rise = waves.reduce(
      (sum, wave) => sum + Math.sin((x / width) * Math.PI * wave.count + wave.shift) * wave.rise,
      0,
    )
    pen.lineTo(x, height * level - rise)
  }
  pen.lineTo(width + step, height)
  pen.closePath()
  pen.fill()
}

function hills(pen: SKRSContext2D, size: Size, colours: Colours, random: Random): void {
  drawSky(pen, size, colours, random)
  const layers = 5
  for (let layer = 0; layer < layers; layer += 1) {
    const near = layer / (layers - 1)
    const lightness = colours.night ? 30 - near * 22 : 66 - near * 40
    pen.fillStyle = hsl(colours.land + layer * 6, 30 + near * 25, lightness)
    ridge(pen, size, 0.5 + near * 0.34, 0.09 * (1 - near * 0.45), random)
  }
}

function sea(pen: SKRSContext2D, size: Size, colours: Colours, random: Random): void {
  const { width, height } = size
  drawSky(pen, size, colours, random)
  const horizon = height * 0.56
  const water = pen.createLinearGradient(0, horizon, 0, height)
  water.addColorStop(0, hsl(colours.sky + 15, 60, colours.night ? 26 : 62))
  water.addColorStop(1, hsl(colours.sky + 10, 75, colours.night ? 8 : 24))
  pen.fillStyle = water
  pen.fillRect(0, horizon, width, height - horizon)
  for (let glint = 0; glint < 160; glint += 1) {
    const depth = random.next() ** 1.6
    pen.fillStyle = hsl(colours.light, 90, 88, random.between(0.08, 0.4))
    const length = width * random.between(0.01, 0.05) * (0.4 + depth * 2)
    pen.fillRect(
      random.between(-0.05, 1) * width,
      horizon + depth * (height - horizon),
      length,
      1 + depth * height * 0.005,
    )
  }
  drawSail(pen, width * random.between(0.25, 0.75), horizon + height * 0.05, Math.min(width, height) * 0.12)
}

function drawSail(pen: SKRSContext2D, x: number, y: number, unit: number): void {
  pen.fillStyle = 'rgba(255,255,255,0.95)'
  polygon(pen, [x, y - unit, x, y - unit * 0.12, x + unit * 0.55, y - unit * 0.12])
  pen.fillStyle = 'rgba(255,235,215,0.9)'
  polygon(pen, [x - unit * 0.05, y - unit * 0.8, x - unit * 0.05, y - unit * 0.12, x - unit * 0.4, y - unit * 0.12])
  pen.fillStyle = 'rgba(60,30,25,0.95)'
  polygon(pen, [
    x - unit * 0.5,
    y - unit * 0.08,
    x + unit * 0.62,
    y - unit * 0.08,
    x + unit * 0.4,
    y + unit * 0.1,
    x - unit * 0.35,
    y + unit * 0.1,
  ])
}

function polygon(pen: SKRSContext2D, points: readonly number[]): void {
  pen.beginPath()
  for (let index = 0; index + 1 < points.length; index += 2) pen.lineTo(points[index] ?? 0, points[index + 1] ?? 0)
  pen.closePath()
  pen.fill()
}

function city(pen: SKRSContext2D, size: Size, colours: Colours, random: Random): void {
  const { width, height } = size
  drawSky(pen, size, { ...colours, night: true }, random)
  for (let row = 0; row < 3; row += 1) {
    let x = -width * 0.02
    while (x < width) {
      const block = {
        width: width * random.between(0.05, 0.12),
        height: height * random.between(0.22, 0.62 - row * 0.12),
      }
      const top = height * (0.96 + row * 0.04) - block.height
      pen.fillStyle = hsl(colours.sky + row * 8, 35, 26 - row * 8)
      pen.fillRect(x, top, block.width, block.height + height)
      drawWindows(pen, x, top, block, colours, random)
      x += block.width + width * random.between(0, 0.012)
    }
  }
}

function drawWindows(pen: SKRSContext2D, x: number, top: number, block: Size, colours: Colours, random: Random): void {
  const pane = Math.max(3, block.width / 9)
  for (let down = pane; down < block.height; down += pane * 2)
    for (let across = pane; across < block.width - pane; across += pane * 2) {
      if (random.next() < 0.5) continue
      pen.fillStyle = hsl(colours.light + random.between(-12, 12), 90, 70, random.between(0.4, 0.95))
      pen.fillRect(x + across, top + down, pane, pane * 1.2)
    }
}

function forest(pen: SKRSContext2D, size: Size, colours: Colours, random: Random): void {
  const { width, height } = size
  drawSky(pen, size, colours, random)
  const layers = 4
  for (let layer = 0; layer < layers; layer += 1) {
    const near = layer / (layers - 1)
    const ground = height * (0.62 + near * 0.26)
    pen.fillStyle = hsl(130 + (colours.land % 40), 32, (colours.night ? 26 : 52) - near * (colours.night ? 20 : 36))
    ridge(pen, size, ground / height, 0.03, random)
    const tree = Math.min(width, height) * (0.1 + near * 0.16)
    for (let x = -tree; x < width + tree; x += tree * random.between(0.35, 0.8))
      drawPine(pen, x, ground + tree * 0.2, tree * random.between(0.8, 1.25))
  }
}

function drawPine(pen: SKRSContext2D, x: number, y: number, unit: number): void {
  pen.fillRect(x - unit * 0.04, y - unit * 0.3, unit * 0.08, unit * 0.4)
  for (let tier = 0; tier < 4; tier += 1) {
    const base = y - unit * (0.12 + tier * 0.25)
    const half = unit * (0.34 - tier * 0.065)
    polygon(pen, [x - half, base, x, base - unit * 0.42, x + half, base])
  }
}

function space(pen: SKRSContext2D, size: Size, colours: Colours, random: Random): void {
  const { width, height } = size
  pen.fillStyle = hsl(colours.sky, 60, 5)
  pen.fillRect(0, 0, width, height)
  for (let cloud = 0; cloud < 7; cloud += 1) {
    const [x, y] = [random.between(0, width), random.between(0, height)]
    const mist = pen.createRadialGradient(x, y, 0, x, y, Math.max(width, height) * random.between(0.2, 0.5))
    mist.addColorStop(0, hsl(colours.sky + random.between(-60, 90), 80, 45, 0.35))
    mist.addColorStop(1, hsl(colours.sky, 80, 30, 0))
    pen.fillStyle = mist
    pen.fillRect(0, 0, width, height)
  }
  drawStars(pen, size, 320, random)
  drawPlanet(pen, size, colours, random)
}

function drawPlanet(pen: SKRSContext2D, { width, height }: Size, colours: Colours, random: Random): void {
  const radius = Math.min(width, height) * random.between(0.16, 0.26)
  const [x, y] = [width * random.between(0.3, 0.7), height * random.between(0.28, 0.5)]
  const body = pen.createRadialGradient(x - radius * 0.4, y - radius * 0.4, radius * 0.1, x, y, radius)
  body.addColorStop(0, hsl(colours.land, 80, 78))
  body.addColorStop(0.6, hsl(colours.land + 15, 65, 46))
  body.addColorStop(1, hsl(colours.land + 30, 70, 10))
  pen.fillStyle = body
  disc(pen, x, y, radius)
  pen.strokeStyle = hsl(colours.light, 70, 80, 0.7)
  pen.lineWidth = radius * 0.07
  pen.beginPath()
  pen.ellipse(x, y, radius * 1.75, radius * 0.42, -0.35, Math.PI * -0.08, Math.PI * 1.08)
  pen.stroke()
}

function abstract(pen: SKRSContext2D, size: Size, colours: Colours, random: Random): void {
  const { width, height } = size
  const wash = pen.createLinearGradient(0, 0, width, height)
  wash.addColorStop(0, hsl(colours.sky, 75, colours.night ? 18 : 58))
  wash.addColorStop(0.5, hsl(colours.sky + 50, 70, colours.night ? 28 : 66))
  wash.addColorStop(1, hsl(colours.land, 75, colours.night ? 22 : 60))
  pen.fillStyle = wash
  pen.fillRect(0, 0, width, height)
  for (let band = 0; band < 9; band += 1) {
    pen.fillStyle = hsl(colours.sky + random.between(-40, 140), 80, random.between(45, 75), 0.22)
    ridge(pen, size, random.between(0.2, 0.95), random.between(0.05, 0.2), random)
  }
  for (let bubble = 0; bubble < 26; bubble += 1) {
    pen.fillStyle = hsl(colours.light + random.between(-30, 60), 90, 82, random.between(0.06, 0.35))
    disc(pen, random.between(0, width), random.between(0, height), Math.min(width, height) * random.between(0.01, 0.1))
  }
}
