import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { createCanvas } from '@napi-rs/canvas'
import { createFetcher } from '../../src/http/fetcher.ts'
import { isPublicIp, resolveHost } from '../../src/http/public-address.ts'
import { createClock } from '../../src/kit/clock.ts'
import type { Outcome } from '../../src/kit/outcome.ts'
import { freePort, serve, serveRaw, serveText } from '../fixtures/loopback.ts'

const clock = createClock()
const picture = createCanvas(30, 20).encodeSync('png')
const fetchFrom = (url: string, { trusted = true, maxBytes = 100_000, timeoutMs = 5000 } = {}) =>
  createFetcher({ clock, allowOrigin: trusted ? [new URL(url).origin] : [] }).fetchFile(url, {
    maxBytes,
    timeoutMs,
    accept: 'image',
  })

function refusedWith(outcome: Outcome<unknown>, why: string, when: 'never' | 'later', afterMs?: number): void {
  assert.equal(outcome.kind, 'not_done', JSON.stringify(outcome))
  if (outcome.kind !== 'not_done') return
  assert.equal(outcome.why, why, outcome.detail)
  assert.deepEqual(outcome.retry, afterMs === undefined ? { when } : { when, afterMs })
}

describe('what is fetched', () => {
  it('is told by its bytes, whatever the header says', async (t) => {
    const { url, heard } = await serveText(t, picture)
    const outcome = await fetchFrom(`${url}/result.html?signature=secret`)
    assert.equal(outcome.kind, 'done')
    if (outcome.kind !== 'done') return
    assert.equal(outcome.value.mime, 'image/png')
    assert.deepEqual([outcome.value.width, outcome.value.height], [30, 20])
    assert.deepEqual(Buffer.from(outcome.value.bytes), picture)
    assert.equal(heard[0]?.headers.authorization, undefined)
  })

  it('is no picture when it is HTML or nothing that is known', async (t) => {
    for (const text of ['<html>expired</html>', '', 'ÿØÿ?']) {
      refusedWith(await fetchFrom((await serveText(t, text)).url), 'not_a_picture', 'never')
    }
  })

  it('is gone, or may be there later, as the status says', async (t) => {
    for (const status of [400, 401, 403, 404, 410, 451]) {
      refusedWith(await fetchFrom((await serveText(t, 'no', status)).url), 'gone', 'never')
    }
    for (const status of [408, 429, 500, 502, 503, 504]) {
      refusedWith(await fetchFrom((await serveText(t, 'later', status)).url), 'unreachable', 'later')
    }
    const busy = await serve(t, (_, response) => response.writeHead(429, { 'retry-after': '9' }).end())
    refusedWith(await fetchFrom(busy.url), 'unreachable', 'later', 9000)
  })

  it('may be there later when there was no connection, a broken one, or no answer in time', async (t) => {
    refusedWith(await fetchFrom(`http://127.0.0.1:${await freePort()}`), 'unreachable', 'later')
    const cut = await serveRaw(t, (socket) =>
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n\x89PNG')),
    )
    refusedWith(await fetchFrom(`http://127.0.0.1:${cut.port}`), 'unreachable', 'later')
    const silent = await serveRaw(t, () => undefined)
    refusedWith(await fetchFrom(`http://127.0.0.1:${silent.port}`, { timeoutMs: 80 }), 'unreachable', 'later')
  })

  it('is cut off at the size limit while it streams, and never kept whole', async (t) => {
    let sent = 0
    const endless = await serve(t, (_, response) => {
      const pour = () => {
        sent += 65_536
        if (sent < 60_000_000 && !response.destroyed) response.write(Buffer.alloc(65_536), () => setImmediate(pour))
      }
      pour()
    })
    refusedWith(await fetchFrom(endless.url), 'too_big', 'never')
    assert.ok(sent < 30_000_000, `the server could send ${sent} bytes`)
    const announced = await serve(t, (_, response) =>
      response.writeHead(200, { 'content-length': '60000000' }).end('x'),
    )
    refusedWith(await fetchFrom(announced.url), 'too_big', 'never')
  })
})

