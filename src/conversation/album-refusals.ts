import { unreachable } from '../kit/unreachable.ts'
import type { Input, Reaction, Seen } from './screen.ts'
import type { Notice, Session } from './session.ts'

/**
 * An album comes as an update for each of its files. What is refused of it is said once, in the message that speaks for
 * the album, and stands there while the others are checked. Pure.
 */
export function refusedOnce({ session }: Seen, input: Input, reaction: Reaction): Reaction {
  const group = albumOf(session, input)
  if (group === undefined) return reaction
  const told = session.refusedAlbum?.group === group ? session.refusedAlbum.notice : undefined
  const { notice } = reaction
  // The shelf of models asks for one by itself.
  if (notice === undefined || notice.type === 'choose_for_file') {
    return told === undefined || reaction.still === true ? reaction : { ...reaction, notice: told, inPlace: true }
  }
  if (!isRefusal(notice)) return reaction
  const isSpokenOf = told !== undefined || session.draft?.album === group || session.photos?.group === group
  return { ...reaction, refusedAlbum: { group, notice }, ...(isSpokenOf ? { inPlace: true } : {}) }
}

function albumOf({ draft }: Session, input: Input): string | undefined {
  switch (input.kind) {
    case 'file':
    case 'foreign_file':
      return input.group
    case 'file_checked':
      return draft?.album
    case 'opened':
    case 'unknown_button':
    case 'text':
    case 'command':
    case 'unsupported':
      return undefined
    default:
      return unreachable(input, 'albumOf')
  }
}

/** Whether it says that a file is not taken. */
const isRefusal = ({ type }: Notice): boolean =>
  type === 'foreign_format' ||
  type === 'not_a_picture' ||
  type === 'file_too_big' ||
  type === 'too_many_pixels' ||
  type === 'too_many_pictures' ||
  type === 'file_lost' ||
  type === 'unexpected_file'
