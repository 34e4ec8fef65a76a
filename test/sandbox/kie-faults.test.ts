import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { type Kie, startKie } from './kie-setup.ts'

const input = { prompt: 'trouble', aspect_ratio: '1:1' }

describe('a planned fault of KIE', () => {
  let kie: Kie
  before(async () => {
    kie = await startKie()
  })
  after(() => kie.close())
  beforeEach(() => kie.afresh())
  const tasks = async () => (await kie.call('GET', '/sandbox/v1/kie/tasks')).body.tasks.length

  it("with one of KIE's codes is HTTP 200 with that code, before anything has happened", async () => {
    for (const status of [401, 402, 422, 429, 455, 500, 505]) {
      await kie.fault({ status })
      const answer = await kie.submit('z-image', input)
      assert.deepEqual([answer.status, answer.body.code, answer.body.data], [200, status, null])
      assert.ok(answer.body.msg.length > 5)
    }
    assert.equal(await tasks(), 0)
    assert.equal((await kie.submit('z-image', input)).body.code, 200)
  })

  it('with a status of a gateway is that HTTP status and a page', async () => {
    await kie.fault({ status: 502 })
    const answer = await kie.submit('z-image', input)
    assert.deepEqual([answer.status, answer.headers.get('content-type')], [502, 'text/html'])
    await kie.fault({ status: 200, description: 'html' })
    const page = await kie.call('GET', '/kie/api/v1/chat/credit')
    assert.deepEqual([page.status, String(page.body).slice(0, 6)], [200, '<html>'])
    await kie.fault({ status: 500, description: 'html' })
    assert.equal((await kie.call('GET', '/kie/api/v1/chat/credit')).status, 500)
  })

  it('says how long to wait', async () => {
    await kie.fault({ status: 429, retry_after: 7 })
    assert.equal((await kie.submit('z-image', input)).headers.get('retry-after'), '7')
  })

  it('after execution creates the task and loses or replaces the answer', async () => {
    await kie.fault({ after_execution: true, method: 'createTask' })
    await assert.rejects(kie.submit('z-image', input))
    assert.equal(await tasks(), 1)
    await kie.fault({ after_execution: true, status: 504 })
    assert.equal((await kie.submit('z-image', input)).status, 504)
    assert.equal(await tasks(), 2)
  })

  it('delays by virtual time', async () => {
    await kie.fault({ delay_ms: 3_600_000, method: 'chat/credit' })
    let isAnswered = false
    const slow = kie.call('GET', '/kie/api/v1/chat/credit').finally(() => (isAnswered = true))
    assert.equal((await kie.submit('z-image', input)).body.code, 200)
    assert.equal(isAnswered, false)
    await kie.advance(3_600_000)
    assert.equal((await slow).body.data, 10_000)
  })

  it('can hit a result file', async () => {
    await kie.behave({ latency_ms: 0 })
    const { result_urls: urls } = await kie.ended(await kie.taskOf('z-image', input))
    await kie.fault({ status: 403, method: '/kie/files/' })
    assert.equal((await kie.bytes(urls[0])).status, 403)
    assert.equal((await kie.bytes(urls[0])).status, 200)
  })

  it('does not stand in the way of an unknown path, which is 404', async () => {
    const answer = await kie.call('POST', '/kie/api/v1/jobs/create', {})
    assert.deepEqual([answer.status, answer.body.code], [404, 404])
  })
})

describe('KIE describes its models', () => {
  let kie: Kie
  before(async () => {
    kie = await startKie()
  })
  after(() => kie.close())
  const ask = async (path: string) => {
    await kie.advance(1_000)
    return (await kie.call('GET', `/kie/api/v1/models${path}`)).body
  }

  it('as a list that can be narrowed, without the retired ones', async () => {
    const all = (await ask('')).data
    assert.ok(all.total > 180 && all.models.length === all.total)
    assert.ok(!all.models.some((one: { model: string }) => one.model.startsWith('sora-2')))
    const found = (await ask('?taskType=text-to-image&q=nano-banana-pro')).data
    assert.deepEqual(
      found.models.map((one: { model: string }) => one.model),
      ['nano-banana-pro'],
    )
  })

  it('by their inputs and price, with slashes in the id as they are', async () => {
    const { openapi } = (await ask('/google/nano-banana/schema')).data
    const schema = openapi.paths['/api/v1/jobs/createTask'].post.requestBody.content['application/json'].schema
    assert.deepEqual(schema.properties.input.required, ['prompt'])
    assert.deepEqual(schema.properties.input.properties.prompt, { type: 'string', maxLength: 5000 })
    assert.equal((await ask('/z-image/price')).data.pricingDesc, '0.8 credits per image')
    assert.equal((await ask('/nano-banana-2-1/price')).data.pricingDesc, null)
    assert.equal((await ask('/no-such-model/price')).code, 404)
  })

  it('once a second and no more', async () => {
    await ask('')
    assert.equal((await kie.call('GET', '/kie/api/v1/models')).body.code, 429)
  })
})
