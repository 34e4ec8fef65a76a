import assert from 'node:assert/strict'
import { after, it } from 'node:test'
import { createHealth } from '../../src/health/health.ts'
import { listen } from '../../src/http/server.ts'
import { createClock } from '../../src/kit/clock.ts'
import { instanceId } from '../../src/kit/ids.ts'
import { createTelling } from '../fixtures/telling.ts'

const clock = createClock()
const server = await listen(
  {
    callbackPath: 'callbacks/kie',
    ...createHealth({
      role: () => 'active',
      epoch: () => 1,
      isReady: () => true,
      figures: () => undefined,
      botMode: 'webhook',
      webhook: () => undefined,
      polling: () => undefined,
      selling: () => undefined,
      telegram: () => ({}),
      lossCreditsPerDay: 500,
      results: () => ({}),
      uploads: () => ({}),
      isRefused: () => false,
      nobodyActiveMs: () => 0,
      instance: instanceId('walked'),
      version: '0.0.0',
      startedMs: 0,
      activeSince: () => undefined,
      clock,
    }),
    metrics: async () => 'trt_active 1',
    clock,
    telemetry: createTelling(clock).telemetry,
  },
  { address: '127.0.0.1', port: 0 },
)
after(() => server.close())

/** What anybody may look at, and what it takes to be let in elsewhere. */
const toLookAt = ['GET /', 'GET /health', 'GET /healthz', 'GET /metrics', 'GET /readyz']
const withSecret = ['POST /callbacks/kie/:reference', 'POST /webhook/:path']

it('no door changes anything for whoever lacks its secret: two want one, and the others only show', async () => {
  assert.deepEqual(server.doors.toSorted(), [...toLookAt, ...withSecret].toSorted())

  const inside: string[] = []
  server.open({
    webhook: {
      check: (path, token) => (path !== 'the-path' ? 'wrong_path' : token !== 'the-token' ? 'wrong_token' : 'right'),
    },
    accept: async () => {
      inside.push('an update')
      return { kind: 'accepted' }
    },
    // As the real one does, it knows by the reference alone who rings.
    handleCallback: async (reference) => {
      if (reference !== 'signed') return { kind: 'unknown_reference' }
      inside.push('a callback')
      return { kind: 'noted' }
    },
  })
  const knock = async (method: string, path: string, token = '') => {
    const hasBody = !['GET', 'HEAD'].includes(method)
    const answer = await fetch(`http://127.0.0.1:${server.port}${path}`, {
      method,
      headers: { 'content-type': 'application/json', 'x-telegram-bot-api-secret-token': token },
      ...(hasBody ? { body: '{"update_id":1}' } : {}),
    })
    await answer.arrayBuffer()
    return answer.status
  }
  for (const path of server.doors.map((door) => door.slice(door.indexOf('/')))) {
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      for (const name of ['x', 'the-path', 'signed-by-nobody']) {
        const status = await knock(method, path.replace(/:\w+/, name))
        const isShown = ['GET', 'HEAD'].includes(method) && toLookAt.includes(`GET ${path}`)
        assert.ok(
          isShown ? status === 200 || status === 503 : [403, 404].includes(status),
          `${method} ${path}: ${status}`,
        )
      }
    }
  }
  assert.deepEqual(inside, [], 'nobody came in')
  assert.equal(await knock('POST', '/webhook/the-path', 'the-token'), 200)
  assert.equal(await knock('POST', '/callbacks/kie/signed'), 200)
  assert.deepEqual(inside, ['an update', 'a callback'], 'whoever has the secret does')
})
