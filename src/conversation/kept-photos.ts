/**
 * Photos that came where no model is chosen. They wait in the conversation, and go into the draft of the first model
 * that works from photos; a model that takes none leaves them waiting. Pure.
 */
import type { Offer, TakenFile } from '../catalog/offer.ts'
import { inOrderOfMessages, takeCaptioned } from './answers.ts'
import { draftFor, fetchableBytesMax, imagesField, nextPlace } from './draft.ts'
import type { Input, Reaction, Seen } from './screen.ts'
import type { KeptPhotos, Notice } from './session.ts'

/** Who comes back later than this has something else in mind. */
const keptMs = 60 * 60_000
/** An album has ten pictures at most. */
const photosMax = 10

/** Keeps the photo and asks for a model; one message of ours speaks for all pictures of an album. */
export function keepPhoto({ session, now }: Seen, sent: Extract<Input, { kind: 'file' }>): Reaction {
  const { file, group } = sent
  // No model gets to see a file that Telegram does not hand out.
  if (file.bytes > fetchableBytesMax) return { notice: { type: 'file_too_big', maxBytes: fetchableBytesMax } }
  const album = group !== undefined && session.photos?.group === group ? session.photos : undefined
  const before = album?.files.filter(({ uniqueId }) => uniqueId !== file.uniqueId) ?? []
  const caption = album?.caption ?? sent.caption
  const photos: KeptPhotos = {
    files: inOrderOfMessages([...before, file]).slice(0, photosMax),
    at: now,
    ...(group === undefined ? {} : { group }),
    ...(caption === undefined ? {} : { caption }),
  }
  return {
    photos,
    go: { at: 'shelf', shelf: 'image-to-image', page: 0 },
    notice: { type: 'choose_for_file' },
    ...(album === undefined ? {} : { inPlace: true }),
  }
}

/** The waiting photos as the first answer to a model that was just picked; undefined when there is nothing to take. */
export function takeKeptPhotos(seen: Seen, offer: Offer): Reaction | undefined {
  const { photos } = seen.session
  if (photos === undefined || seen.now - photos.at > keptMs || imagesField(offer) === undefined) return undefined
  const { group, caption } = photos
  const more = { ...(group === undefined ? {} : { group }), ...(caption === undefined ? {} : { caption }) }
  let draft = draftFor(seen, offer)
  let notice: Notice | undefined
  const files: TakenFile[] = []
  for (const file of photos.files) {
    const taken = takeCaptioned(draft, offer, { kind: 'file', file, ...more })
    draft = taken.draft ?? draft
    notice ??= taken.notice
    if (taken.command?.type === 'take_files') files.push(...taken.command.files)
  }
  return {
    draft,
    photos: null,
    ...(notice === undefined ? {} : { notice }),
    ...(files.length === 0
      ? { go: { at: 'offer', offer: offer.id } }
      : { go: nextPlace(offer, draft), command: { type: 'take_files', files } }),
  }
}
