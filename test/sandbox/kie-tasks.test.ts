import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, it } from 'node:test'
import { type Json, type Kie, startKie } from './kie-setup.ts'

const zImage = (prompt: string) => ({ prompt, aspect_ratio: '1:1' })

describe('a KIE task', () => {
  let kie: Kie
  before(async () => {
    kie = await startKie()
  })
  after(() => kie.close())
  beforeEach(async () => {
    await kie.afresh()
    await kie.behave({ latency_ms: 0 })
  })

  it('ends in a PNG of the asked shape that can be fetched without a key', async () => {
    const created = await kie.submit('google/nano-banana', { prompt: 'Рыжий кот 😀', aspect_ratio: '16:9' })
    assert.equal(created.status, 200)
    assert.equal(created.body.code, 200)
    const id: string = created.body.data.taskId
    assert.match(id, /^[0-9a-f]{32}$/)
    await kie.ended(id)
    const { body } = await kie.record(id)
    assert.equal(body.data.state, 'success')
    const { resultUrls } = JSON.parse(body.data.resultJson)
    assert.equal(resultUrls.length, 1)
    const { status, type, bytes } = await kie.bytes(resultUrls[0])
    assert.deepEqual([status, type], [200, 'image/png'])
    assert.equal(bytes.toString('latin1', 1, 4), 'PNG')
    const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)]
    assert.ok(Math.abs(width / height - 16 / 9) < 0.02, `${width}x${height}`)
  })

  it('goes through waiting, queuing and generating as its latency passes', async () => {
    await kie.behave({ latency_ms: 100_000 })
    const id = await kie.taskOf('z-image', zImage('states'))
    const seen: string[] = []
    for (const ms of [1_000, 14_000, 30_000]) {
      await kie.advance(ms)
      seen.push((await kie.record(id)).body.data.state)
    }
    assert.deepEqual(seen, ['waiting', 'queuing', 'generating'])
    await kie.advance(60_000)
    assert.equal((await kie.ended(id)).state, 'success')
  })

  it('gives back its request as JSON text within JSON text', async () => {
    const id = await kie.taskOf('z-image', zImage('echo "quoted"'), 'http://127.0.0.1:9/cb')
    await kie.ended(id)
    const param = JSON.parse((await kie.record(id)).body.data.param)
    assert.equal(param.model, 'z-image')
    assert.equal(param.callBackUrl, 'http://127.0.0.1:9/cb')
    assert.deepEqual(JSON.parse(param.input), zImage('echo "quoted"'))
  })

  it('costs its documented price when it succeeds, with fractions, and nothing when it fails', async () => {
    await kie.ended(await kie.taskOf('z-image', zImage('paid')))
    assert.equal((await kie.call('GET', '/kie/api/v1/chat/credit')).body.data, 9999.2)
    await kie.behave({ outcome: 'fail', fail_code: '422', fail_msg: 'no luck' })
    const failed = await kie.taskOf('z-image', zImage('failing'))
    await kie.ended(failed)
    const { data } = (await kie.record(failed)).body
    assert.deepEqual(
      [data.state, data.failCode, data.failMsg, data.creditsConsumed, data.resultJson],
      ['fail', '422', 'no luck', 0, ''],
    )
    assert.equal((await kie.call('GET', '/kie/api/v1/chat/credit')).body.data, 9999.2)
  })

  it('is refused with 402 when the credits, less what running tasks will take, are below its price', async () => {
    await kie.call('PUT', '/sandbox/v1/kie/credits', { credits: 1.5 })
    await kie.behave({ latency_ms: 60_000 })
    assert.equal((await kie.submit('z-image', zImage('first'))).body.code, 200)
    const second = await kie.submit('z-image', zImage('second'))
    assert.deepEqual([second.status, second.body.code, second.body.data], [200, 402, null])
  })

  it('is refused with 401 in the body without a well-formed key', async () => {
    for (const headers of [{}, { authorization: 'test-key' }, { authorization: 'Bearer' }, { apikey: 'test-key' }]) {
      const answer = await kie.call(
        'POST',
        '/kie/api/v1/jobs/createTask',
        { model: 'z-image', input: zImage('x') },
        headers,
      )
      assert.deepEqual(
        [answer.status, answer.body.code, answer.body.msg],
        [200, 401, 'You do not have access permissions'],
      )
    }
    assert.deepEqual((await kie.call('GET', '/sandbox/v1/kie/tasks')).body.tasks, [])
  })

  it('is dropped with 429 when it is the twenty-first submit within ten seconds', async () => {
    await kie.call('POST', '/sandbox/v1/clock', { rate: 0 })
    await kie.behave({ latency_ms: 3_600_000 })
    const codes = await Promise.all(
      Array.from({ length: 21 }, async (_, index) => (await kie.submit('z-image', zImage(`${index}`))).body.code),
    )
    assert.deepEqual(
      [codes.filter((code) => code === 200).length, codes.filter((code) => code === 429).length],
      [20, 1],
    )
    assert.equal((await kie.call('GET', '/sandbox/v1/kie/tasks')).body.tasks.length, 20)
    await kie.advance(10_000)
    assert.equal((await kie.submit('z-image', zImage('later'))).body.code, 200)
    await kie.call('POST', '/sandbox/v1/clock', { rate: 1 })
  })

  it('cannot be read under an unknown id, nor, now and then, in its first moments', async () => {
    assert.deepEqual((await kie.record('0'.repeat(32))).body, { code: 422, msg: 'recordInfo is null', data: null })
    await kie.call('POST', '/sandbox/v1/clock', { rate: 0 })
    await kie.behave({ latency_ms: 3_600_000 })
    const hidden: string[] = []
    for (let count = 0; count < 80; count += 1) {
      if (count % 20 === 0) await kie.advance(10_000)
      const id = await kie.taskOf('z-image', zImage(`${count}`))
      if ((await kie.record(id)).body.code === 422) hidden.push(id)
    }
    assert.ok(hidden.length > 0 && hidden.length < 16, `${hidden.length} of 80`)
    await kie.advance(1_000)
    assert.equal((await kie.record(hidden[0] ?? '')).body.data.state, 'waiting')
    await kie.call('POST', '/sandbox/v1/clock', { rate: 1 })
  })

  it('can be read ten times a second and no more', async () => {
    await kie.call('POST', '/sandbox/v1/clock', { rate: 0 })
    const id = await kie.taskOf('z-image', zImage('busy'))
    await kie.advance(1_500)
    const codes: number[] = []
    for (let count = 0; count < 11; count += 1) codes.push((await kie.record(id)).body.code)
    assert.deepEqual(codes, [...Array(10).fill(200), 429])
    await kie.call('POST', '/sandbox/v1/clock', { rate: 1 })
  })

  it('exists although the answer to its submit was lost', async () => {
    await kie.behave({ submit: 'lost_answer' })
    await assert.rejects(kie.submit('z-image', zImage('lost'), 'http://127.0.0.1:9/order-7'))
    const { tasks } = (await kie.call('GET', '/sandbox/v1/kie/tasks')).body
    assert.deepEqual(
      tasks.map((task: Json) => [task.input.prompt, task.callback_url]),
      [['lost', 'http://127.0.0.1:9/order-7']],
    )
  })

  it('ends at once, once, when the control says so', async () => {
    await kie.behave({ latency_ms: 3_600_000 })
    const won = await kie.taskOf('z-image', zImage('won'))
    const settled = await kie.call('PATCH', `/sandbox/v1/kie/tasks/${won}`, { state: 'success' })
    assert.equal(settled.body.state, 'success')
    assert.equal(settled.body.result_urls.length, 1)
    const lost = await kie.taskOf('z-image', zImage('lost'))
    const failed = await kie.call('PATCH', `/sandbox/v1/kie/tasks/${lost}`, { state: 'fail', fail_msg: 'refused' })
    assert.deepEqual([failed.body.state, failed.body.fail_code, failed.body.fail_msg], ['fail', '500', 'refused'])
    const again = await kie.call('PATCH', `/sandbox/v1/kie/tasks/${lost}`, { state: 'success' })
    assert.equal(again.status, 409)
  })

  it('is recorded with fewer results than it made, or in a strange shape, when the behaviour says so', async () => {
    const task = await kie.taskOf('grok-imagine/text-to-image', { prompt: 'two', aspect_ratio: '1:1' })
    const { result_urls: urls } = await kie.ended(task)
    const recorded = async () => {
      const { body } = await kie.call('GET', `/kie/api/v1/jobs/recordInfo?taskId=${task}`)
      return JSON.parse(body.data.resultJson).resultUrls
    }
    assert.deepEqual(await recorded(), urls)
    await kie.behave({ results_max: 1 })
    assert.deepEqual(await recorded(), urls.slice(0, 1))
    await kie.behave({ results_max: 0, result_list: 'objects' })
    assert.deepEqual(await recorded(), [])
    await kie.behave({ results_max: null })
    assert.deepEqual(
      await recorded(),
      urls.map((resultUrl: string) => ({ resultUrl })),
    )
  })

  it('of a model that is not drawn here fails honestly after its inputs were checked, and costs nothing', async () => {
    const model = 'kling/v2-1-master-text-to-video'
    assert.equal((await kie.submit(model, {})).body.code, 422)
    const id = await kie.taskOf(model, { prompt: 'a film', duration: '5' })
    const ended = await kie.ended(id)
    assert.equal(ended.state, 'fail')
    assert.match(ended.fail_msg, /not generated in the sandbox/)
    assert.equal(ended.credits, 0)
  })

  it('takes between three and six seconds when nothing is said about latency', async () => {
    await kie.behave({ latency_ms: null, outcome: 'fail' })
    await kie.call('POST', '/sandbox/v1/clock', { rate: 0 })
    const ids: string[] = []
    for (let count = 0; count < 20; count += 1) ids.push(await kie.taskOf('z-image', zImage(`${count}`)))
    const states = async (): Promise<Set<string>> =>
      new Set((await kie.call('GET', '/sandbox/v1/kie/tasks')).body.tasks.map((task: Json) => task.state))
    await kie.advance(2_999)
    assert.deepEqual(await states(), new Set(['generating']))
    await kie.advance(3_002)
    for (const id of ids) await kie.ended(id)
    assert.deepEqual(await states(), new Set(['fail']))
    await kie.call('POST', '/sandbox/v1/clock', { rate: 1 })
  })
})

it('a KIE task that was running when the sandbox stopped goes on in the next one, and no id is given twice', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'kie-'))
  const first = await startKie({ directory })
  await first.behave({ latency_ms: 3_600_000 })
  const running = await first.taskOf('z-image', zImage('patient'))
  const done = await first.taskOf('z-image', zImage('quick'))
  await first.call('PATCH', `/sandbox/v1/kie/tasks/${done}`, { state: 'success' })
  await first.close()

  const second = await startKie({ directory })
  const kept = (await second.call('GET', `/sandbox/v1/kie/tasks/${done}`)).body
  assert.equal((await second.bytes(kept.result_urls[0])).type, 'image/png')
  await second.advance(3_600_000)
  assert.equal((await second.ended(running)).state, 'success')
  await second.call('POST', '/sandbox/v1/reset', {})
  assert.deepEqual((await second.call('GET', '/sandbox/v1/kie/tasks')).body.tasks, [])
  const fresh = await second.taskOf('z-image', zImage('patient'))
  assert.ok(![running, done].includes(fresh))
  await second.close()
  await rm(directory, { recursive: true })
})
