import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { type Kie, startKie } from './kie-world.ts'

describe('a KIE task', () => {
  let kie: Kie
  before(async () => {
    kie = await startKie()
  })
  after(() => kie.close())
  beforeEach(async () => {
    await kie.call('POST', '/sandbox/v1/reset', {})
    await kie.advance(10_000)
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
})
