import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { createKieClient } from '../../src/kie/client.ts'
import { createClock } from '../../src/kit/clock.ts'
import { kieTaskId } from '../../src/kit/ids.ts'
import type { Outcome } from '../../src/kit/outcome.ts'
import { freePort, serve, serveJson, serveRaw, serveText } from '../fixtures/loopback.ts'

const key = 'f00dcafe5b1e4c7d9a3e2b8c6d4f1a90'
const wish = { model: 'z-image', input: { prompt: 'a fox', aspect_ratio: '1:1' } }
const file = { bytes: Uint8Array.from([137, 80, 78, 71]), mime: 'image/png', name: 'Fox.PNG' }
const task = kieTaskId('t1')

const clientOf = (url: string, ms = 5000) =>
  createKieClient({
    apiUrl: url,
    uploadUrl: url,
    key,
    clock: createClock(),
    limits: { submitMs: ms, readMs: ms, uploadMs: ms },
  })
const answering = async (t: TestContext, body: unknown, status = 200) => {
  const server = await serveJson(t, body, status)
  return { kie: clientOf(server.url), ...server }
}

function refusedWith(outcome: Outcome<unknown>, why: string, when: 'never' | 'later', afterMs?: number): void {
  assert.equal(outcome.kind, 'not_done', JSON.stringify(outcome))
  if (outcome.kind !== 'not_done') return
  assert.equal(outcome.why, why)
  assert.deepEqual(outcome.retry, afterMs === undefined ? { when } : { when, afterMs })
}
const isUnknown = (outcome: Outcome<unknown>) => assert.equal(outcome.kind, 'unknown', JSON.stringify(outcome))

