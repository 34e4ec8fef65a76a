import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { until } from '../fixtures/person.ts'
import { type OwnRedis, ownRedis, withRedis } from '../fixtures/redis.ts'
import { openShop, type Running, type Shop, trt } from './shop.ts'

/** The lock by hand where Redis says who leads. */
withRedis('the lock of Redis by hand', () => {
  describe('the lock of Redis by hand', () => {
    let redis: OwnRedis
    let shop: Shop
    let running: Running
    before(async () => {
      redis = await ownRedis()
      shop = await openShop({ LOCK_BACKEND: 'redis', REDIS_URL: redis.url })
      running = await shop.start()
    })
    after(async () => {
      await running.stop()
      await redis.stop()
      await shop.end()
    })
    const show = async () => (await trt(['lock', 'show'], shop.env)).out
    const epoch = async () => Number(/epoch {7}(\d+)/.exec(await show())?.[1])

    it('names the holder, and leaves it while it lives', async () => {
      assert.match(await show(), /^backend {5}redis\ninstance {4}\w{8}\nhost {8}localhost\n/)
      assert.match((await trt(['lock', 'free'], shop.env)).err, /lives: it was heard \d+ s ago/)
    })

    it('is taken from a holder by its name, who asks for it again', async () => {
      const before = await epoch()
      const instance = /instance {4}(\w{8})/.exec(await show())?.[1] ?? ''
      const { code, err } = await trt(['lock', 'free', '--force', instance], shop.env)
      assert.equal(code, 0, err)
      await until(async () => (await epoch()) > before, 'a new epoch has begun')
    })

    it('is missed by the doctor when Redis does not answer', async () => {
      const { out } = await trt(['doctor'], { ...shop.env, REDIS_URL: 'redis://127.0.0.1:1' })
      assert.match(out, /FAILED {3}lock {14}redis; it does not answer .*\n.*start Redis, or correct REDIS_URL/)
    })
  })
})
