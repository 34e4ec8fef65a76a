import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkLogsOfTwo, checkPerson, checkShop, untilQuiet } from './books.ts'
import { type End, nameOf } from './channel.ts'
import { endedBy, patienceIsOver, settleUncertain } from './die.ts'
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

const leaderDies: readonly (readonly [Journey, End])[] = [
  [freePicture, kill('after:inbox.store')],
  [freePicture, kill('after:claims.claim', 2)],
  [freePicture, kill('left:store.transact', 8)],
  [freePicture, kill('after:store.transact', 8)],
  [freePicture, kill('before:kie.submit')],
  [freePicture, kill('after:kie.submit')],
  [freePicture, kill('after:engine.makeDue')],
  [freePicture, kill('left:store.transact', 1, 'after:chat.sendFile')],
  [freePicture, kill('left:engine.start', 6)],
  [topUp, kill('after:readTopUp')],
]

test('the one that stands by goes on where the leader was killed', async (t) => {
  const shop = await openShop()
  t.after(() => shop.end())
  let leader = shop.begin()
  await leader.works()
  let [port, otherPort] = [shop.port, shop.otherPort]
  let other = await standBy(shop, otherPort)
  for (const [journey, end] of leaderDies) {
    await t.test(`somebody ${journey.name}: ${nameOf(end)}`, async () => {
      const [dying, next, freed] = [leader, other, port]
      await dying.endAt(end)
      await walk(shop, journey, endedBy(dying, end), async () => {
        ;[leader, port, otherPort] = [next, otherPort, freed]
        await next.works()
        // Callbacks that were asked for by the dead are taken by whoever has its address next.
        other = await standBy(shop, freed)
      })
    })
  }
})

const storingDies: readonly (readonly [Journey, End])[] = [
  [freePicture, kill('before:inbox.store', 2)],
  [freePicture, kill('after:inbox.store', 2)],
  [freePicture, kill('before:ringStored', 3)],
  [freePicture, kill('after:ringStored', 3)],
  [freePicture, kill('before:engine.makeDue')],
  [freePicture, kill('after:engine.makeDue')],
  [topUp, kill('before:readTopUp')],
  [topUp, kill('after:readTopUp')],
]

test('a kill of the one that stands by and stores loses nothing', async (t) => {
  const shop = await openShop()
  t.after(() => shop.end())
  const leader = shop.begin({ publicPort: shop.otherPort })
  await leader.works()
  let storing = await standBy(shop, shop.otherPort)
  for (const [journey, end] of storingDies) {
    await t.test(`somebody ${journey.name}: ${nameOf(end)}`, async () => {
      const dying = storing
      await dying.endAt(end)
      await walk(shop, journey, endedBy(dying, end), async () => {
        storing = await standBy(shop, shop.otherPort)
      })
      assert.ok(!leader.isOver())
    })
  }
})

async function standBy(shop: Shop, port: number): Promise<Life> {
  const life = shop.begin({ port })
  await life.tells(/PASSIVE_ENTER/)
  return life
}

/** One journey on which somebody dies and `goOn` makes it good. */
async function walk(shop: Shop, journey: Journey, dead: Promise<void>, goOn: () => Promise<void>): Promise<void> {
  const person = await shop.person()
  const going = dead.then(async () => {
    await goOn()
    await patienceIsOver(shop)
    await settleUncertain(shop)
  })
  // Waited for in its turn; when the journey fails first, that is what is told.
  going.catch(() => undefined)
  const asked = await journey.walk(person, shop)
  await going
  await untilQuiet(shop)
  await checkPerson(shop, person, asked)
  await checkShop(shop)
  checkLogsOfTwo(shop.lives)
}
