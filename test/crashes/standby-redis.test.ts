import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createClient } from 'redis'
import { redisKeyOf } from '../../src/leadership/redis-lock.ts'
import { onThisMachine } from '../fixtures/patience.ts'
import { createPerson, until } from '../fixtures/person.ts'
import { type OwnRedis, ownRedis, withRedis } from '../fixtures/redis.ts'
import { controlsOf } from '../fixtures/sandbox.ts'
import { openTerminal, urlsOf } from '../newcomer/terminal.ts'
import type { Life } from './life.ts'
import { openShop, type Shop } from './shop.ts'
import { endWell, freezeOnTheWay, frozenAt, isAnswered, lead, oneLeads, standBy, times } from './standby.ts'

/** The same drills where Redis says who leads, and what only a Redis can do to them. */
withRedis('several instances, led by Redis', () => {
  describe('several instances, led by Redis', { concurrency: 3 }, () => {
    let shared: OwnRedis
    before(async () => {
      shared = await ownRedis()
    })
    after(() => shared.stop())

    /** Each shop has a key of its own; a Redis of its own only where that is what suffers. */
    async function inShop(work: (shop: Shop) => Promise<void>, redis: OwnRedis = shared): Promise<void> {
      const shop = await openShop({ LOCK_BACKEND: 'redis', REDIS_URL: redis.url })
      try {
        await work(shop)
      } finally {
        await shop.end()
      }
    }
    async function withOwnRedis(work: (shop: Shop, redis: OwnRedis) => Promise<void>): Promise<void> {
      const redis = await ownRedis()
      try {
        await inShop((shop) => work(shop, redis), redis)
      } finally {
        await redis.stop()
      }
    }

    for (const end of frozenAt.slice(0, 2)) {
      it(`replaces a leader that is frozen at ${end.point}, which writes nothing when it wakes up`, async () => {
        await inShop((shop) => freezeOnTheWay(shop, end))
      })
    }

    it('replaces a leader that was killed within its lease, and one that goes in order at once', async () => {
      await inShop(async (shop) => {
        const [first, second] = [await lead(shop), await standBy(shop)]
        const person = await shop.person()
        await isAnswered(person)
        const killedAt = performance.now()
        first.signal('SIGKILL')
        await second.tells(/ACTIVE_ENTER/)
        assert.ok(performance.now() - killedAt < times.lock.leaseMs + onThisMachine(1_000))
        await isAnswered(person)
        const third = await standBy(shop, { port: shop.port })
        const leavingAt = performance.now()
        second.signal('SIGTERM')
        await third.tells(/ACTIVE_ENTER/)
        assert.ok(performance.now() - leavingAt < onThisMachine(times.lock.leaseMs))
        await isAnswered(person)
        await endWell([third])
      })
    })

    it('has one leader when Redis has forgotten who leads', async () => {
      await inShop(async (shop) => {
        const lives = [await lead(shop), await standBy(shop)]
        const person = await shop.person()
        await isAnswered(person)
        const redis = createClient({ url: shared.url })
        await redis.connect()
        assert.equal(await redis.del(redisKeyOf(shop.schema)), 1)
        redis.destroy()
        await lives[0]?.tells(/LOCK_LOST backend=redis/)
        await oneLeads(lives)
        await isAnswered(person)
        // At no moment two: each epoch was entered when the one before it was over.
        const told = lives.flatMap(({ lines }) => lines.filter((line) => /\] (ACTIVE_ENTER|LOCK_LOST)/.test(line)))
        const inOrder = told.sort().map((line) => /\] (ACTIVE_ENTER|LOCK_LOST)/.exec(line)?.[1])
        assert.deepEqual(inOrder, ['ACTIVE_ENTER', 'LOCK_LOST', 'ACTIVE_ENTER'])
        await endWell(lives)
      })
    })

    it('has no leader while Redis is gone, stores what comes, and goes on when it is back', async () => {
      await withOwnRedis(async (shop, redis) => {
        const lives = [await lead(shop), await standBy(shop)]
        const person = await shop.person()
        await isAnswered(person)
        await redis.stop()
        await Promise.all(lives.map((life) => isPassive(life)))
        await person.says('/start')
        await until(async () => (await stored(shop)) === 2, 'it is stored')
        await redis.start()
        await person.sees(/Картинки и дизайн/)
        await oneLeads(lives)
        await endWell(lives)
      })
    })

    it('goes on in the sandbox of a folder when the first of two starts is killed', async (t) => {
      const { npmStart, place } = openTerminal(t)
      const here = { ...(await place()), PORT: '0', SANDBOX_PORT: '0' }
      const env = { ...here, LOCK_BACKEND: 'redis', REDIS_URL: shared.url }
      const first = npmStart(env)
      const { chat } = await urlsOf(first)
      await first.prints(/DUTIES_STARTED/)
      const anna = await createPerson(controlsOf(chat.slice(0, -1)), { first_name: 'Анна', language_code: 'ru' })
      await isAnswered(anna)
      const second = npmStart(env)
      await second.prints(/PASSIVE MODE \(background watcher started\)/)
      first.killGroup('SIGKILL')
      // Here the lease is an operator's.
      await second.prints(/PASSIVE → ACTIVE \(lock acquired\)/)
      await second.prints(/DUTIES_STARTED/)
      await isAnswered(anna)
      second.kill('SIGTERM')
      assert.equal(await second.ends(), 0)
    })
  })
})

async function isPassive({ lines }: Life): Promise<void> {
  const last = () => lines.findLast((line) => /\] (ACTIVE_ENTER|PASSIVE_ENTER)/.test(line)) ?? ''
  await until(() => last().includes('PASSIVE_ENTER'), 'it stands by')
}

async function stored({ db }: Shop): Promise<number | undefined> {
  return (await db.query<{ n: number }>('select count(*)::int as n from inbox')).rows[0]?.n
}
