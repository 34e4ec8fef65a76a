import { median } from './parts/figures.ts'
import { drained, setStage, spent, startBaseline, startService } from './parts/stage.ts'
import { compared, ms, perSecond, printTable } from './parts/table.ts'
import { type Handled, openTalks } from './parts/talks.ts'
import { startTelegram } from './parts/telegram.ts'

/**
 * Taps handled a second when they come as fast as they are acknowledged: 1,000 people, 64 connections, the edits counted
 * as they reach Telegram. Against a grammY bot on Fastify with its sessions in the same PostgreSQL. In turn, in one run.
 *
 *   node bench/throughput.ts [seconds of one turn] [turns of each]
 */
const [turnS = 5, turns = 3] = process.argv.slice(2).map(Number)
const connections = 64
const people = 1_000

const telegram = await startTelegram()
const stage = await setStage()
const service = await startService(stage, telegram.url)
const grammy = await startBaseline(stage, 'grammy-sessions', {
  DATABASE_URL: stage.databaseUrl,
  TELEGRAM_API_ROOT: telegram.url,
})
type Turn = Handled & { readonly processMs: number; readonly databaseMs: number }
const contender = async (name: string, server: typeof service, firstPerson: number) => {
  const talks = await openTalks(telegram, server.target, { people, firstPerson })
  const seen: Turn[] = []
  return { name, server, talks, seen }
}
const ours = await contender('service', service, 10_000)
const theirs = await contender('grammY', grammy, 20_000)

for (const { talks } of [ours, theirs]) await talks.tapAsFastAsPossible(2, connections)
for (let round = 1; round <= turns; round++) {
  for (const { name, server, talks, seen } of [ours, theirs]) {
    const before = await spent(stage, server)
    const turn = await talks.tapAsFastAsPossible(turnS, connections)
    const after = await spent(stage, server)
    const processMs = (after.process - before.process) / turn.acks
    const databaseMs = (after.database - before.database) / turn.acks
    seen.push({ ...turn, processMs, databaseMs })
    const cost = `processor a tap: ${ms(processMs)}, database ${ms(databaseMs)}`
    console.log(`  ${name}: ${perSecond(turn.perSecond)}, ${turn.acks} acknowledged, ${turn.edits} edits; ${cost}`)
    if (server === service) await drained(stage)
  }
}

const both = (figure: (turn: Turn) => number) =>
  [median(ours.seen.map(figure)), median(theirs.seen.map(figure))] as const
printTable(
  `Taps at saturation (${connections} connections, ${people} people, medians of ${turns} turns of ${turnS} s)`,
  [
    compared(
      'handled a second',
      both((turn) => turn.perSecond),
      perSecond,
      { atLeast: 1.8 },
    ),
    compared(
      'edits of acknowledged taps',
      both((turn) => turn.edits / turn.acks),
      (share) => share.toFixed(2),
    ),
    compared(
      'processor a tap, the process',
      both((turn) => turn.processMs),
      ms,
    ),
    compared(
      'processor a tap, the database',
      both((turn) => turn.databaseMs),
      ms,
    ),
  ],
)

for (const { talks } of [ours, theirs]) talks.close()
await service.child.stop()
await grammy.child.stop()
await telegram.close()
await stage.end()
