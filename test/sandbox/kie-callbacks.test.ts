import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { type Json, type Kie, startKie, startReceiver } from './kie-setup.ts'

const input = { prompt: 'call me', aspect_ratio: '1:1' }

describe('KIE calls back', () => {
  let kie: Kie
  let closers: (() => Promise<void>)[] = []
  before(async () => {
    kie = await startKie()
  })
  after(() => kie.close())
  beforeEach(async () => {
    await kie.afresh()
    await kie.behave({ latency_ms: 0 })
  })
  afterEach(async () => {
    for (const close of closers) await close()
    closers = []
  })
  async function receiver(answer?: (count: number) => number | 'cut') {
    const started = await startReceiver(answer)
    closers.push(started.close)
    return started
  }

  it('once on success, with the whole record, and notes the answer', async () => {
    const bot = await receiver()
    const id = await kie.taskOf('z-image', input, bot.url)
    const [post] = await bot.received(1)
    assert.equal(post?.headers['content-type'], 'application/json')
    const { code, data } = post?.body ?? {}
    assert.deepEqual(
      [code, data.taskId, data.model, data.state, data.creditsConsumed],
      [200, id, 'z-image', 'success', 0.8],
    )
    const task = await kie.ended(id)
    assert.deepEqual(JSON.parse(data.resultJson).resultUrls, task.result_urls)
    assert.deepEqual(
      task.callbacks.map((one: Json) => one.status),
      [200],
    )
    await kie.advance(3_600_000)
    assert.equal(bot.posts.length, 1)
  })

  it('on failure with code 501 and the reason, at no cost', async () => {
    const bot = await receiver()
    await kie.behave({ outcome: 'moderated' })
    await kie.taskOf('z-image', input, bot.url)
    const [post] = await bot.received(1)
    const { code, data } = post?.body ?? {}
    assert.deepEqual([code, data.state, data.failCode, data.creditsConsumed], [501, 'fail', '400', 0])
    assert.match(data.failMsg, /content policies/)
  })

  it('again after one, five and fifteen minutes while it is not answered with 200, and then no more', async () => {
    const bot = await receiver((count) => (count === 1 ? 'cut' : 503))
    const id = await kie.taskOf('z-image', input, bot.url)
    await bot.received(1)
    for (const [count, ms] of [60_000, 300_000, 900_000].entries()) {
      await noted(id, count + 1)
      await kie.advance(ms)
      await bot.received(count + 2)
    }
    await noted(id, 4)
    await kie.advance(24 * 3_600_000)
    assert.equal(bot.posts.length, 4)
    const { callbacks } = (await kie.call('GET', `/sandbox/v1/kie/tasks/${id}`)).body
    assert.deepEqual(
      callbacks.map((one: Json) => one.status),
      [null, 503, 503, 503],
    )
  })

  /** Until the sandbox has written down so many answers. */
  async function noted(id: string, count: number): Promise<void> {
    for (;;) {
      const task = (await kie.call('GET', `/sandbox/v1/kie/tasks/${id}`)).body
      if (task.callbacks.length >= count) return
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  it('with a signature over task id and timestamp when a key is set, and without one when not', async () => {
    const bot = await receiver()
    await kie.taskOf('z-image', input, bot.url)
    const [plain] = await bot.received(1)
    assert.equal(plain?.headers['x-webhook-signature'], undefined)
    await kie.behave({ webhook_hmac_key: 'secret' })
    const id = await kie.taskOf('z-image', input, bot.url)
    const [, signed] = await bot.received(2)
    const timestamp = String(signed?.headers['x-webhook-timestamp'])
    assert.match(timestamp, /^\d{10}$/)
    const right = createHmac('sha256', 'secret').update(`${id}.${timestamp}`).digest('base64')
    assert.equal(signed?.headers['x-webhook-signature'], right)
  })

  it('never when it is told never, and the task can still be read', async () => {
    const bot = await receiver()
    await kie.behave({ callback: 'never' })
    const task = await kie.ended(await kie.taskOf('z-image', input, bot.url))
    await kie.advance(3_600_000)
    assert.deepEqual([task.state, bot.posts.length], ['success', 0])
  })

  it('twice with the same body when it is told to duplicate', async () => {
    const bot = await receiver()
    await kie.behave({ callback: 'duplicate' })
    await kie.taskOf('z-image', input, bot.url)
    await bot.received(1)
    await kie.advance(1_000)
    const [first, second] = await bot.received(2)
    assert.deepEqual(first?.body, second?.body)
  })

  it('a minute after the end when it is told to be late', async () => {
    const bot = await receiver()
    await kie.behave({ callback: 'late' })
    const id = await kie.taskOf('z-image', input, bot.url)
    while ((await kie.call('GET', `/sandbox/v1/kie/tasks/${id}`)).body.state !== 'success');
    await kie.advance(50_000)
    assert.equal(bot.posts.length, 0)
    await kie.advance(11_000)
    await bot.received(1)
  })

  it('with a lie about a running task when it is told to forge, and with the truth at the end', async () => {
    const bot = await receiver()
    await kie.behave({ callback: 'forged', latency_ms: 60_000, outcome: 'fail' })
    const id = await kie.taskOf('z-image', input, bot.url)
    await kie.advance(30_000)
    const [lie] = await bot.received(1)
    assert.equal(lie?.body.data.state, 'success')
    assert.match(lie?.body.data.resultJson, /forged\.invalid/)
    assert.equal((await kie.record(id)).body.data.state, 'generating')
    await kie.advance(30_000)
    const [, truth] = await bot.received(2)
    assert.equal(truth?.body.data.state, 'fail')
  })
})
