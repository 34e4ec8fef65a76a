import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { chooser, isAll, seed, shuffled } from '../fixtures/seed.ts'
import { checkBooks, checkLogs } from './books.ts'
import { type Crossings, type End, nameOf } from './channel.ts'
import { dieAtEach, dieOnBoot, dieOnTheWayOut, oneAtATime, type Succession } from './die.ts'
import { arrivals, freePicture, halfOfFour, type Journey, journeys, resultsAway, tokenRefused } from './journeys.ts'
import { everything, type Recorded, record } from './recorded.ts'
import { createShops } from './shops.ts'

/**
 * The crash matrix: at every point between "bytes received" and "effect done" the process kills itself, is started
 * again, and nothing is lost, nothing doubled, and the books are right.
 *
 * The points are read off the ports of the service and off what journeys cross, so a new way out is killed at, or
 * named here. Each is tried at its first crossing, the busiest ones once more in every journey, and the step that
 * follows each call; not where nothing has changed since another point: when something was entered, and at what only
 * looks. Several deaths share a journey, a start or a way out; one that an earlier death has led past is tried alone.
 *
 * The seed of the run chooses the journey on which a point is tried, the points that share a journey, the later crossing
 * of the busy ones, and some of the points where nothing has changed: what one run misses another one tries.
 *
 * `CRASH_AT=kie.submit` tries only the points that have this in their name, `npm run test:all` each at every crossing
 * of every journey (half an hour for all of them).
 */
const asked = process.env['CRASH_AT']

/** Ways out that nobody takes here, and why. */
const notTaken = new Map([
  ['claims.release', 'the database has to fail for it'],
  ['claimAlert', 'the operators have to be told by a standby'],
  ['readLeader', 'a standby asks who leads'],
  ['notifyStored', 'a standby notifies the leader; takeover.test.ts kills it there'],
  ['tryToStore', 'an update has to be refused for it, and nothing stays of it'],
  ['engine.shelve', 'a handler has to throw many times for it'],
  ['claims.nextDueAt', 'an update has to wait for it, and all are handled on arrival'],
  ['claims.claimInterrupted', 'only after a death in the middle of a step; arrival.test.ts kills it there'],
  ['screenNotes.dueIn', 'only after a death between a commit and its call; arrival.test.ts kills it there'],
  ['screenNotes.later', 'Telegram has to refuse a screen for it'],
  ['screenNotes.givenUp', 'Telegram has to refuse a screen for it'],
  ['engine.beginAlone', 'only after a death in the middle of an errand'],
  ['engine.endAlone', 'only after a death in the middle of an errand'],
  ['engine.migrate', 'called by `migrate`, which is a point of its own'],
  ['kie.reachUploads', 'the host of uploads has to be away for it'],
  ['kie.freshLink', 'KIE has to have forgotten a picture; a read inside of `artifacts.fetch`'],
  ['chat.refundStars', 'nobody is given Stars back by themselves'],
  ['chat.removeKeyboard', 'a former program has to have left its keyboard'],
  ['chat.getStarTransactions', 'asked by the command that compares the books'],
])
/** Of these, what a slow machine takes all the same: an update waits, or a screen is noted after the next one was saved. */
const rarelyTaken = new Set(['claims.nextDueAt', 'screenNotes.dueIn', 'screenNotes.later'])
/** Of some hundred. */
const missedMax = 10
/** Crossed some seconds after a death: the start after it finds the dead silent, and declares them dead. */
const burials = [
  'before:instances.silent',
  'after:instances.silent',
  'before:instances.declareDead',
  'after:instances.declareDead',
]

