import { z } from 'zod'
import type { FileKind, MediaContent } from '../model.ts'
import { answer, type Call, type Method, namedMessage, openPeer, render } from './call.ts'
import { edit } from './edit.ts'
import { badRequest } from './errors.ts'
import { readMarkup } from './keyboard.ts'
import { keep, load, type Source } from './media.ts'
import type { Params } from './params.ts'
import { post, readCaption } from './send-text.ts'

/** Sending files: one at a time, as an album, or in the place of another. */
const sendFile =
  (kind: FileKind): Method =>
  async (call) => {
    const peer = openPeer(call)
    const caption = kind === 'sticker' || kind === 'video_note' ? noCaption : readCaption(call.params)
    const markup = readMarkup(call.params)
    const source = await load(call, kind, kind, call.params.text(kind))
    return call.telegram.world.shelf.atomically(() => {
      const content = { ...placed(call.params, caption), file: keep(call, kind, source, call.params) }
      return answer(render(call, peer.person, post(call, peer, content, markup)))
    })
  }

const noCaption = { text: '', entities: [] }

const placed = (params: Params, caption: MediaContent['caption']) => ({
  type: 'media' as const,
  caption,
  spoiler: params.bool('has_spoiler'),
  captionAbove: params.bool('show_caption_above_media'),
})

export const sendPhoto = sendFile('photo')
export const sendVideo = sendFile('video')
export const sendAnimation = sendFile('animation')
export const sendAudio = sendFile('audio')
export const sendVoice = sendFile('voice')
export const sendDocument = sendFile('document')
export const sendVideoNote = sendFile('video_note')
export const sendSticker = sendFile('sticker')

const albumKinds = ['photo', 'video', 'audio', 'document'] as const
const editableKinds = [...albumKinds, 'animation'] as const

type Item = { readonly kind: FileKind; readonly details: Params; readonly caption: MediaContent['caption'] }

const inputMedia = z.looseObject({ type: z.string(), media: z.string() })

/** One InputMedia, whose fields are those of the matching send method. */
function readItem(call: Call, value: unknown, allowed: readonly FileKind[]): Item & { readonly media: string } {
  const parsed = inputMedia.safeParse(value)
  if (!parsed.success) throw badRequest("can't parse InputMedia: type and media are expected")
  const kind = allowed.find((candidate) => candidate === parsed.data.type)
  if (kind === undefined) throw badRequest("can't use the media of the specified type in the album")
  const details = call.params.within(parsed.data)
  return { kind, details, caption: readCaption(details), media: parsed.data.media }
}

export const sendMediaGroup: Method = async (call) => {
  const peer = openPeer(call)
  const media = call.params.json('media')
  if (!Array.isArray(media)) throw badRequest('expected an Array of InputMedia')
  if (media.length > 10) throw badRequest('too many messages to send as an album')
  if (media.length < 2) throw badRequest('an album has 2 to 10 items')
  const items = media.map((value: unknown) => readItem(call, value, albumKinds))
  for (const lonely of ['audio', 'document'] as const) {
    const count = items.filter(({ kind }) => kind === lonely).length
    if (count > 0 && count < items.length) throw badRequest(`${lonely} can't be mixed with other media types`)
  }
  const sources: Source[] = []
  for (const { kind, media: value } of items) sources.push(await load(call, kind, '', value))
  const { shelf } = call.telegram.world
  return shelf.atomically(() => {
    const albumId = String(10_000_000_000_000_000 + shelf.next('telegram/album'))
    // All files first: one that is refused refuses the album.
    const contents = items.map(({ kind, details, caption }, at) => {
      const source = sources[at]
      if (source === undefined) throw new Error('an album item without a source')
      return { ...placed(details, caption), file: keep(call, kind, source, details) }
    })
    return answer(contents.map((content) => render(call, peer.person, post(call, peer, content, { albumId }))))
  })
}

export const editMessageMedia: Method = async (call) => {
  const { message } = namedMessage(call, 'edit')
  if (message.from !== 'bot') throw badRequest("message can't be edited")
  if (message.content.type !== 'media' && message.content.type !== 'text') throw badRequest("message can't be edited")
  const item = readItem(call, call.params.json('media'), editableKinds)
  const source = await load(call, item.kind, '', item.media)
  return call.telegram.world.shelf.atomically(() =>
    edit(call, () => ({ ...placed(item.details, item.caption), file: keep(call, item.kind, source, item.details) })),
  )
}
