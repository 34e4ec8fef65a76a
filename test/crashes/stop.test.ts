import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type End, nameOf } from './channel.ts'
import { dieAtEach, dieOnBoot } from './die.ts'
import { freePicture, topUp } from './journeys.ts'
import { recordBoot } from './recorded.ts'
import type { Shop } from './shop.ts'
import { createShops } from './shops.ts'

/**
 * SIGTERM at any moment of a start and in the middle of any work: the process ends with SHUTDOWN_DONE and 0, whoever
 * wrote meanwhile is answered by the next one, and, because what is in hand is carried to its end, no order is left
 * uncertain.
 */
/** Whatever is looked up beside something else that is waited for, and shows no moment of its own. */
const isReadInPassing = /:(read\w+|known\w+|poolFigures|store\.read|claims\.nextDueAt|instances\.silent)$/

test('SIGTERM ends a start at any of its moments', { concurrency: 2 }, async (t) => {
  const shops = createShops(t)
  const boot = await shops.inShop((shop) => recordBoot(shop.begin()))
  const moments = [...boot].filter((point) => point.startsWith('before:') && !isReadInPassing.test(point))
  const rows = [0, 1, 2, 3].map((row) => moments.filter((_, index) => index % 4 === row))
  await Promise.all(
    rows.map((row) =>
      t.test(row.join(', '), () =>
        shops.inShop((shop) =>
          dieOnBoot(
            shop,
            row.map((point) => ({ point, crossing: 1, signal: 'SIGTERM' })),
          ),
        ),
      ),
    ),
  )
})

/**
 * Where work is in hand, in the order of the journey: an update that is not committed, or committed with its effect and
 * not answered, a step before its commit, a call that is being made.
 */
const inHand: readonly Omit<End, 'signal'>[] = [
  { point: 'before:inbox.store', crossing: 2 },
  { point: 'before:inbox.handle', crossing: 1 },
  { point: 'after:inbox.handle', crossing: 1 },
  { point: 'left:store.transact', crossing: 1 },
  { point: 'before:chat.send', crossing: 1 },
  { point: 'before:kie.submit', crossing: 1 },
  { point: 'left:store.transact', crossing: 1, since: 'after:kie.submit' },
  { point: 'before:engine.add', crossing: 1 },
  { point: 'before:artifacts.fetch', crossing: 1 },
  { point: 'before:chat.sendFile', crossing: 1 },
]

test('SIGTERM in the middle of a journey interrupts nobody', { concurrency: 2 }, async (t) => {
  const shops = createShops(t)
  const ends = inHand.map((end): End => ({ ...end, signal: 'SIGTERM' }))
  const rows = [0, 1, 2].map((row) => ends.filter((_, index) => index % 3 === row))
  const isCertain = <T>(work: (shop: Shop) => Promise<T>): Promise<T> =>
    shops.inShop(async (shop) => {
      const before = shop.lives.length
      const worked = await work(shop)
      const lines = shop.lives.slice(Math.max(0, before - 1)).flatMap((life) => life.lines)
      assert.deepEqual(
        lines.filter((line) => line.includes('ORDER_UNCERTAIN')),
        [],
      )
      return worked
    })
  await Promise.all([
    ...rows.map((row) =>
      t.test(`a picture is on its way: ${row.map(nameOf).join(', then ')}`, async () => {
        assert.deepEqual(await dieAtEach(isCertain, freePicture, row), [], 'each moment has come')
      }),
    ),
    t.test('a payment is being allowed', async () => {
      const end: End = { point: 'before:readTopUp', crossing: 1, signal: 'SIGTERM' }
      assert.deepEqual(await dieAtEach(isCertain, topUp, [end]), [])
    }),
  ])
})