test('a kill at any point loses nothing and doubles nothing', { concurrency: 4 }, async (t) => {
  t.diagnostic(`TRT_TEST_SEED=${seed} repeats the choice of points`)
  const byWebhook = createShops(t)
  const byPolling = createShops(t, { BOT_MODE: 'polling' })
  const [webhook, polling] = await Promise.all([
    byWebhook.inNewShop((shop) => record(shop, journeys)),
    byPolling.inNewShop((shop) => record(shop, arrivals)),
  ])
  const crossed = everything(webhook)
  const missed: string[] = []
  const onlyPolling = (point: string) => !crossed.has(point) || point.endsWith(':inbox.store')

  await Promise.all([
    t.test('every way out is taken, or stands in the list of those that are not', () => {
      const all = new Set([...crossed, ...everything(polling), ...burials])
      const left = webhook.points.filter((point) => !all.has(point)).map((point) => point.split(':')[1] ?? '')
      const isCertain = (port: string) => !rarelyTaken.has(port)
      assert.deepEqual([...new Set(left)].filter(isCertain).sort(), [...notTaken.keys()].filter(isCertain).sort())
    }),
    ...burials.filter(isAsked).map((point) =>
      t.test(`webhook, some seconds after a death: ${point}`, async () => {
        await byWebhook.inShop((shop) => dieOnBoot(shop, [first('after:engine.start'), first(point)]))
      }),
    ),
    ...amongResults
      .filter(({ point }) => isAsked(point))
      .map((end) =>
        t.test(`webhook, somebody ${halfOfFour.name}: ${nameOf(end)}`, async () => {
          assert.deepEqual(await dieAtEach(byWebhook.inShop, halfOfFour, [end]), [])
        }),
      ),
    ...insideProbes
      .filter(({ end }) => isAsked(end.point))
      .map(({ journey, end }) =>
        t.test(`webhook, inside a probe, somebody ${journey.name}: ${nameOf(end)}`, async () => {
          // Its shop has troubles in its log that no other test expects.
          await byWebhook.inNewShop(async (shop) => {
            assert.deepEqual(await dieAtEach((work) => work(shop), journey, [end], amongTroubles), [])
            assert.match(shop.lives[0]?.lines.join('\n') ?? '', /(TELEGRAM|RESULTS)_AWAY/)
            const next = await shop.person()
            await checkBooks(shop, next, await freePicture.walk(next, shop))
          })
        }),
      ),
    ...kills(t, 'webhook', byWebhook, webhook, missed, () => true),
    ...kills(t, 'polling', byPolling, polling, missed, onlyPolling),
  ])
  // No journey goes the very same way twice; that a few points are not come by is no reason to look further.
  assert.ok(isAll || missed.length <= missedMax, `too many points were not crossed: ${missed.join('; ')}`)
})

function kills(
  t: TestContext,
  how: string,
  { inShop, inNewShop }: ReturnType<typeof createShops>,
  { boot, journeys: crossings, wayOut }: Recorded,
  missed: string[],
  isOurs: (point: string) => boolean,
): readonly Promise<void>[] {
  const choose = chooser(`kills by ${how}`)
  const crossed = [...new Set([...crossings.values()].flatMap((each) => Object.keys(each)))]
  const sample = new Set(shuffled(crossed.filter(isLikeAnother).sort(), choose).slice(0, sampled))
  const isTried = (point: string) =>
    isAsked(point) && isOurs(point) && (isAll || !isLikeAnother(point) || sample.has(point))
  const starts = Map.groupBy(boot.filter(isTried), isOfFirstStart)
  return [
    ...inRows(starts.get(true), startsMax).map((row) =>
      t.test(`${how}, on the first start, again and again: ${row.join(', ')}`, async () => {
        await inNewShop((shop) => dieOnBoot(shop, row.map(first)))
      }),
    ),
    ...inRows(starts.get(false), startsMax).map((row) =>
      t.test(`${how}, on one start after the other: ${row.join(', ')}`, async () => {
        await inShop((shop) => dieOnBoot(shop, row.map(first)))
      }),
    ),
    ...onJourneys(crossings, isTried, choose).map(({ journey, ends }) =>
      t.test(`${how}, somebody ${journey.name}: ${ends.map(nameOf).join(', then ')}`, async (run) => {
        const where = ends.some(isOnArrival) ? inNewShop : inShop
        for (const end of await dieAtEach(where, journey, ends)) {
          run.diagnostic(`not crossed this time: ${nameOf(end)}`)
          missed.push(nameOf(end))
        }
      }),
    ),
    ...inRows(wayOut.filter(isTried), deathsMax).map((row) =>
      t.test(`${how}, on one way out after the other: ${row.join(', ')}`, async () => {
        await inShop((shop) => dieOnTheWayOut(shop, row.map(first)))
      }),
    ),
  ]
}

/** Between the results of one order, where the share that arrived is captured, and before and after its receipt. */
const amongResults: readonly End[] = [
  { point: 'before:chat.sendFile', crossing: 2, signal: 'SIGKILL' },
  { point: 'after:chat.sendFile', crossing: 2, signal: 'SIGKILL' },
  { point: 'left:store.transact', crossing: 1, since: 'before:chat.sendFile', signal: 'SIGKILL' },
  { point: 'before:chat.send', crossing: 1, since: 'after:chat.sendFile', signal: 'SIGKILL' },
  { point: 'after:chat.send', crossing: 1, since: 'after:chat.sendFile', signal: 'SIGKILL' },
]

/**
 * While a probe asks whether Telegram takes the token again, or whether the host of results is back, which only this
 * process knows to be away. Its successor goes on, and sells.
 */
