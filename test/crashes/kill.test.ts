import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Crossings } from './channel.ts'
import { dieOnBoot, dieOnJourney, dieOnTheWayOut } from './die.ts'
import { arrivals, type Journey, journeys } from './journeys.ts'
import { everything, type Recorded, record } from './recorded.ts'
import { createShops } from './shops.ts'

/**
 * The crash matrix: at every point between "bytes received" and "effect done" the process kills itself, is started
 * again, and nothing is lost, nothing doubled, and the books are right.
 *
 * The points are read off the ports of the service and off what journeys cross, so a new way out is killed at, or
 * named here. Each is tried at its first crossing, the busiest ones at several. `CRASH_AT=every` tries every crossing
 * of every journey (half an hour), `CRASH_AT=kie.submit` only the points that have this in their name.
 */
const asked = process.env['CRASH_AT']

/** Ways out that these journeys do not take, and why. */
const notTaken = new Map([
  ['claims.giveBack', 'the database has to fail for it'],
  ['claimCause', 'the operators have to be told by a standby'],
  ['readLeader', 'a standby asks who leads'],
  ['engine.migrate', 'called by `migrate`, which is a point of its own'],
  ['kie.freshLink', 'KIE has to have forgotten a picture; a read inside of `artifacts.fetch`'],
  ['chat.refundStars', 'nobody is given Stars back by themselves'],
  ['chat.getStarTransactions', 'asked by the command that compares the books'],
  ['ringStored', 'a standby rings, and these journeys have none'],
  ['engine.unlock', 'errands have to lie in dead hands'],
  ['instances.declareDead', 'another instance has to be silent'],
  ['turns.inTurn', 'the work has to be shared'],
])

test('a kill at any point loses nothing and doubles nothing', { concurrency: 2 }, async (t) => {
  const byWebhook = createShops(t)
  const byPolling = createShops(t, 'polling')
  const [webhook, polling] = await Promise.all([
    byWebhook.inNewShop((shop) => record(shop, journeys)),
    byPolling.inNewShop((shop) => record(shop, arrivals)),
  ])
  const crossed = everything(webhook)
  const onlyPolling = (point: string) => !crossed.has(point) || point.endsWith(':inbox.store')

  await Promise.all([
    t.test('every way out is taken, or stands in the list of those that are not', () => {
      const all = new Set([...crossed, ...everything(polling)])
      const left = webhook.points.filter((point) => !all.has(point)).map((point) => point.split(':')[1] ?? '')
      assert.deepEqual([...new Set(left)].sort(), [...notTaken.keys()].sort())
    }),
    ...kills(t, 'webhook', byWebhook, webhook, () => true),
    ...kills(t, 'polling', byPolling, polling, onlyPolling),
  ])
})

/** What only an empty database makes interesting. */
const ofFirstStart = /migrate|keptSecret|worldOfSchema/

function kills(
  t: TestContext,
  how: string,
  { inShop, inNewShop }: ReturnType<typeof createShops>,
  { boot, journeys: crossings, wayOut }: Recorded,
  isOurs: (point: string) => boolean,
): readonly Promise<void>[] {
  const isTried = (point: string) => isAsked(point) && isOurs(point)
  const end = (point: string, crossing = 1) => ({ point, crossing, signal: 'SIGKILL' as const })
  return [
    ...boot.filter(isTried).map((point) =>
      t.test(`${how}, on the start: ${point}`, async () => {
        await (ofFirstStart.test(point) ? inNewShop : inShop)((shop) => dieOnBoot(shop, end(point)))
      }),
    ),
    ...onJourneys(crossings, isTried).map(({ journey, point, crossing }) =>
      t.test(`${how}, somebody ${journey.name}: ${point}${crossing > 1 ? `, crossing ${crossing}` : ''}`, async () => {
        await inShop((shop) => dieOnJourney(shop, journey, end(point, crossing)))
      }),
    ),
    ...wayOut.filter(isTried).map((point) =>
      t.test(`${how}, on the way out: ${point}`, async () => {
        await inShop((shop) => dieOnTheWayOut(shop, end(point)))
      }),
    ),
  ]
}

/** Crossed at nearly every step, and a different step each time. */
const busy = ['left:store.transact', 'after:store.transact', 'left:engine.start', 'after:inbox.store']
const samples = 3

type Run = { readonly journey: Journey; readonly point: string; readonly crossing: number }

function onJourneys(crossings: ReadonlyMap<Journey, Crossings>, isTried: (point: string) => boolean): readonly Run[] {
  const runs: Run[] = []
  const tried = new Set<string>()
  for (const [journey, crossed] of crossings) {
    for (const [point, times] of Object.entries(crossed)) {
      if (!isTried(point)) continue
      for (const crossing of crossingsToTry(point, times, tried.has(point))) runs.push({ journey, point, crossing })
      tried.add(point)
    }
  }
  return runs
}

function crossingsToTry(point: string, times: number, wasTried: boolean): readonly number[] {
  if (asked === 'every') return Array.from({ length: times }, (_, index) => index + 1)
  if (!busy.includes(point)) return wasTried ? [] : [1]
  const count = Math.min(samples, times)
  return Array.from({ length: count }, (_, index) => Math.ceil(((index + 1) * times) / count))
}

function isAsked(point: string): boolean {
  return asked === undefined || asked === 'every' || point.includes(asked)
}
