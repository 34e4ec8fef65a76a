import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { listen } from '../fixtures/loopback.ts'
import { patience } from '../fixtures/patience.ts'
import { openShop, type Running, type Shop, trt } from './shop.ts'

/** The two-minute check: green against a service that works, red with the reason against one that does not. */
let shop: Shop
let running: Running
let folder: string
before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'trt-smoke-'))
  shop = await openShop({
    WEBHOOK_SECRET_PATH: 'the-path-of-this-test',
    WEBHOOK_SECRET_TOKEN: 'the-token-of-this-test',
  })
  await shop.controls.kie({ latency_ms: 50 })
  running = await shop.start()
})
after(async () => {
  await running.stop()
  await shop.end()
  await rm(folder, { recursive: true })
})

/** What stands in front of the service and keeps each update for a while. */
async function startSlowDoor(to: string, ms: number) {
  const server = createServer(async (request, response) => {
    const body = await Array.fromAsync(request)
    const isWebhook = request.method === 'POST'
    if (isWebhook) await pause(ms)
    const token = request.headers['x-telegram-bot-api-secret-token']
    const answer = await fetch(new URL(request.url ?? '/', to), {
      method: request.method ?? 'GET',
      headers: { 'content-type': 'application/json', ...(token === undefined ? {} : { [secretHeader]: `${token}` }) },
      ...(isWebhook ? { body: Buffer.concat(body) } : {}),
    })
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text())
  })
  const port = await listen(server)
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
const secretHeader = 'x-telegram-bot-api-secret-token'

describe('a smoke check is green', () => {
  it('against a running service, whose buyer gets a picture under whole cids, in the database and in the log', async () => {
    const log = path.join(folder, 'service.log')
    const writing = setInterval(() => void writeFile(log, running.lines().join('\n')), 20)
    const { code, out, err } = await trt(
      ['smoke', '--url', running.url, '--log', log, '--ack-max-ms', String(patience(200))],
      shop.env,
    )
    clearInterval(writing)
    assert.equal(code, 0, out + err)
    assert.match(out, /^ok {7}health {7}active, ready, healthy$/m)
    assert.match(out, /^ok {7}ack {10}21 in p50 \d+ ms, p95 \d+ ms, p99 \d+ ms$/m)
    assert.match(out, /^ok {7}handled {6}20 updates are stored and handled once, the duplicate too$/m)
    assert.match(out, /5 updates and order \w{12} are whole under their cids, and logged$/m)
    assert.match(out, /Green in [\d.]+ s\. Nothing to do\.\n$/)
  })
})

describe('a smoke check is red', () => {
  // A slow acknowledgement is tried below, and is nothing that a busy machine may add to the others.
  const patient = ['--ack-max-ms', String(patience(200))]
  const smoke = (...words: string[]) =>
    trt(['smoke', '--url', running.url, '--posts', '5', ...patient, ...words], shop.env)

  it('when nothing answers', async () => {
    const { code, out } = await trt(['smoke', '--url', 'http://127.0.0.1:1'], shop.env)
    assert.deepEqual(
      [code, out.split('\n')[0]?.slice(0, 60)],
      [1, 'RED      health       http://127.0.0.1:1 does not answer: co'],
    )
  })

  it('when the service has another secret', async () => {
    const env = { ...shop.env, WEBHOOK_SECRET_TOKEN: 'the-token-of-another-test' }
    const { code, out, err } = await trt(['smoke', '--url', running.url, '--posts', '5'], env)
    assert.equal(code, 1)
    assert.match(out, /^RED {6}ack {10}the secret token of these settings is refused/m)
    assert.match(err, /trt doctor/)
  })

  it('when the acknowledgements are slow', async () => {
    const slow = await startSlowDoor(running.url, 250)
    try {
      const { code, out } = await trt(['smoke', '--url', slow.url, '--posts', '2'], shop.env)
      assert.equal(code, 1)
      assert.match(out, /^RED {6}ack {10}slow: 3 in p50 \d+ ms, p95 \d+ ms, p99 \d+ ms; more than 200 ms/m)
    } finally {
      await slow.close()
    }
  })

  it('when the webhook is not set', async () => {
    await trt(['webhook', 'delete'], shop.env)
    try {
      const { code, out } = await smoke()
      assert.equal(code, 1)
      assert.match(out, /^RED {6}webhook {6}the webhook is not set.*trt webhook set$/m)
    } finally {
      await shop.controls.advance(1_100)
      await trt(['webhook', 'set'], shop.env)
    }
  })

  it('when updates are acknowledged and nobody handles them', async () => {
    // Every later update of the bot's own lane waits behind this one.
    await shop.sql(
      `insert into inbox (bot, update_id, lane, kind, cid, body, received_at, not_before)
       values (7000001, 5, 'p:7000001', 'message', '0badc0de', '{"update_id":5}', 0,
               extract(epoch from now()) * 1000 + 50000)`,
    )
    try {
      const { code, out } = await smoke('--handled-max-ms', '500')
      assert.equal(code, 1)
      assert.match(out, /^RED {6}handled {6}5 of 5 updates are not handled after 0\.5 s/m)
    } finally {
      await shop.sql('delete from inbox where update_id = 5')
    }
  })

  it('when the log has not what the database has', async () => {
    const log = path.join(folder, 'another.log')
    await writeFile(log, 'nothing of it\n')
    const { code, out } = await smoke('--log', log)
    assert.equal(code, 1)
    assert.match(out, /^RED {6}journey {6}the log has no UPDATE_RECEIVED, UI_RENDER, DISPATCH_OK of cid/m)
  })
})
