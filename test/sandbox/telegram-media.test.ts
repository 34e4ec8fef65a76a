import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { z } from 'zod'
import { serve } from '../fixtures/loopback.ts'
import {
  ask,
  at,
  listAt,
  numberAt,
  pngOf,
  type Speaking,
  sendForm,
  startSandbox,
  textAt,
  token,
} from './telegram-setup.ts'

const mb = 1024 * 1024
const photo = (bytes: Uint8Array, name = 'cat.png') => ({ photo: { bytes, name } })
const descriptionOf = ({ body }: { body: Record<string, unknown> }) => body['description']

async function startFileServer(t: TestContext, files: Record<string, { type: string; body: Buffer }>): Promise<string> {
  const { url } = await serve(t, ({ path }, reply) => {
    const file = files[path]
    if (file === undefined) reply.writeHead(404).end()
    else reply.writeHead(200, { 'content-type': file.type }).end(file.body)
  })
  return url
}

async function sendPhoto(sandbox: Speaking, person: number, bytes: Uint8Array) {
  const answer = await sendForm(sandbox, 'sendPhoto', { chat_id: `${person}` }, photo(bytes))
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  const sizes = listAt(answer.body, 'result.photo')
  return { message: numberAt(answer.body, 'result.message_id'), sizes, fileId: textAt(sizes.at(-1), 'file_id') }
}