describe('where it may be fetched from', () => {
  const untouched = async (t: TestContext) => {
    const server = await serve(t, (_, response) => response.end(picture))
    return { ...server, port: new URL(server.url).port }
  }

  it('is never a private address, however it is written', async (t) => {
    const { port, heard } = await untouched(t)
    const hosts = [
      '127.0.0.1',
      '127.1',
      '2130706433',
      '0x7f.0.0.1',
      '[::1]',
      '[::ffff:127.0.0.1]',
      'localhost',
      'files.localhost',
      'printer.local',
      'kie.internal',
      'intranet',
      '0.0.0.0',
    ]
    for (const host of hosts) {
      refusedWith(await fetchFrom(`https://${host}:${port}/`, { trusted: false }), 'forbidden', 'never')
    }
    const private_ = [
      '10.0.0.1',
      '192.168.1.1',
      '172.16.0.9',
      '169.254.169.254',
      '100.64.0.1',
      '224.0.0.1',
      '[fc00::1]',
    ]
    for (const host of private_) {
      refusedWith(await fetchFrom(`https://${host}/`, { trusted: false }), 'forbidden', 'never')
    }
    assert.equal(heard.length, 0)
  })

  it('is never anything but https without a password', async (t) => {
    const { url, port } = await untouched(t)
    const addresses = [
      url,
      `http://example.org/`,
      'ftp://example.org/',
      'file:///etc/passwd',
      'data:image/png;base64,AA',
    ]
    for (const address of [...addresses, 'https://user:pass@example.org/', 'no address', '', `//127.0.0.1:${port}/`]) {
      const outcome = await createFetcher({ clock }).fetchFile(address, {
        maxBytes: 9,
        timeoutMs: 500,
        accept: 'image',
      })
      refusedWith(outcome, 'forbidden', 'never')
    }
  })

  it('is the exact origin that is trusted, and no other port of it', async (t) => {
    const trusted = await untouched(t)
    const other = await untouched(t)
    const fetcher = createFetcher({ clock, allowOrigin: [`${trusted.url}/kie`] })
    const wanted = { maxBytes: 100_000, timeoutMs: 5000, accept: 'image' as const }
    assert.equal((await fetcher.fetchFile(`${trusted.url}/a.png`, wanted)).kind, 'done')
    refusedWith(await fetcher.fetchFile(`${other.url}/a.png`, wanted), 'forbidden', 'never')
    assert.equal(other.heard.length, 0)
  })

  it('may be there later when its name leads to no public address: that is a fault of the resolver', async () => {
    const fake = [
      ['198.18.0.5', 4],
      ['64:ff9b::c612:5', 6],
      ['10.0.0.1', 4],
    ] as const
    const asked: string[] = []
    const fetcher = createFetcher({
      clock,
      resolve: (host, _, answer) => {
        asked.push(host)
        answer(
          null,
          fake.map(([address, family]) => ({ address, family })),
        )
      },
    })
    const wanted = { maxBytes: 9, timeoutMs: 500, accept: 'image' } as const
    const outcome = await fetcher.fetchFile('https://files.example.org/a.png?key=hush', wanted)
    refusedWith(outcome, 'misresolved', 'later')
    assert.ok(outcome.kind === 'not_done')
    assert.equal(
      outcome.detail,
      'https://files.example.org has no public address: it resolves to 198.18.0.5, 64:ff9b::c612:5, 10.0.0.1',
    )
    assert.deepEqual(asked, ['files.example.org'])
  })

  it('is checked again after each redirect', async (t) => {
    const inside = await untouched(t)
    const targets = [
      inside.url,
      `https://127.0.0.1:${inside.port}`,
      `https://localhost:${inside.port}`,
      'ftp://x/',
      'http://[',
    ]
    for (const target of targets) {
      const door = await serve(t, (_, response) => response.writeHead(302, { location: target }).end())
      refusedWith(await fetchFrom(door.url), 'forbidden', 'never')
    }
    assert.equal(inside.heard.length, 0)
  })

  it('follows three redirects and not a fourth', async (t) => {
    const server = await serve(t, ({ path }, response) => {
      const left = Number(path.slice(1))
      if (left > 0) response.writeHead(307, { location: `/${left - 1}` }).end()
      else response.end(picture)
    })
    assert.equal((await fetchFrom(`${server.url}/3`)).kind, 'done')
    refusedWith(await fetchFrom(`${server.url}/4`), 'forbidden', 'never')
  })

  it('shares one time limit between all of them', async (t) => {
    const server = await serve(t, ({ path }, response) => {
      if (path === '/') response.writeHead(302, { location: '/picture' }).end()
      else response.end(picture)
    })
    let seconds = 0
    const hurrying = { ...clock, monotonicMs: () => 1000 * seconds++ }
    const fetcher = createFetcher({ clock: hurrying, allowOrigin: [server.url] })
    const wanted = { maxBytes: 100_000, accept: 'image' as const }
    assert.equal((await fetcher.fetchFile(server.url, { ...wanted, timeoutMs: 9000 })).kind, 'done')
    refusedWith(await fetcher.fetchFile(server.url, { ...wanted, timeoutMs: 2000 }), 'unreachable', 'later')
  })

  it('names the host at most, so that no signature of a link reaches a log', async (t) => {
    const { url } = await serveText(t, 'no', 403)
    const inside = await untouched(t)
    const door = await serve(t, (_, response) =>
      response.writeHead(302, { location: `${inside.url}/private?token=hush` }).end(),
    )
    const outcomes = [
      await fetchFrom(`${url}/path?token=hush`),
      await fetchFrom(`${door.url}/path?token=hush`),
      await fetchFrom('https://user:hush@example.org/path', { trusted: false }),
      await fetchFrom('https://nowhere.invalid/path?token=hush', { trusted: false }),
    ]
    for (const outcome of outcomes) {
      assert.notEqual(outcome.kind, 'done')
      assert.ok(!/hush|path/.test(JSON.stringify(outcome)), JSON.stringify(outcome))
    }
  })
})

