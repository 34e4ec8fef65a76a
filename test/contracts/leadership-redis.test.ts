import assert from 'node:assert/strict'
import { after, afterEach, describe, it } from 'node:test'
import { createClient } from 'redis'
import { type Clock, createClock } from '../../src/kit/clock.ts'
import { instanceId, newSecret } from '../../src/kit/ids.ts'
import { createPostgresLock } from '../../src/leadership/postgres-lock.ts'
import { createRedisLock, redisKeyOf } from '../../src/leadership/redis-lock.ts'
import type { Held, Leadership } from '../../src/lifecycle/leadership.ts'
import { lockKeys } from '../../src/storage/postgres/lock-keys.ts'
import { onThisMachine } from '../fixtures/patience.ts'
import { until } from '../fixtures/person.ts'
import { ownRedis, withRedis } from '../fixtures/redis.ts'
import { openStorage } from '../fixtures/storage.ts'
import { leadershipContract } from './leadership-contract.ts'

const storage = await openStorage()
const { database, schema } = storage
const key = redisKeyOf(schema)
const times = {
  leaseMs: onThisMachine(900),
  renewEveryMs: 100,
  freshMs: onThisMachine(700),
  lookEveryMs: 20,
  answerMs: onThisMachine(3_000),
}
const ended: string[] = []
const common = {
  key,
  connectMs: onThisMachine(2_000),
  connect: database.connect,
  host: 'here',
  pid: 1,
  fenceKeys: lockKeys(schema, 'fence'),
  mintToken: newSecret,
  onHolderEnded: (holder: string) => ended.push(holder),
  times,
}

withRedis('leadership by Redis', () => {
  describe('with a server of its own', async () => {
    const server = await ownRedis()
    const redis = createClient({ url: server.url })
    redis.on('error', () => undefined)
    await redis.connect()
    after(async () => {
      redis.destroy()
      await server.stop()
    })
    const contender = (name: string, clock: Clock = createClock()) =>
      createRedisLock({ ...common, url: server.url, clock, instance: instanceId(name) })

    leadershipContract('Redis', {
      contender,
      killHolder: async () => void (await redis.del(key)),
      async withoutRenewals(work) {
        await redis.sendCommand(['CLIENT', 'PAUSE', '60000', 'WRITE'])
        await work()
        await redis.sendCommand(['CLIENT', 'UNPAUSE'])
        // Whoever could not be reached leaves a key that runs out; the next test need not wait for that.
        await redis.del(key)
      },
      unreachable: () =>
        createRedisLock({
          ...common,
          url: 'redis://127.0.0.1:1',
          clock: createClock(),
          instance: instanceId('lost'),
        }),
      ended,
      ...times,
    })

    describe('whatever becomes of Redis', () => {
      const given: Held[] = []
      afterEach(async () => {
        for (const held of given.splice(0)) await held.release()
      })
      async function lead(by: Leadership, onWaiting: () => void = () => {}): Promise<Held> {
        const held = await by.acquire(new AbortController().signal, onWaiting)
        assert.ok(held)
        given.push(held)
        return held
      }

      it('has no second holder when its memory is gone, before the first has noticed', async () => {
        const first = await lead(contender('first'))
        const waits = Promise.withResolvers<void>()
        const second = lead(contender('second'), () => waits.resolve())
        await waits.promise
        await redis.flushAll()
        const { epoch } = await second
        assert.equal(first.isFresh(), false)
        assert.ok(epoch > first.epoch)
      })

      it('goes on leading through a break of the connection', async () => {
        const held = await lead(contender('steady'))
        await redis.sendCommand(['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'])
        const since = performance.now()
        await until(() => performance.now() - since > 2 * times.freshMs, 'a lease has passed twice')
        assert.equal(held.isFresh(), true)
        assert.equal(await held.release(), 'released')
      })

      it('leaves nothing behind when Redis answers no more: not the belief, and later not the key', async () => {
        const held = await lead(contender('cut off'))
        server.suspend()
        try {
          assert.notEqual(await held.lost, '')
          assert.equal(held.isFresh(), false)
        } finally {
          server.resume()
        }
        assert.equal((await lead(contender('next'))).epoch, held.epoch + 1)
      })

      it('is lost with a restart, and won again from the empty one', async () => {
        const held = await lead(contender('before'))
        await server.stop()
        await held.lost
        await assert.rejects(contender('meanwhile').acquire(new AbortController().signal, () => {}))
        await server.start()
        assert.equal((await lead(contender('after'))).how, 'immediate')
      })

      it('is never given beside a lock of PostgreSQL that is believed in, nor the other way round', async () => {
        const inPostgres = (name: string) =>
          createPostgresLock({
            ...common,
            clock: createClock(),
            instance: instanceId(name),
            leaderKeys: lockKeys(schema, 'leader'),
            times: { ...times, waitMs: 200 },
          })
        for (const [one, other] of [
          [contender('by redis'), inPostgres('by postgres')],
          [inPostgres('by postgres'), contender('by redis')],
        ] as const) {
          const first = await lead(one)
          let isReleased = false
          const waits = Promise.withResolvers<void>()
          const second = lead(other, () => waits.resolve()).then((held) => {
            assert.equal(isReleased, true)
            return held
          })
          await waits.promise
          isReleased = true
          await first.release()
          await (await second).release()
        }
      })
    })
  })
})