describe('a submit to KIE', () => {
  it('sends model, input and callback with the key, and brings back the task', async (t) => {
    const { kie, heard } = await answering(t, { code: 200, msg: 'success', data: { taskId: 'abc', recordId: 'def' } })
    const outcome = await kie.submit({ ...wish, callbackUrl: 'https://shop.example/callbacks/kie/ref' })
    assert.deepEqual(outcome, { kind: 'done', value: { task: 'abc' } })
    assert.equal(heard[0]?.method, 'POST')
    assert.equal(heard[0]?.path, '/api/v1/jobs/createTask')
    assert.equal(heard[0]?.headers.authorization, `Bearer ${key}`)
    assert.match(heard[0]?.headers['user-agent'] ?? '', /^Mozilla\/5\.0/)
    assert.deepEqual(JSON.parse(heard[0]?.body.toString() ?? ''), {
      ...wish,
      callBackUrl: 'https://shop.example/callbacks/kie/ref',
    })
  })

  it('sends no callback address when there is none', async (t) => {
    const { kie, heard } = await answering(t, { code: 200, data: { taskId: 'abc' } })
    await kie.submit(wish)
    assert.deepEqual(JSON.parse(heard[0]?.body.toString() ?? ''), wish)
  })

  const refusals: readonly [number, string, string, 'never' | 'later', number?][] = [
    [400, 'Your prompt was flagged by our content policy', 'moderated', 'never'],
    [400, 'prompt is required', 'inputs_refused', 'never'],
    [401, 'You do not have access permissions', 'key_refused', 'never'],
    [402, 'Insufficient credits', 'no_credits', 'never'],
    [404, 'Not found', 'model_gone', 'never'],
    [405, 'Method not allowed', 'model_gone', 'never'],
    [413, 'theme text is too long', 'inputs_refused', 'never'],
    [422, 'nsfw_checker must be a boolean', 'inputs_refused', 'never'],
    [422, 'rejected by Flow(PUBLIC_ERROR)', 'moderated', 'never'],
    [422, 'The model name you specified is not supported. Please verify.', 'model_gone', 'never'],
    [429, 'Your call frequency is too high. Please try again later.', 'rate_limited', 'later', 10_000],
    [429, 'Insufficient credits', 'no_credits', 'never'],
    [430, 'Call frequency too high', 'rate_limited', 'later', 10_000],
    [433, 'Usage limit of this key is reached', 'key_refused', 'never'],
    [451, 'Failed to fetch the image', 'input_lost', 'never'],
    [455, 'Maintenance', 'maintenance', 'later', 60_000],
    [505, 'The feature is disabled', 'maintenance', 'later', 60_000],
  ]
  for (const [code, msg, why, when, afterMs] of refusals) {
    it(`is definitely not done (${why}) when the body says ${code} "${msg}", whatever HTTP says`, async (t) => {
      const quiet = await answering(t, { code, msg, data: null }, 200)
      refusedWith(await quiet.kie.submit(wish), why, when, afterMs)
      const loud = await answering(t, { code, message: msg }, code)
      refusedWith(await loud.kie.submit(wish), why, when, afterMs)
    })
  }

  it('waits as long as the answer asks', async (t) => {
    const { url } = await serve(t, (_, response) =>
      response.writeHead(429, { 'retry-after': '4' }).end('{"code":429,"msg":"too fast"}'),
    )
    refusedWith(await clientOf(url).submit(wish), 'rate_limited', 'later', 4000)
  })

  it('is not done when there was no connection', async () => {
    refusedWith(await clientOf(`http://127.0.0.1:${await freePort()}`).submit(wish), 'unreachable', 'later')
    refusedWith(await clientOf('http://nowhere.invalid').submit(wish), 'unreachable', 'later')
  })

  for (const code of [408, 409, 500, 501, 531, 550, 999]) {
    it(`is unknown when the body says ${code}`, async (t) => {
      isUnknown(await (await answering(t, { code, msg: 'something went wrong', data: null })).kie.submit(wish))
    })
  }

  it('is unknown after HTTP 5xx even with an envelope, after HTML, and after JSON that is no envelope', async (t) => {
    isUnknown(await (await answering(t, { code: 422, msg: 'no' }, 502)).kie.submit(wish))
    for (const status of [200, 403, 404, 429, 500, 502, 520]) {
      isUnknown(await clientOf((await serveText(t, '<html>gateway</html>', status)).url).submit(wish))
    }
    for (const body of [null, 'ok', [], {}, { code: null }, { code: 'fine' }, { status: 404, error: 'Not Found' }]) {
      isUnknown(await (await answering(t, body)).kie.submit(wish))
    }
  })

  it('is unknown when the answer names no task, is cut, or does not come in time', async (t) => {
    isUnknown(await (await answering(t, { code: 200, data: {} })).kie.submit(wish))
    isUnknown(await (await answering(t, { code: 200, data: { taskId: '' } })).kie.submit(wish))
    const cut = await serveRaw(t, (socket) => socket.once('data', () => socket.destroy()))
    isUnknown(await clientOf(`http://127.0.0.1:${cut.port}`).submit(wish))
    const silent = await serveRaw(t, () => undefined)
    isUnknown(await clientOf(`http://127.0.0.1:${silent.port}`, 500).submit(wish))
  })

  it('goes out on a connection of its own', async (t) => {
    const { kie, heard } = await answering(t, { code: 200, data: { taskId: 'abc' } })
    await kie.submit(wish)
    assert.equal(heard[0]?.headers.connection, 'close')
  })
})

describe('a look at a task', () => {
  it('asks for the record of exactly this task', async (t) => {
    const { kie, heard } = await answering(t, { code: 200, data: { taskId: 'a b&c', state: 'waiting' } })
    assert.deepEqual(await kie.look(kieTaskId('a b&c')), {
      kind: 'done',
      value: { state: 'running', stage: 'waiting' },
    })
    assert.equal(heard[0]?.path, '/api/v1/jobs/recordInfo?taskId=a%20b%26c')
  })

  it('tells a task that KIE does not know from a call that failed', async (t) => {
    const absent = [
      { code: 422, msg: 'recordInfo is null', data: null },
      { code: 404, msg: 'Task not found' },
      { code: 422, msg: 'Temporarily supports records within 14 days', data: null },
      { code: 200, msg: 'success', data: null },
    ]
    for (const body of absent) {
      assert.deepEqual(await (await answering(t, body)).kie.look(task), { kind: 'done', value: { state: 'not_found' } })
    }
    refusedWith(await (await answering(t, { code: 401, msg: 'no access' })).kie.look(task), 'key_refused', 'never')
    refusedWith(await (await answering(t, { code: 429, msg: 'slow' })).kie.look(task), 'rate_limited', 'later', 10_000)
    isUnknown(await (await answering(t, { code: 500, msg: 'server error' })).kie.look(task))
    isUnknown(await clientOf((await serveText(t, '<html>')).url).look(task))
  })
})

