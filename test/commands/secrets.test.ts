import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { commands } from '../../src/commands/commands.ts'
import { createPerson, until } from '../fixtures/person.ts'
import { type Env, openShop, type Said, type Shop, trt } from './shop.ts'

/**
 * Every command, with a mark in every secret, in good days and bad ones: the mark is nowhere in what anybody can see.
 * The marks are long and unlike anything else, so that a part of one is found too.
 */
const mark = 'xq7marked'
const secrets = {
  TELEGRAM_BOT_TOKEN: `7000001:${mark}bot-token-of-thirty-five-letters`,
  KIE_API_KEY: `${mark}-kie-key`,
  WEBHOOK_SECRET_PATH: `${mark}-path`,
  WEBHOOK_SECRET_TOKEN: `${mark}-token`,
  KIE_CALLBACK_TOKEN: `${mark}-callback-token`,
  KIE_WEBHOOK_HMAC_KEY: `${mark}-hmac-key`,
  METRICS_TOKEN: `${mark}-metrics-token`,
}

let shop: Shop
before(async () => {
  shop = await openShop(secrets)
  await shop.controls.kie({ latency_ms: 50 })
})
after(() => shop.end())

const seen: string[] = []
function keep(words: readonly string[], { all }: Said): void {
  const found = all.split('\n').find((line) => line.toLowerCase().includes(mark))
  assert.equal(found, undefined, `trt ${words.join(' ')} shows a secret`)
  seen.push(words[0] ?? '')
}

async function runs(words: readonly string[], env: Env = shop.env): Promise<Said> {
  const said = await trt(words, env)
  keep(words, said)
  return said
}

/** Each command at least once; `start` runs meanwhile, and `sandbox` is another program, below. */
const typed: readonly (readonly string[])[] = [
  ['doctor'],
  ['doctor', '--json'],
  ['webhook', 'info'],
  ['webhook', 'info', '--reveal'],
  ['smoke'],
  ['smoke', '--url', 'http://127.0.0.1:1'],
  ['logs', 'check', 'package.json'],
  ['story', '1a2b3c4d'],
  ['lock', 'show'],
  ['lock', 'free'],
  ['inbox', 'list'],
  ['inbox', 'retry', '1'],
  ['jobs', 'list'],
  ['jobs', 'show', '1'],
  ['orders', 'show', '0123456789ab'],
  ['people', 'show', '1'],
  ['people', 'credit', '1', '--rub', '1', '--why', 'a test'],
  ['refund', 'order', '0123456789ab', '--why', 'a test'],
  ['refund', 'payment', 'charge', '--why', 'a test'],
  ['ledger', 'verify'],
  ['losses'],
  ['catalog', 'check'],
  ['webhook', 'delete'],
  ['webhook', 'set'],
]

describe('no secret is seen', () => {
  it('by whoever runs any command beside a running service, or reads its log', async () => {
    const running = await shop.start()
    for (const words of typed) await runs(words)
    const anna = await createPerson(shop.controls, { first_name: 'Анна', language_code: 'ru' })
    await anna.says('/start')
    await anna.sees(/Привет/)
    keep(['start'], await running.stop())
    const missing = Object.keys(commands).filter((name) => name !== 'sandbox' && !seen.includes(name))
    assert.deepEqual(missing, [], 'commands that this test does not run')
  })

  it('by whoever runs the sandbox alone, with a key of its own', async () => {
    const program = fileURLToPath(new URL('../../bin/trt.js', import.meta.url))
    const words = ['sandbox', '--port', '0', '--data-dir', await mkdtemp(path.join(os.tmpdir(), 'trt-sandbox-'))]
    const child = spawn(process.execPath, [program, ...words, '--key', `${mark}-key`], {
      cwd: words[4],
      env: { PATH: process.env['PATH'], ...shop.env },
    })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text
      })
    }
    const ended = once(child, 'close')
    try {
      await until(() => {
        assert.equal(child.exitCode, null, said)
        return said.includes('SANDBOX_LISTENING')
      }, 'the sandbox listens')
    } finally {
      child.kill('SIGTERM')
      await ended
      await rm(words[4] ?? '', { recursive: true, force: true })
    }
    assert.equal(child.exitCode, 0)
    assert.doesNotMatch(said, new RegExp(mark, 'i'))
  })

  it('when somebody has a file checked that is full of them', async () => {
    const input = Object.entries(secrets).map(([name, value]) => `${name}=${value}\n`)
    const said = await trt(['logs', 'check', '-'], shop.env, { input: input.join('') })
    keep(['logs'], said)
    assert.match(said.out, /KIE_API_KEY=\*\*\*/)
  })

  it('when the database refuses, or is not there', async () => {
    const urls = [
      `postgres://trt:${mark}@127.0.0.1:1/trt`,
      `postgres://trt:${mark}%21%40@no-such-host.invalid/trt`,
      `postgres://trt:${mark}@127.0.0.1:1/trt?sslmode=verify-full&sslrootcert=/no/such/file`,
    ]
    for (const DATABASE_URL of urls) {
      for (const words of [['start'], ['doctor'], ['lock', 'show'], ['inbox', 'list'], ['ledger', 'verify']]) {
        const said = await runs(words, { ...shop.env, DATABASE_URL, PORT: '0' })
        assert.equal(said.code, 1)
        assert.doesNotMatch(said.all, /unforeseen/)
      }
    }
  })

  it('when Redis is not there', async () => {
    const env = { ...shop.env, LOCK_BACKEND: 'redis', REDIS_URL: `redis://trt:${mark}@127.0.0.1:1/0`, PORT: '0' }
    for (const words of [['doctor'], ['doctor', '--json'], ['lock', 'show'], ['lock', 'free']]) await runs(words, env)
    const running = await shop.start({ ...env, LOG_LEVEL: 'DEBUG' }, ' PASSIVE_ENTER ')
    keep(['start'], await running.stop())
  })

  it('in a log of everything, in JSON', async () => {
    const running = await shop.start({ LOG_FORMAT: 'json', LOG_LEVEL: 'DEBUG' }, '"DUTIES_STARTED"')
    keep(['start'], await running.stop())
  })

  it('when Telegram and KIE refuse, or are not there', async () => {
    const nowhere = 'http://127.0.0.1:1'
    for (const words of [['doctor'], ['webhook', 'set'], ['webhook', 'info']]) {
      await runs(words, { ...shop.env, TELEGRAM_API_ROOT: nowhere, KIE_API_URL: nowhere })
      await shop.controls.fault({ on: 'telegram', status: 401, description: 'Unauthorized', times: 3 })
      await shop.controls.fault({ on: 'kie', status: 401, times: 3 })
      await runs(words)
      await shop.controls.clearFaults()
    }
  })

  it('when a secret itself is wrong', async () => {
    const wrong = Object.fromEntries(Object.entries(secrets).map(([name, value]) => [name, `${value} ${mark} !`]))
    for (const words of [
      ['start'],
      ['doctor'],
      ['doctor', '--json'],
      ['lock', 'show'],
      ['smoke'],
      ['webhook', 'info'],
    ]) {
      const said = await runs(words, { ...shop.env, ...wrong, DATABASE_URL: `mysql://${mark}` })
      assert.equal(said.code, 1)
    }
  })
})
