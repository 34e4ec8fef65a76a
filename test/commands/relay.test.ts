import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { after, before, describe, it } from 'node:test'
import { z } from 'zod'
import { listen } from '../fixtures/loopback.ts'
import { createPerson, type Person, until } from '../fixtures/person.ts'
import { openShop, type Shop, trt } from './shop.ts'

/** Behind a relay that answers Telegram by itself, what the service answers in its response is lost. */
let shop: Shop
let relayUrl: string
/** What the relay brought to the service and has not got an answer to yet. */
const underWay = new Set<Promise<unknown>>()
const relay = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', async () => {
    const passed = fetch(`${shop.env['WEBHOOK_BASE_URL']}${request.url}`, {
      method: request.method ?? 'GET',
      headers: {
        'content-type': request.headers['content-type'] ?? '',
        'x-telegram-bot-api-secret-token': String(request.headers['x-telegram-bot-api-secret-token'] ?? ''),
      },
      ...(request.method === 'POST' ? { body: Buffer.concat(chunks) } : {}),
    }).catch(() => undefined)
    underWay.add(passed)
    void passed.finally(() => underWay.delete(passed))
    if (request.method === 'POST') return response.end('{"ok":true}')
    const answer = await passed
    return response.writeHead(answer?.status ?? 502).end(await answer?.text())
  })
})
before(async () => {
  shop = await openShop()
  relayUrl = `http://127.0.0.1:${await listen(relay)}`
})
after(async () => {
  await Promise.all(underWay)
  relay.closeAllConnections()
  relay.close()
  await shop.end()
})

async function opensInvoice(name: string): Promise<Person> {
  const person = await createPerson(shop.controls, { first_name: name, language_code: 'ru' })
  await person.says('/balance')
  await person.taps('Пополнить')
  await person.taps(/^50 ₽/)
  await person.sees(({ invoice }) => invoice !== undefined)
  return person
}

const findingShape = z.object({ check: z.string(), state: z.string(), says: z.string(), todo: z.string().optional() })
async function findingOf(env: Readonly<Record<string, string>>) {
  const { out } = await trt(['doctor', '--json'], env)
  const { findings } = z.object({ findings: z.array(findingShape) }).parse(JSON.parse(out))
  return findings.find(({ check }) => check === 'relay')
}

describe('a relay that answers Telegram by itself', () => {
  it('is seen by doctor, because nobody can pay through it', async () => {
    const env = { ...shop.env, WEBHOOK_BASE_URL: relayUrl }
    const running = await shop.start({ WEBHOOK_BASE_URL: relayUrl })
    try {
      const anna = await opensInvoice('Анна')
      const paying = anna.pays()
      await passesTenSeconds()
      assert.equal((await paying).outcome, 'timeout')
      const found = await findingOf(env)
      assert.equal(found?.state, 'failed')
      assert.match(found?.says ?? '', /answers Telegram by itself \(200 to what is no update\), so nobody can pay/)
      assert.match(found?.todo ?? '', /PRE_CHECKOUT=call/)
    } finally {
      await running.stop()
    }
  })

  it('lets people pay when pre-checkouts are answered by a call, and doctor knows', async () => {
    const more = { WEBHOOK_BASE_URL: relayUrl, PRE_CHECKOUT: 'call' }
    const running = await shop.start(more)
    try {
      const boris = await opensInvoice('Борис')
      assert.equal((await boris.pays()).outcome, 'paid')
      await boris.sees(/Зачислено 50 ₽/)
      const found = await findingOf({ ...shop.env, ...more })
      assert.equal(found?.state, 'ok')
      assert.match(found?.says ?? '', /pre-checkouts are answered by a call/)
    } finally {
      await running.stop()
    }
  })

  it('is not taken for one when there is none, and a call beside the answer hurts nobody', async () => {
    const running = await shop.start({ PRE_CHECKOUT: 'call' })
    try {
      const vera = await opensInvoice('Вера')
      assert.equal((await vera.pays()).outcome, 'paid')
      await vera.sees(/Зачислено 50 ₽/)
      const found = await findingOf(shop.env)
      assert.deepEqual([found?.state, found?.says], ['ok', 'none: the answers of this service travel back to Telegram'])
    } finally {
      await running.stop()
    }
  })
})

/** The query has reached the sandbox's webhook sender before its time is moved past the ten seconds. */
async function passesTenSeconds(): Promise<void> {
  const asked = async () =>
    (await shop.controls.updates()).some(({ kind, state }) => kind === 'pre_checkout_query' && state !== 'pending')
  await until(asked, 'the pre-checkout query is delivered')
  await shop.controls.advance(11_000)
}
