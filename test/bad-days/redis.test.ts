import { after, before, describe, it } from 'node:test'
import { createClient } from 'redis'
import type { Life } from '../crashes/life.ts'
import { endWell, isAnswered, lead, oneLeads, standBy } from '../crashes/standby.ts'
import { until } from '../fixtures/person.ts'
import { type OwnRedis, ownRedis, withRedis } from '../fixtures/redis.ts'
import { checkAfterwards, type Explained, handlesMore, inShop, whileAllWrite } from './drill.ts'
import { openStrait } from './strait.ts'

/**
 * A Redis on a bad day, where it says who leads: whoever cannot ask it stands by, at no moment do two lead, and all that
 * was written meanwhile is answered.
 */
withRedis('Redis on a bad day', () => {
  describe('Redis on a bad day', { concurrency: 3 }, () => {
    let shared: OwnRedis
    before(async () => {
      shared = await ownRedis()
    })
    after(() => shared.stop())
    const ledBy = ({ url }: { readonly url: string }) => ({ LOCK_BACKEND: 'redis', REDIS_URL: url })

    it('silent for everybody, it makes all stand by; what comes is stored, and handled when it answers again', async () => {
      const redis = await ownRedis()
      try {
        await inShop(
          async ({ shop, db }) => {
            const lives = [await lead(shop), await standBy(shop)]
            const person = await shop.person()
            await isAnswered(person)
            redis.suspend()
            await Promise.all(lives.map((life) => until(() => standsBy(life), 'it stands by')))
            await person.says('/start')
            await until(async () => (await db.query('select from inbox')).rowCount === 2, 'it is stored')
            redis.resume()
            await person.sees(/Картинки и дизайн/)
            await oneLeads(lives)
            await checkAfterwards(shop, lockLost)
            await endWell(lives)
          },
          { env: ledBy(redis) },
        )
      } finally {
        redis.resume()
        await redis.stop()
      }
    })

    it('cut off from its leader alone, it gives the leadership to the other, and the first stands by when it is back', async () => {
      const strait = await openStrait(shared.url)
      try {
        await inShop(
          async ({ shop }) => {
            const first = await lead(shop, { env: ledBy(strait) })
            const second = await standBy(shop)
            const person = await shop.person()
            await isAnswered(person)
            strait.stall()
            await first.tells(/LOCK_LOST backend=redis/)
            await second.tells(/ACTIVE_ENTER .*how=takeover/)
            await isAnswered(person)
            strait.flow()
            await until(() => standsBy(first), 'it stands by')
            await isAnswered(person)
            await checkAfterwards(shop, lockLost)
            await endWell([first, second])
          },
          { env: ledBy(shared) },
        )
      } finally {
        await strait.end()
      }
    })

    it('emptied while people write, it has one leader again, and nobody waits in vain', async () => {
      const redis = await ownRedis()
      const client = createClient({ url: redis.url })
      try {
        await client.connect()
        await inShop(
          async ({ shop }) => {
            const lives = [await lead(shop), await standBy(shop)]
            const people = [await shop.person(), await shop.person()]
            await whileAllWrite(people, async () => {
              await client.flushAll()
              await lives[0]?.tells(/LOCK_LOST backend=redis/)
              await handlesMore(await oneLeads(lives))
            })
            await checkAfterwards(shop, lockLost)
            await endWell(lives)
          },
          { env: ledBy(redis) },
        )
      } finally {
        client.destroy()
        await redis.stop()
      }
    })
  })
})

/** On a machine that is busy with starts, a first connection to PostgreSQL may take too long. */
const lockLost: Explained = {
  events: ['LOCK_LOST', 'NOBODY_ACTIVE', 'PASSIVE_REJECT', 'DUTY_FAILED'],
  errors: /timeout exceeded when trying to connect|timeout expired/,
}

const standsBy = ({ lines }: Life): boolean =>
  lines.findLast((line) => /\] (ACTIVE_ENTER|PASSIVE_ENTER)/.test(line))?.includes('] PASSIVE_ENTER') ?? false