describe('a name', () => {
  it('is told with what it resolves to, and whether that is public, without an error', async () => {
    const says = (...addresses: string[]) =>
      resolveHost('files.example', (_host, _options, answer) =>
        answer(
          null,
          addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
        ),
      )
    assert.deepEqual(await says('198.18.0.5'), { host: 'files.example', addresses: ['198.18.0.5'], isPublic: false })
    assert.equal((await says('10.0.0.1', '8.8.8.8')).isPublic, true)
    const unknown = await resolveHost('nowhere.invalid')
    assert.deepEqual([unknown.isPublic, unknown.addresses], [false, []])
    assert.match(unknown.error ?? '', /nowhere\.invalid/)
  })
})

describe('a public address', () => {
  it('is none that some list sets apart', () => {
    for (const ip of ['8.8.8.8', '149.154.167.220', '2001:4860:4860::8888', '::ffff:8.8.8.8', '64:ff9b::a29f:8ae8']) {
      assert.ok(isPublicIp(ip), ip)
    }
    const apart = [
      '0.0.0.0 127.0.0.1 10.1.2.3 172.31.255.255 192.168.0.1 169.254.169.254 100.127.0.1 198.18.0.1 192.0.2.1 224.0.0.1',
      '255.255.255.255 :: ::1 ::127.0.0.1 ::ffff:10.0.0.1 fe80::1 fec0::1 fc00::1 fd12::1 ff02::1 64:ff9b::a00:1 64:ff9b::c612:5 64:ff9b:1::a29f:8ae8',
      '2002:7f00:1:: 2001::1 2001:db8::1 100::1 4000::1 localhost 1.2.3',
    ]
    for (const ip of apart.join(' ').split(' ')) assert.ok(!isPublicIp(ip), ip)
  })
})
