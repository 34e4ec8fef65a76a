/** The words on a picture: the prompt at the foot, the model in a corner; in Latin and Cyrillic whatever the machine has. */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { GlobalFonts, type SKRSContext2D } from '@napi-rs/canvas'
import type { Size } from './size.ts'

const families = ['latin', 'cyrillic', 'latin-ext', 'cyrillic-ext']
const linesMax = 4

/** Loads the fonts that npm brought; without them the pictures of a bare server would have no letters. */
export function loadFonts(): void {
  const directory = dirname(createRequire(import.meta.url).resolve('@fontsource/noto-sans/package.json'))
  for (const family of families)
    for (const weight of [400, 700])
      GlobalFonts.registerFromPath(
        join(directory, 'files', `noto-sans-${family}-${weight}-normal.woff2`),
        `TRT ${family}`,
      )
}

const font = (weight: 400 | 700, pixels: number): string =>
  `${weight} ${pixels}px ${families.map((family) => `"TRT ${family}"`).join(', ')}, sans-serif`

export function drawCaption(pen: SKRSContext2D, { width, height }: Size, prompt: string, corner: string): void {
  const unit = Math.min(width, height)
  const pixels = Math.max(12, Math.round(Math.min(unit * 0.045, width * 0.04)))
  const margin = Math.round(pixels * 1.1)
  drawCorner(pen, corner, margin, Math.max(10, Math.round(pixels * 0.62)), width)
  pen.font = font(700, pixels)
  const lines = wrap(pen, prompt, width - margin * 2)
  if (lines.length === 0) return
  const lineHeight = Math.round(pixels * 1.35)
  const top = height - margin - lines.length * lineHeight
  const shade = pen.createLinearGradient(0, top - lineHeight * 2, 0, height)
  shade.addColorStop(0, 'rgba(0,0,0,0)')
  shade.addColorStop(0.45, 'rgba(0,0,0,0.55)')
  shade.addColorStop(1, 'rgba(0,0,0,0.78)')
  pen.fillStyle = shade
  pen.fillRect(0, top - lineHeight * 2, width, height)
  pen.fillStyle = '#ffffff'
  pen.textBaseline = 'top'
  for (const [index, line] of lines.entries()) pen.fillText(line, margin, top + index * lineHeight)
}

function drawCorner(pen: SKRSContext2D, text: string, margin: number, pixels: number, width: number): void {
  pen.font = font(400, pixels)
  pen.textBaseline = 'middle'
  const fitted = cut(pen, text, width - margin * 2 - pixels * 2)
  const pill = { width: pen.measureText(fitted).width + pixels * 1.6, height: pixels * 2 }
  pen.fillStyle = 'rgba(0,0,0,0.45)'
  pen.beginPath()
  pen.roundRect(margin, margin, pill.width, pill.height, pill.height / 2)
  pen.fill()
  pen.fillStyle = 'rgba(255,255,255,0.95)'
  pen.fillText(fitted, margin + pixels * 0.8, margin + pill.height / 2)
}

/** Words into at most `linesMax` lines; a word wider than a line is cut, and so is what does not fit. */
function wrap(pen: SKRSContext2D, text: string, width: number): readonly string[] {
  const lines: string[] = []
  // Longer prompts cannot fit anyway, and measuring 20,000 characters word by word would take seconds.
  const words = readable(text)
    .slice(0, 600)
    .split(' ')
    .filter((word) => word !== '')
  for (const word of words) {
    const last = lines.at(-1)
    if (last !== undefined && pen.measureText(`${last} ${word}`).width <= width)
      lines[lines.length - 1] = `${last} ${word}`
    else lines.push(cut(pen, word, width))
    if (lines.length > linesMax) break
  }
  if (lines.length <= linesMax) return lines
  const kept = lines.slice(0, linesMax)
  return [...kept.slice(0, -1), cut(pen, `${kept.at(-1) ?? ''} …`, width)]
}

/** Control characters and lone surrogates have no shape; the text library takes only well-formed text. */
const readable = (text: string): string => text.replace(/[\s\p{Cc}\p{Cs}]+/gu, ' ').trim()

function cut(pen: SKRSContext2D, text: string, width: number): string {
  let letters = [...readable(text)]
  while (
    letters.length > 1 &&
    pen.measureText(`${letters.join('')}…`).width > width &&
    pen.measureText(letters.join('')).width > width
  )
    letters = letters.slice(0, Math.max(1, Math.floor(letters.length * 0.9)))
  return letters.length === [...readable(text)].length ? letters.join('') : `${letters.join('').trimEnd()}…`
}
