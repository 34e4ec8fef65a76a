/** Small tools for text made of pieces. */
import type { Piece, Rich } from './view.ts'

/** Telegram's limits of a message and of a caption, in UTF-16 code units without markup. */
export const messageLengthMax = 4096
export const captionLengthMax = 1024

type Line = string | Rich | false | undefined

/** Lines one under the other; what is false or undefined is left out, an empty string is an empty line. */
export function lines(...each: readonly Line[]): Rich {
  const kept = each.filter((line) => line !== false && line !== undefined)
  return kept.flatMap((line, index): Rich => {
    const pieces = typeof line === 'string' ? [line] : line
    return index === 0 ? pieces : ['\n', ...pieces]
  })
}

/** Paragraphs with an empty line between them; empty ones are left out. */
export function paragraphs(...each: readonly Line[]): Rich {
  const kept = each.filter((part) => part !== false && part !== undefined && part.length > 0)
  return lines(...kept.flatMap((part, index): Line[] => (index === 0 ? [part] : ['', part])))
}

/** At most `max` characters as people count them, so that no emoji is cut in half. */
export function cut(text: string, max: number): string {
  const characters = [...text]
  return characters.length <= max ? text : `${characters.slice(0, max - 1).join('')}…`
}

/** The text without its structure, as Telegram counts its length. */
export const plain = (rich: Rich): string => rich.map(plainPiece).join('')

function plainPiece(piece: Piece): string {
  if (typeof piece === 'string') return piece
  if ('code' in piece) return piece.code
  return plain('bold' in piece ? piece.bold : 'italic' in piece ? piece.italic : piece.quote)
}