const insideProbes: readonly { readonly journey: Journey; readonly end: End }[] = [
  { point: 'before:chat.getMe', crossing: 1, since: 'after:chat.sendFile', journey: tokenRefused },
  { point: 'after:chat.getMe', crossing: 1, since: 'after:chat.sendFile', journey: tokenRefused },
  { point: 'before:artifacts.fetch', crossing: 6, journey: resultsAway },
  { point: 'after:artifacts.fetch', crossing: 6, journey: resultsAway },
].map(({ journey, ...end }) => ({ journey, end: { ...end, signal: 'SIGKILL' } }))
const amongTroubles: Succession = {
  ...oneAtATime,
  checkLogs: (lives) => checkLogs(lives, ['TELEGRAM_AWAY', 'RESULTS_AWAY', 'RESULT_NOT_DELIVERED']),
}

/** What only looks, and changes nothing anywhere. */
const looks =
  /:(read\w+|known\w+|lookAt\w+|store\.read|poolFigures|claims\.nextDueAt|kie\.(look|credits)|chat\.(getMe|getWebhookInfo|fetchFile)|instances\.silent|leadership\.acquire\.isFresh)$/
/** For some minutes after a death every update is stored before it is handled, so these need a shop where nobody died. */
const isOnArrival = ({ point }: End): boolean => /:(arrivals|inbox\.handle)$/.test(point)
const isLikeAnother = (point: string): boolean => point.startsWith('entered:') || looks.test(point)

const first = (point: string): End => ({ point, crossing: 1, signal: 'SIGKILL' })

/** What only an empty database makes interesting; in this order each start finds undone what the next point is about. */
const isOfFirstStart = (point: string) => /migrate|keptSecret|worldOfSchema/.test(point)

/** So many of those that are like another are tried all the same, others in each run. */
const sampled = 3

/** So many starts die before one is let through: an update that was in the hands of five that died is set aside. */
const startsMax = 4
/** So many lives die on one journey, or on their way out, before one is let through. */
const deathsMax = 3

const inRows = (points: readonly string[] = [], max: number): readonly (readonly string[])[] =>
  Array.from({ length: Math.ceil(points.length / max) }, (_, row) => points.slice(row * max, (row + 1) * max))

type Run = { readonly journey: Journey; readonly ends: readonly End[] }

function onJourneys(
  journeys: ReadonlyMap<Journey, Crossings>,
  isTried: (point: string) => boolean,
  choose: (below: number) => number,
): readonly Run[] {
  const tried = new Set<string>()
  return shuffled([...journeys], choose).flatMap(([journey, crossed]) => {
    // In the order in which the journey comes to them.
    const ends = Object.entries(crossed).flatMap(([point, times]) => {
      if (!isTried(point)) return []
      const wasTried = tried.has(point)
      tried.add(point)
      return endsAt(point, times, wasTried, choose)
    })
    return farApart(ends, choose).map((row) => ({
      journey,
      ends: row.map((end) => ({ ...end, signal: 'SIGKILL' as const })),
    }))
  })
}

/** Rows whose ends are as far from each other as can be; one that is counted from the beginning of the journey is first. */
function farApart<End extends { readonly crossing: number }>(
  ends: readonly End[],
  choose: (below: number) => number,
): readonly (readonly End[])[] {
  const [counted, others] = [ends.filter(({ crossing }) => crossing > 1), ends.filter(({ crossing }) => crossing === 1)]
  const rows = Math.max(Math.ceil(ends.length / deathsMax), counted.length)
  const skipped = choose(rows)
  const all = [...counted, ...others.slice(skipped), ...others.slice(0, skipped)]
  return Array.from({ length: rows }, (_, row) => all.filter((_, index) => index % rows === row))
}

/** Crossed at nearly every step and every errand, and a different one each time. */
const busy = ['left:store.transact', 'after:store.transact', 'left:engine.start']
/** What was learned outside is written down by the step that follows; before its commit it is known to nobody else. */
const isOutside = (point: string) => /^after:(chat|kie|artifacts|inbox)\./.test(point)

function endsAt(
  point: string,
  times: number,
  wasTried: boolean,
  choose: (below: number) => number,
): readonly Omit<End, 'signal'>[] {
  if (isAll) return Array.from({ length: times }, (_, index) => ({ point, crossing: index + 1 }))
  if (busy.includes(point)) {
    const later = times === 1 ? 1 : 2 + choose(times - 1)
    return [...new Set(wasTried ? [later] : [1, later])].map((crossing) => ({ point, crossing }))
  }
  if (wasTried) return []
  const following = isOutside(point) ? [{ point: 'left:store.transact', crossing: 1, since: point }] : []
  return [{ point, crossing: 1 }, ...following]
}

function isAsked(point: string): boolean {
  return asked === undefined || point.includes(asked)
}