describe('the host of uploads', () => {
  const { signal } = new AbortController()

  it('is there when it answers anything, and is shown no key', async (t) => {
    const { kie, heard } = await answering(t, 'nothing here', 404)
    assert.deepEqual(await kie.reachUploads(signal), { kind: 'done', value: true })
    assert.equal(heard[0]?.headers.authorization, undefined)
  })

  it('is not there when there is no connection or no answer', async (t) => {
    refusedWith(await clientOf('http://nowhere.invalid').reachUploads(signal), 'unreachable', 'later')
    const silent = await serve(t, (_heard, response) => response.destroy())
    isUnknown(await clientOf(silent.url).reachUploads(signal))
  })
})

describe('an upload to KIE', () => {
  it('is not done, and says nothing of the file, when the name of its host leads nowhere', async () => {
    // Nobody's name; and one that a resolver leads to this very machine, where no KIE listens.
    for (const address of ['http://nowhere.invalid', `http://localhost:${await freePort()}`]) {
      refusedWith(await clientOf(address).upload(file), 'unreachable', 'later')
    }
  })

  it('streams the file under a name that was never used, and brings back its address', async (t) => {
    const { kie, heard } = await answering(t, {
      success: true,
      code: 200,
      data: { downloadUrl: 'https://files.example/x.png', fileUrl: 'https://files.example/other' },
    })
    for (let i = 0; i < 2; i++) {
      assert.deepEqual(await kie.upload(file), { kind: 'done', value: { url: 'https://files.example/x.png' } })
    }
    assert.equal(heard[0]?.path, '/api/file-stream-upload')
    assert.equal(heard[0]?.headers.authorization, `Bearer ${key}`)
    const bodies = heard.map(({ body }) => body.toString('latin1'))
    const names = bodies.map((body) => /name="fileName"\r\n\r\n(\S+)\r\n/.exec(body)?.[1])
    assert.match(names[0] ?? '', /^[\w-]{20}\.png$/)
    assert.notEqual(names[0], names[1])
    assert.match(bodies[0] ?? '', /name="uploadPath"\r\n\r\ntrt\/inputs\r\n/)
    assert.match(bodies[0] ?? '', /name="file"; filename="[^"]+\.png"\r\nContent-Type: image\/png\r\n\r\n\x89PNG/)
  })

  it('takes the other name of the address, and is unknown without one', async (t) => {
    const older = await answering(t, { success: true, code: 200, data: { fileUrl: 'https://files.example/y.png' } })
    assert.deepEqual(await older.kie.upload(file), { kind: 'done', value: { url: 'https://files.example/y.png' } })
    isUnknown(await (await answering(t, { success: true, code: 200, data: {} })).kie.upload(file))
    refusedWith(
      await (await answering(t, { success: false, code: 401, msg: 'no' })).kie.upload(file),
      'key_refused',
      'never',
    )
  })
})

describe('credits', () => {
  it('come as a decimal string, fractions included', async (t) => {
    for (const [data, credits] of [
      [100, '100'],
      [5774.03, '5774.03'],
      [0.1 + 0.2, '0.3'],
      ['12.5', '12.5'],
      [0, '0'],
    ]) {
      assert.deepEqual(await (await answering(t, { code: 200, data })).kie.credits(), { kind: 'done', value: credits })
    }
    isUnknown(await (await answering(t, { code: 200, data: null })).kie.credits())
    isUnknown(await (await answering(t, { code: 200, data: 'plenty' })).kie.credits())
  })
})

describe('the KIE key', () => {
  it('stands in no text that comes back', async (t) => {
    for (const code of [400, 401, 402, 429, 500, 999]) {
      const { kie } = await answering(t, { code, msg: `key ${key} and Bearer ${key}` })
      for (const outcome of [
        await kie.submit(wish),
        await kie.look(task),
        await kie.upload(file),
        await kie.credits(),
      ]) {
        const text = JSON.stringify(outcome)
        assert.ok(!text.includes(key), text)
        assert.match(text, /\*\*\*/)
      }
    }
    const outcome = await clientOf(`http://${key}.invalid`).submit(wish)
    assert.ok(!JSON.stringify(outcome).includes(key))
  })
})
