import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createClock } from '../../src/kit/clock.ts'
import { type Exchange, exchange, keptConnections } from '../../src/kit/exchange.ts'
import { freePort, serve, serveRaw, serveText } from '../fixtures/loopback.ts'

const clock = createClock()
const ask = (url: string, more: Partial<Exchange> = {}) =>
  exchange(clock, { url: new URL(url), method: 'POST', body: 'a question', limitMs: 5000, maxBytes: 1000, ...more })

describe('one exchange with the outside', () => {
  it('brings back status, headers and body of any status', async (t) => {
    const { url, heard } = await serveText(t, 'gone for good', 410)
    const ending = await ask(`${url}/path?query=1`)
    assert.equal(ending.kind, 'answered')
    if (ending.kind !== 'answered') return
    assert.equal(ending.status, 410)
    assert.equal(Buffer.from(ending.body).toString(), 'gone for good')
    assert.equal(heard[0]?.path, '/path?query=1')
    assert.equal(heard[0]?.body.toString(), 'a question')
  })

  it('follows no redirect', async (t) => {
    const { url, heard } = await serve(t, (_, response) => response.writeHead(302, { location: '/elsewhere' }).end())
    const ending = await ask(url)
    assert.equal(ending.kind === 'answered' && ending.status, 302)
    assert.equal(heard.length, 1)
  })

  it('is unsent when nobody listens', async () => {
    const ending = await ask(`http://127.0.0.1:${await freePort()}`)
    assert.equal(ending.kind, 'unsent')
    assert.equal(ending.kind === 'unsent' && ending.code, 'ECONNREFUSED')
  })

  it('is unsent when the name leads nowhere', async () => {
    const ending = await ask('http://nowhere.invalid')
    assert.equal(ending.kind, 'unsent')
  })

  it('is unsent when the time is over before there is a connection', async () => {
    const ending = await ask('http://slow-name.example', { limitMs: 5, lookup: () => undefined })
    assert.equal(ending.kind, 'unsent')
    assert.equal(ending.kind === 'unsent' && ending.code, 'TIME_LIMIT')
  })

  it('is unsent when the encrypted connection does not come about', async (t) => {
    const { port } = await serveRaw(t, (socket) => socket.once('data', () => socket.destroy()))
    const ending = await ask(`https://127.0.0.1:${port}`)
    assert.equal(ending.kind, 'unsent')
  })

  it('is unsent when a header cannot be written', async (t) => {
    const { url, heard } = await serveText(t, '')
    const ending = await ask(url, { headers: { authorization: 'a\nb' } })
    assert.equal(ending.kind, 'unsent')
    assert.equal(heard.length, 0)
  })

  it('is unanswered when the connection breaks after the request was read', async (t) => {
    const { port } = await serveRaw(t, (socket) => socket.once('data', () => socket.destroy()))
    assert.equal((await ask(`http://127.0.0.1:${port}`)).kind, 'unanswered')
  })

  it('is unanswered when the connection breaks within the answer', async (t) => {
    const { port } = await serveRaw(t, (socket) =>
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this')),
    )
    assert.equal((await ask(`http://127.0.0.1:${port}`)).kind, 'unanswered')
  })

  it('is unanswered when the answer does not come in time', async (t) => {
    const { port } = await serveRaw(t, () => undefined)
    const ending = await ask(`http://127.0.0.1:${port}`, { limitMs: 100 })
    assert.equal(ending.kind, 'unanswered')
    assert.equal(ending.kind === 'unanswered' && ending.code, 'TIME_LIMIT')
  })

  it('is unanswered on a kept connection that the other side closes, because the request may have been read', async (t) => {
    const { url, heard } = await serve(t, (one, response) => {
      if (one.path === '/last') response.socket?.destroy()
      else response.end('first')
    })
    const connections = keptConnections()
    assert.equal((await ask(url, { connections })).kind, 'answered')
    assert.equal((await ask(`${url}/last`, { connections })).kind, 'unanswered')
    assert.equal(heard.length, 2)
  })

  it('takes the answer that comes before our body was read, as a server that refuses its size sends it', async (t) => {
    const { port } = await serveRaw(t, (socket) =>
      socket.once('data', () => {
        socket.end('HTTP/1.1 413 Request Entity Too Large\r\ncontent-length: 9\r\nconnection: close\r\n\r\ntoo large')
        socket.resume()
      }),
    )
    const ending = await ask(`http://127.0.0.1:${port}`, { body: new Uint8Array(4_000_000) })
    assert.equal(ending.kind === 'answered' && ending.status, 413)
  })

  it('stops reading at the limit, whether the length was announced or not', async (t) => {
    const { url } = await serve(t, (one, response) => {
      if (one.path === '/announced') response.writeHead(200, { 'content-length': '1001' }).write('the rest never comes')
      else {
        response.write(Buffer.alloc(600))
        response.write(Buffer.alloc(600))
      }
    })
    assert.equal((await ask(`${url}/announced`)).kind, 'too_long')
    assert.equal((await ask(`${url}/streamed`)).kind, 'too_long')
  })

  it('gives up when asked to, before and while it waits', async (t) => {
    const controller = new AbortController()
    const { port } = await serveRaw(t, (socket) => socket.once('data', () => controller.abort()))
    const ending = await ask(`http://127.0.0.1:${port}`, { signal: controller.signal })
    assert.equal(ending.kind === 'unanswered' && ending.code, 'STOPPED')
    const before = await ask(`http://127.0.0.1:${port}`, { signal: controller.signal })
    assert.equal(before.kind === 'unsent' && before.code, 'STOPPED')
  })
})