describe('files on the sandbox', () => {
  it('offers a photo in several sizes and gives the same bytes back to bot and person', async (t) => {
    const sandbox = await startSandbox(t)
    const anna = await sandbox.person()
    const bytes = pngOf(1024, 512)
    const { sizes, fileId } = await sendPhoto(sandbox, anna, bytes)
    assert.deepEqual(
      sizes.map((size) => [at(size, 'width'), at(size, 'height')]),
      [
        [90, 45],
        [320, 160],
        [800, 400],
        [1024, 512],
      ],
    )
    const file = await sandbox.ok('getFile', { file_id: fileId })
    assert.equal(at(file, 'file_size'), bytes.byteLength)
    const download = await fetch(`${sandbox.url}/telegram/file/bot${token}/${textAt(file, 'file_path')}`)
    assert.deepEqual(Buffer.from(await download.arrayBuffer()), bytes)
    const seen = await fetch(textAt((await sandbox.chat(anna))[0], 'photo.url'))
    assert.equal(seen.headers.get('content-type'), 'image/png')
    assert.deepEqual(Buffer.from(await seen.arrayBuffer()), bytes)
  })

  it('gives a player the part of a file that it asks for', async (t) => {
    const sandbox = await startSandbox(t)
    const anna = await sandbox.person()
    const bytes = pngOf(64, 64)
    const size = bytes.byteLength
    await sendPhoto(sandbox, anna, bytes)
    const url = textAt((await sandbox.chat(anna))[0], 'photo.url')
    const get = (range: string, more: Record<string, string> = {}) => fetch(url, { headers: { range, ...more } })

    for (const [range, first, last] of [
      ['bytes=0-1', 0, 1],
      ['bytes=10-', 10, size - 1],
      ['bytes=-5', size - 5, size - 1],
      [`bytes=3-${size * 2}`, 3, size - 1],
      [`bytes=-${size * 2}`, 0, size - 1],
    ] as const) {
      const answer = await get(range)
      assert.equal(answer.status, 206, range)
      assert.equal(answer.headers.get('content-range'), `bytes ${first}-${last}/${size}`)
      assert.equal(answer.headers.get('content-type'), 'image/png')
      assert.deepEqual(Buffer.from(await answer.arrayBuffer()), bytes.subarray(first, last + 1))
    }
    for (const range of [`bytes=${size}-`, 'bytes=-0']) {
      const beyond = await get(range)
      assert.equal(beyond.status, 416, range)
      assert.equal(beyond.headers.get('content-range'), `bytes */${size}`)
      await beyond.text()
    }
    for (const range of ['bytes=5-3', 'bytes=0-1,4-5', 'lines=1-2', 'bytes=-', 'nonsense']) {
      const whole = await get(range)
      assert.equal(whole.status, 200, range)
      assert.equal(whole.headers.get('accept-ranges'), 'bytes')
      assert.deepEqual(Buffer.from(await whole.arrayBuffer()), bytes)
    }
    const conditional = await get('bytes=0-1', { 'if-range': '"of another time"' })
    assert.equal(conditional.status, 200)
    await conditional.arrayBuffer()
  })

  it('sends a known file again by its id, only for the same bot and only as what it is', async (t) => {
    const sandbox = await startSandbox(t)
    const anna = await sandbox.person()
    const { fileId, sizes } = await sendPhoto(sandbox, anna, pngOf(640, 480))
    const again = await sandbox.ok('sendPhoto', { chat_id: anna, photo: fileId })
    assert.deepEqual(at(again, 'photo'), sizes, 'ids stay what they were')
    const asDocument = await sandbox.call('sendDocument', { chat_id: anna, document: fileId })
    assert.equal(descriptionOf(asDocument), 'Bad Request: type of file mismatch')
    const elsewhere = await ask('POST', `${sandbox.url}/telegram/bot987:other-token/sendPhoto`, {
      chat_id: anna,
      photo: fileId,
    })
    assert.equal(descriptionOf(elsewhere), 'Bad Request: wrong file identifier/HTTP URL specified')
    const unique = await sandbox.call('sendPhoto', { chat_id: anna, photo: at(sizes.at(-1), 'file_unique_id') })
    assert.equal(descriptionOf(unique), 'Bad Request: wrong file identifier/HTTP URL specified')
  })

  it('refuses photos that are too big, too long, too thin, empty, or none', async (t) => {
    const sandbox = await startSandbox(t)
    const anna = await sandbox.person()
    const cases: readonly (readonly [Uint8Array, string])[] = [
      [
        pngOf(10, 10, 10 * mb + 1),
        `Bad Request: file of size ${10 * mb + 1} bytes is too big for a photo; the maximum size is ${10 * mb} bytes`,
      ],
      [pngOf(9000, 1001), 'Bad Request: PHOTO_INVALID_DIMENSIONS'],
      [pngOf(2100, 100), 'Bad Request: PHOTO_INVALID_DIMENSIONS'],
      [Buffer.from('<html>no picture</html>'), 'Bad Request: IMAGE_PROCESS_FAILED'],
      [Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), 'Bad Request: IMAGE_PROCESS_FAILED'],
      [Buffer.alloc(0), 'Bad Request: file must be non-empty'],
    ]
    for (const [bytes, description] of cases) {
      assert.equal(
        descriptionOf(await sendForm(sandbox, 'sendPhoto', { chat_id: `${anna}` }, photo(bytes))),
        description,
      )
    }
    assert.equal(
      descriptionOf(await sandbox.call('sendPhoto', { chat_id: anna })),
      'Bad Request: there is no photo in the request',
    )
  })

  it('takes documents up to 50 MB and answers 413 above', async (t) => {
    const sandbox = await startSandbox(t)
    const anna = await sandbox.person()
    const send = (size: number) =>
      sendForm(
        sandbox,
        'sendDocument',
        { chat_id: `${anna}` },
        { document: { bytes: Buffer.alloc(size), name: 'a.bin' } },
      )
    const fits = await send(50 * mb)
    assert.equal(fits.status, 200)
    assert.equal(at(fits.body, 'result.document.file_name'), 'a.bin')
    const big = await sandbox.call('getFile', { file_id: at(fits.body, 'result.document.file_id') })
    assert.equal(descriptionOf(big), 'Bad Request: file is too big')
    const tooBig = await send(50 * mb + 1)
    assert.deepEqual([tooBig.status, descriptionOf(tooBig)], [413, 'Request Entity Too Large'])
  })

  it('fetches by URL within its limits, from this machine only', async (t) => {
    const sandbox = await startSandbox(t)
    const anna = await sandbox.person()
    const base = await startFileServer(t, {
      '/cat.png': { type: 'image/png', body: pngOf(100, 100) },
      '/big.png': { type: 'image/png', body: pngOf(100, 100, 5 * mb + 1) },
      '/page': { type: 'text/html; charset=utf-8', body: Buffer.from('<p>no</p>') },
    })
    const send = (url: string) => sandbox.call('sendPhoto', { chat_id: anna, photo: url })
    assert.equal((await send(`${base}/cat.png`)).status, 200)
    assert.equal(descriptionOf(await send(`${base}/big.png`)), 'Bad Request: failed to get HTTP URL content')
    assert.equal(descriptionOf(await send(`${base}/page`)), 'Bad Request: wrong type of the web page content')
    assert.equal(descriptionOf(await send(`${base}/gone.png`)), 'Bad Request: failed to get HTTP URL content')
    assert.match(
      String(descriptionOf(await send('https://example.com/cat.png'))),
      /^Bad Request: failed to get HTTP URL content/,
    )
    const document = await sandbox.call('sendDocument', { chat_id: anna, document: `${base}/cat.png` })
    assert.equal(descriptionOf(document), 'Bad Request: wrong type of the web page content')
  })

  it('sends an album of 2 to 10, all or nothing, with one media_group_id', async (t) => {
    const sandbox = await startSandbox(t)
    const anna = await sandbox.person()
    const item = (name: string, rest = {}) => ({ type: 'photo', media: `attach://${name}`, ...rest })
    const album = (media: unknown, files: Record<string, { bytes: Uint8Array; name: string }> = {}) =>
      sendForm(sandbox, 'sendMediaGroup', { chat_id: `${anna}`, media: JSON.stringify(media) }, files)
    const a = { bytes: pngOf(10, 10), name: 'a.png' }
    const sent = await album([item('a', { caption: '<b>x</b>', parse_mode: 'HTML' }), item('b')], { a, b: a })
    const [first, second] = listAt(sent.body, 'result')
    assert.equal(at(first, 'media_group_id'), at(second, 'media_group_id'))
    assert.equal(at(first, 'caption'), 'x')
    const refusals: readonly (readonly [unknown, string])[] = [
      [[item('a')], 'Bad Request: an album has 2 to 10 items'],
      [Array.from({ length: 11 }, () => item('a')), 'Bad Request: too many messages to send as an album'],
      [[item('a'), { ...item('a'), type: 'document' }], "Bad Request: document can't be mixed with other media types"],
      [
        [item('a'), { ...item('a'), type: 'animation' }],
        "Bad Request: can't use the media of the specified type in the album",
      ],
      [[item('a'), item('missing')], 'Bad Request: wrong file identifier/HTTP URL specified'],
    ]
    for (const [media, description] of refusals) assert.equal(descriptionOf(await album(media, { a })), description)
    const broken = await album([item('a'), item('b')], { a, b: { bytes: Buffer.from('x'), name: 'b' } })
    assert.equal(descriptionOf(broken), 'Bad Request: IMAGE_PROCESS_FAILED')
    assert.equal((await sandbox.chat(anna)).length, 2)
  })

  it('replaces the medium of a message, and a caption keeps within 1024', async (t) => {
    const sandbox = await startSandbox(t)
    const anna = await sandbox.person()
    const { message } = await sendPhoto(sandbox, anna, pngOf(10, 10))
    const target = { chat_id: `${anna}`, message_id: `${message}` }
    const media = JSON.stringify({ type: 'document', media: 'attach://f', caption: 'original' })
    const edited = await sendForm(
      sandbox,
      'editMessageMedia',
      { ...target, media },
      { f: { bytes: Buffer.from('x'), name: 'x.txt' } },
    )
    assert.equal(at(edited.body, 'result.document.file_name'), 'x.txt')
    assert.deepEqual(
      [(await sandbox.chat(anna))[0]?.['edited'], (await sandbox.chat(anna))[0]?.['photo']],
      [true, undefined],
    )
    const long = await sandbox.call('editMessageCaption', { ...target, caption: 'x'.repeat(1025) })
    assert.equal(descriptionOf(long), 'Bad Request: message caption is too long')
    assert.match(
      textAt((await sandbox.call('editMessageCaption', { ...target, caption: 'original' })).body, 'description'),
      /message is not modified/,
    )
  })

  it("brings a person's photo and document to the bot as they are", async (t) => {
    const sandbox = await startSandbox(t)
    const anna = await sandbox.person()
    await sandbox.ok('getMe')
    const bytes = pngOf(300, 200)
    const base64 = bytes.toString('base64')
    await sandbox.control('POST', `/people/${anna}/messages`, { photo: { base64 }, caption: 'my cat' })
    await sandbox.control('POST', `/people/${anna}/messages`, { document: { base64, file_name: 'cat.png' } })
    const updates = z.array(z.unknown()).parse(await sandbox.ok('getUpdates'))
    assert.equal(at(updates[0], 'message.caption'), 'my cat')
    assert.equal(at(updates[0], 'message.photo.1.width'), 300)
    assert.equal(at(updates[1], 'message.document.mime_type'), 'image/png')
    const file = await sandbox.ok('getFile', { file_id: at(updates[0], 'message.photo.1.file_id') })
    const got = await fetch(`${sandbox.url}/telegram/file/bot${token}/${textAt(file, 'file_path')}`)
    assert.deepEqual(Buffer.from(await got.arrayBuffer()), bytes)
  })
})
