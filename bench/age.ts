import pg from 'pg'
import { type Latency, median } from './parts/figures.ts'
import { addFinished, addOrders, addWaitedAndFinished } from './parts/rows.ts'
import { setStage, startService } from './parts/stage.ts'
import { compared, type Line, ms, printTable } from './parts/table.ts'
import { openTalks } from './parts/talks.ts'
import { startTelegram } from './parts/telegram.ts'

/**
 * What a shop costs that has a past: a tap (to its edit) and a step in a transaction of its own (a top-up, to its invoice)
 * with a million handled updates and a million orders, against a thousand of each. Then the same again while a transaction
 * of somebody else has been open in the old shop as long as an hour's work takes, so that nothing that changed since can be
 * vacuumed.
 * Two databases in turn, in one run.
 *
 *   node bench/age.ts [seconds of one turn] [turns of each] [rows]
 */
const [turnS = 8, turns = 3, rows = 1_000_000] = process.argv.slice(2).map(Number)
const youngRows = 1_000
const people = 50
const firstPerson = 10_000
const ordersOfPerson = 20
const tapsPerSecond = 50
/** Each is an errand besides, and those keep a pace. */
const topUpsPerSecond = 8
/** What happens in an hour at 17 taps a second, of which a busy person makes one a minute. */
const hour = { updates: 60_000, tapsOfPerson: 60, beats: 3_600 }

const telegram = await startTelegram()
const young = await open(youngRows)
const old = await open(rows)
const shops = [young, old]

await Promise.all(shops.map(({ talks }) => talks.tapFor(2, tapsPerSecond)))
const usual = await compare('no snapshot')
const snapshot = await letAnHourPass(old)
const held = await compare('under a snapshot')
await snapshot.end()

printTable(`${rows} handled updates and orders against ${youngRows} (medians of ${turns} turns of ${turnS} s)`, [
  ...usual,
  ...held,
])

for (const { talks, service, stage } of shops) {
  talks.close()
  await service.child.stop()
  await stage.end()
}
await telegram.close()

async function open(count: number) {
  const stage = await setStage()
  const service = await startService(stage, telegram.url)
  const allPeople = Math.ceil(count / ordersOfPerson)
  await addFinished(stage, count, allPeople, firstPerson)
  await addOrders(stage, count, firstPerson)
  await stage.ask('vacuum analyze main.inbox')
  await stage.ask('vacuum analyze main.orders')
  console.log(`  ${count} handled updates and orders are there`)
  const talks = await openTalks(telegram, service.target, { people, firstPerson })
  return { stage, service, talks }
}

/** A snapshot is taken, and then everything changes as often as it would in an hour. */
async function letAnHourPass({ stage }: typeof old): Promise<pg.Client> {
  const snapshot = new pg.Client({ connectionString: stage.databaseUrl })
  await snapshot.connect()
  await snapshot.query('begin isolation level repeatable read; select count(*) from main.leadership')
  await addWaitedAndFinished(stage, hour.updates, 5_000, 2_000_000)
  await stage.ask('set synchronous_commit = off')
  const times = (count: number, update: string) =>
    stage.ask(`do $$ begin for n in 1 .. ${count} loop ${update}; commit; end loop; end $$`)
  await times(hour.tapsOfPerson, 'update main.sessions set updated_at = updated_at')
  await times(hour.beats, 'update main.instances set beat_at = beat_at')
  await times(hour.beats, 'update main.leadership set renewed_at = renewed_at')
  return snapshot
}

async function compare(when: string): Promise<readonly Line[]> {
  const taps: Record<'young' | 'old', Latency[]> = { young: [], old: [] }
  const topUps: Record<'young' | 'old', Latency[]> = { young: [], old: [] }
  for (let round = 1; round <= turns; round++) {
    for (const [name, { talks }] of [
      ['young', young],
      ['old', old],
    ] as const) {
      const seen = await talks.tapFor(turnS, tapsPerSecond)
      if (seen.unanswered > 0) console.log(`  ${name}: ${seen.unanswered} taps had no edit before the next tap`)
      taps[name].push(seen.edit)
      topUps[name].push(await talks.topUpFor(turnS, topUpsPerSecond))
      console.log(`  ${when}, ${name}: tap ${said(taps[name])}; top-up ${said(topUps[name])}`)
    }
  }
  const both = ({ old, young }: typeof taps, which: 'p50' | 'p99') =>
    [median(old.map((each) => each[which])), median(young.map((each) => each[which]))] as const
  return [
    compared(`tap to edit, p50, ${when}`, both(taps, 'p50'), ms, { atMost: 1.2 }),
    compared(`tap to edit, p99, ${when}`, both(taps, 'p99'), ms),
    compared(`top-up to invoice, p50, ${when}`, both(topUps, 'p50'), ms, { atMost: 1.2 }),
    compared(`top-up to invoice, p99, ${when}`, both(topUps, 'p99'), ms),
  ]
}

function said(of: readonly Latency[]): string {
  const latest = of.at(-1)
  return latest === undefined ? '' : `p50 ${ms(latest.p50)} p99 ${ms(latest.p99)}`
}
