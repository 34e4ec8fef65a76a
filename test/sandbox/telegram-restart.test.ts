import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { until } from '../fixtures/person.ts'
import { at, listAt, numberAt, pngOf, sendForm, speaking, startWebhook, textAt } from './telegram-setup.ts'

const program = join(import.meta.dirname, '../../sandbox/main.ts')

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'trt-sandbox-'))
  t.after(() => rm(path, { recursive: true, force: true }))
  return path
}

async function launch(t: TestContext, directory: string) {
  const child = spawn(process.execPath, [program, '--port', '0', '--data-dir', directory], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.after(() => child.kill('SIGKILL'))
  let output = ''
  let errors = ''
  child.stdout.on('data', (part) => {
    output += part
  })
  child.stderr.on('data', (part) => {
    errors += part
  })
  const url = () => /^SANDBOX_LISTENING url=(\S+)$/m.exec(output)?.[1]
  await until(() => url() !== undefined || child.exitCode !== null)
  return { child, sandbox: speaking(url() ?? ''), errors: () => errors }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)))
  child.kill(signal)
  return ended
}

describe('the sandbox as a process', () => {
  it('loses nothing that was answered when it is killed, and gives no id twice', async (t) => {
    const directory = await folder(t)
    const first = await launch(t, directory)
    const hook = await startWebhook(t, ({ reply }) => void reply.writeHead(503).end())
    await first.sandbox.ok('setWebhook', {
      url: hook.url,
      secret_token: 'kept',
      allowed_updates: ['message', 'callback_query'],
    })
    const anna = await first.sandbox.person({ first_name: 'Anna' })
    const written = await first.sandbox.write(anna, 'before the kill')
    const photo = { photo: { bytes: pngOf(20, 20), name: 'a.png' } }
    const sent = await sendForm(first.sandbox, 'sendPhoto', { chat_id: `${anna}` }, photo)
    const fileId = textAt(sent.body, 'result.photo.0.file_id')
    await first.sandbox.advance(3_600_000)
    const time = numberAt(await first.sandbox.control('GET', '/clock'), 'now')
    await hook.until(1)
    await end(first.child, 'SIGKILL')

    const heardBefore = hook.heard.length
    const second = await launch(t, directory)
    await hook.until(heardBefore + 1)
    const again = hook.heard.at(-1)
    assert.equal(again?.update['update_id'], written['update_id'], 'what was not acknowledged comes again')
    assert.equal(again?.headers['x-telegram-bot-api-secret-token'], 'kept')
    assert.equal(listAt(await second.sandbox.control('GET', '/people'), 'people').length, 1)
    assert.equal((await second.sandbox.chat(anna)).length, 2)
    assert.equal(at(await second.sandbox.ok('sendPhoto', { chat_id: anna, photo: fileId }), 'photo.0.file_id'), fileId)
    assert.ok(numberAt(await second.sandbox.control('GET', '/clock'), 'now') >= time - 1000, 'time does not go back')
    const more = await second.sandbox.write(anna, 'after the kill')
    assert.ok(numberAt(more, 'update_id') > numberAt(written, 'update_id'))
    assert.ok(numberAt(more, 'message_id') > numberAt(sent.body, 'result.message_id'))
    assert.ok((await second.sandbox.person()) > anna)
    assert.equal(await end(second.child, 'SIGTERM'), 0)
    assert.equal(second.errors(), '')
  })

  it('refuses a folder that another sandbox is using, with a sentence', async (t) => {
    const directory = await folder(t)
    await launch(t, directory)
    const second = await launch(t, directory)
    assert.equal(second.child.exitCode, 1)
    assert.match(
      second.errors(),
      /^sandbox: another sandbox is using .*; stop it, or give this one another --data-dir\n$/,
    )
  })
})
