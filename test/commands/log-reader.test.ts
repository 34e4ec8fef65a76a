import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, Socket } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { until } from '../fixtures/person.ts'
import { openShop } from './shop.ts'

const program = fileURLToPath(new URL('../../bin/trt.js', import.meta.url))
const secrets = { WEBHOOK_SECRET_PATH: 'path-of-the-tests', WEBHOOK_SECRET_TOKEN: 'token-of-the-tests' }
/** Each is a line of a hundred characters and more: more than a pipe and the service keep together. */
const refusals = 15_000

/** The service as a process of its own, its log a pipe that is read when the test says so. */
async function startWithPipe(t: TestContext) {
  const shop = await openShop(secrets)
  const folder = await mkdtemp(path.join(os.tmpdir(), 'trt-log-'))
  const pipe = path.join(folder, 'log')
  execFileSync('mkfifo', [pipe])
  const reader = new Socket({ fd: openSync(pipe, 'r+'), readable: true, writable: false })
  const writing = openSync(pipe, 'r+')
  const child = spawn(process.execPath, [program, 'start'], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', ...shop.env },
    stdio: ['ignore', writing, 'inherit'],
  })
  closeSync(writing)
  t.after(async () => {
    child.kill('SIGKILL')
    reader.destroy()
    await rm(folder, { recursive: true, force: true })
    await shop.end()
  })
  const log = { text: '' }
  reader.setEncoding('utf8').on('data', (text: string) => {
    log.text += text
  })
  return { child, ended: once(child, 'close'), reader, log, url: `http://127.0.0.1:${shop.env['PORT']}` }
}

/** Requests to a path that is not the webhook's, one behind the other on one connection; resolves when all are answered. */
async function refuse(url: string, count: number): Promise<void> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1').setEncoding('latin1')
  const one = 'POST /webhook/the-path-of-somebody HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n'
  const mark = 'HTTP/1.1 404'
  let answered = 0
  let cut = ''
  socket.on('data', (text: string) => {
    const received = cut + text
    answered += received.split(mark).length - 1
    cut = received.slice(1 - mark.length)
  })
  for (let sent = 0; sent < count; sent += 500) {
    socket.write(one.repeat(500))
    await until(() => answered >= sent + 500, 'they are refused')
  }
  socket.destroy()
}

it('a reader of the log that stands still holds up no update and no probe, and is told how many lines it missed', async (t) => {
  const { child, ended, reader, log, url } = await startWithPipe(t)
  await until(() => log.text.includes(' DUTIES_STARTED '), 'the service works')
  reader.pause()
  let updateId = 0
  const acknowledge = async (count: number) => {
    for (let n = 0; n < count; n++) {
      const answer = await fetch(`${url}/webhook/${secrets.WEBHOOK_SECRET_PATH}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'x-telegram-bot-api-secret-token': secrets.WEBHOOK_SECRET_TOKEN,
        },
        body: JSON.stringify({ update_id: ++updateId, poll: { id: 'x'.repeat(500) } }),
      })
      assert.equal(answer.status, 200)
    }
  }
  await acknowledge(450)
  await refuse(url, refusals)
  await acknowledge(50)
  assert.equal((await fetch(`${url}/healthz`)).status, 200)

  const linesOf = (name: string) => log.text.split('\n').filter((line) => line.includes(` ${name} `))
  reader.resume()
  await until(() => linesOf('LOG_LINES_DROPPED').length > 0, 'the count is told')
  await acknowledge(1)
  child.kill('SIGTERM')
  await ended
  await until(() => /SHUTDOWN_DONE took_ms=\d+\n$/.test(log.text), 'its last line is the last of the log')
  assert.equal(linesOf('LOG_LINES_DROPPED').length, 1)
  const dropped = Number(/count=(\d+)/.exec(linesOf('LOG_LINES_DROPPED')[0] ?? '')?.[1])
  const kept = linesOf('WEBHOOK_REFUSED').length
  assert.ok(dropped >= refusals - kept, `${kept} lines of ${refusals} were kept, ${dropped} dropped`)
  assert.equal(linesOf('UPDATE_RECEIVED').filter((line) => line.includes('update_id=501 ')).length, 1)
})

it('a service whose log nobody reads ends by SIGTERM all the same', async (t) => {
  const { child, ended, reader, log, url } = await startWithPipe(t)
  await until(() => log.text.includes(' DUTIES_STARTED '), 'the service works')
  reader.pause()
  await refuse(url, refusals)
  child.kill('SIGTERM')
  assert.deepEqual(await ended, [0, null])
})
