import assert from 'node:assert/strict'
import { after, it } from 'node:test'
import { startWorld } from '../fixtures/service.ts'
import { opens, picture, topsUp } from './steps.ts'

/** What no model can take is refused where it is sent, with its name; nothing of it reaches KIE. */
const world = await startWorld()
after(() => world.end())
await world.controls.kie({ latency_ms: 50 })

const bytesOf = (letters: string) => Buffer.from(letters, 'latin1')
const heic = bytesOf(`\0\0\0\x18ftypmif1\0\0\0\0mif1heic${'x'.repeat(500)}`)
const gif = bytesOf(`GIF89a\x25\0\x15\0${'x'.repeat(500)}`)

it('files are refused by their name, their MIME type or their bytes, before and after a model is chosen', async () => {
  const anna = await world.person('Анна')
  const refuses = async (name: string, mime: string, bytes: Buffer, words: RegExp) => {
    await anna.sends({ document: { bytes, name, mime }, caption: 'сделай лето' })
    await anna.sees(words)
  }
  await anna.says('/start')
  await refuses('IMG_1.HEIC', 'application/octet-stream', heic, /Это HEIC[\s\S]*как фото/)
  await refuses('a.gif', 'image/gif', gif, /Это GIF/)
  await refuses('a.pdf', 'application/pdf', bytesOf('%PDF-1.7'), /Это PDF/)
  await topsUp(anna)
  await opens(anna, 'Seedream 5.0 Flash Edit')
  await refuses('IMG_2', 'image/heic', heic, /Это HEIC/)
  await refuses('IMG_3.jpg', 'image/jpeg', heic, /Это HEIC/)
  await refuses('IMG_4.jpg', 'image/jpeg', gif, /Это GIF/)
  await refuses('file', 'application/octet-stream', bytesOf('BM\x36\0\0\0'), /Это BMP/)
  // One that only is called so is a picture all the same.
  await anna.sends({ document: { bytes: picture(1, 'image/jpeg'), name: 'IMG_5.HEIC', mime: 'image/jpeg' } })
  await anna.sees(/Фото: 1 картинка/)
  assert.equal((await world.controls.tasks()).length, 0)
})

it('a file kept without a model is checked when the model is chosen', async () => {
  const boris = await world.person('Борис')
  await boris.sends({ document: { bytes: gif, name: 'cat', mime: 'application/octet-stream' }, caption: 'лето' })
  await boris.sees(/Что сделать с фото/)
  await boris.taps(/Seedream 5.0 Flash Edit/)
  await boris.sees(/Это GIF/)
})

it('an animation is called a GIF', async () => {
  const vera = await world.person('Вера')
  await vera.says('/start')
  const from = { id: vera.id, is_bot: false, first_name: 'Вера', language_code: 'ru' }
  const file = { file_id: 'a', file_unique_id: 'a', mime_type: 'video/mp4', file_name: 'cat.mp4' }
  const message = {
    message_id: 900,
    date: 1,
    from,
    chat: { id: vera.id, type: 'private' },
    animation: file,
    document: file,
  }
  assert.equal((await world.deliver(JSON.stringify({ update_id: 870_000, message }))).status, 200)
  await vera.sees(/Это GIF[\s\S]*скриншот/)
})
