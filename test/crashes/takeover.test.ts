import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { checkLogsOfTwo } from './books.ts'
import { type End, nameOf } from './channel.ts'
import { dieAtEach, type Succession } from './die.ts'
import { freePicture, type Journey, topUp } from './journeys.ts'
import type { Life } from './life.ts'
import { openShop, type Shop } from './shop.ts'

/**
 * Two instances on one schema. When the leader is killed, the one that stands by goes on where it was; when updates and
 * callbacks come to the one that stands by (as a load balancer may send them), the other is woken, and a kill of the
 * one that stores loses nothing either.
 */
const kill = (point: string, crossing = 1, since?: string): End => ({
  point,
  crossing,
  signal: 'SIGKILL',
  ...(since === undefined ? {} : { since }),
})

/** On one journey one dies after the other, each further along. */
const leaderDies: readonly (readonly [Journey, readonly End[]])[] = [
  [freePicture, [kill('left:engine.start', 6), kill('after:engine.add')]],
  [
    freePicture,
    [kill('left:store.transact', 8), kill('after:kie.submit'), kill('left:store.transact', 1, 'after:chat.sendFile')],
  ],
  [freePicture, [kill('after:inbox.store'), kill('after:store.transact', 6), kill('before:kie.submit')]],
  [topUp, [kill('after:readTopUp')]],
]
const storingDies: readonly (readonly [Journey, readonly End[]])[] = [
  [freePicture, [kill('before:inbox.store', 2), kill('after:notifyStored', 3), kill('before:engine.add')]],
  [freePicture, [kill('after:inbox.store', 2), kill('before:notifyStored', 3), kill('after:engine.add')]],
  [topUp, [kill('before:readTopUp')]],
  [topUp, [kill('after:readTopUp')]],
]

test('two instances', { concurrency: 2 }, async (t) => {
  await Promise.all([
    t.test('the one that stands by goes on where the leader was killed', async (run) => {
      const shop = await openShop()
      run.after(() => shop.end())
      let leader = shop.begin()
      await leader.works()
      let [port, otherPort] = [shop.port, shop.otherPort]
      let other = await standBy(shop, otherPort)
      await allDie(run, shop, leaderDies, {
        first: async () => leader,
        async next() {
          leader = other
          ;[port, otherPort] = [otherPort, port]
          await leader.works()
          // Callbacks that were asked for by the dead are taken by whoever has its address next.
          other = await standBy(shop, otherPort)
          return leader
        },
        checkLogs: checkLogsOfTwo,
      })
    }),

    t.test('a kill of the one that stands by and stores loses nothing', async (run) => {
      const shop = await openShop()
      run.after(() => shop.end())
      const leader = shop.begin({ publicPort: shop.otherPort })
      await leader.works()
      let storing = await standBy(shop, shop.otherPort)
      await allDie(run, shop, storingDies, {
        first: async () => storing,
        async next() {
          storing = await standBy(shop, shop.otherPort)
          return storing
        },
        checkLogs: checkLogsOfTwo,
      })
      assert.ok(!leader.isOver())
    }),
  ])
})

async function standBy(shop: Shop, port: number): Promise<Life> {
  const life = shop.begin({ port })
  await life.tells(/PASSIVE_ENTER/)
  return life
}

/** One journey after the other; every death must be come to. */
async function allDie(
  t: TestContext,
  shop: Shop,
  deaths: readonly (readonly [Journey, readonly End[]])[],
  succession: Succession,
): Promise<void> {
  for (const [journey, ends] of deaths) {
    await t.test(`somebody ${journey.name}: ${ends.map(nameOf).join(', then ')}`, async () => {
      assert.deepEqual(await dieAtEach((work) => work(shop), journey, ends, succession), [])
    })
  }
}
