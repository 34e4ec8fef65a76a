import { type Latency, median } from './parts/figures.ts'
import { type Server, setStage, spent, startBaseline, startService } from './parts/stage.ts'
import { compared, ms, printTable } from './parts/table.ts'
import { openTalks } from './parts/talks.ts'
import { startTelegram } from './parts/telegram.ts'

/**
 * From a tap to what the bot does about it: the edit that shows the next screen, and the answer that stops the button's
 * spinner, each as it reaches Telegram. At 100 taps a second from 200 people, against a grammY bot on Fastify with its
 * sessions in the same PostgreSQL that edits the same message. In turn, in one run.
 *
 *   node bench/tap.ts [seconds of one turn] [turns of each]
 */
const [turnS = 8, turns = 3] = process.argv.slice(2).map(Number)
const people = 200
const tapsPerSecond = 100

const telegram = await startTelegram()
const stage = await setStage()
const service = await startService(stage, telegram.url)
const grammy = await startBaseline(stage, 'grammy-sessions', {
  DATABASE_URL: stage.databaseUrl,
  TELEGRAM_API_ROOT: telegram.url,
})
const contenders = [
  { name: 'service', ...(await opened(service, 10_000)) },
  { name: 'grammY', ...(await opened(grammy, 20_000)) },
] as const

for (const { talks } of contenders) await talks.tapFor(2, tapsPerSecond)
for (let round = 1; round <= turns; round++) {
  for (const { name, server, talks, edits, answers, processCosts, databaseCosts } of contenders) {
    const before = await spent(stage, server)
    const seen = await talks.tapFor(turnS, tapsPerSecond)
    const after = await spent(stage, server)
    processCosts.push((after.process - before.process) / (turnS * tapsPerSecond))
    databaseCosts.push((after.database - before.database) / (turnS * tapsPerSecond))
    if (seen.unanswered > 0) console.log(`  ${name}: ${seen.unanswered} taps had no edit before the next tap`)
    edits.push(seen.edit)
    answers.push(seen.answer)
    console.log(`  ${name}: edit p50 ${ms(seen.edit.p50)}, p99 ${ms(seen.edit.p99)}; answer p50 ${ms(seen.answer.p50)}`)
  }
}

const [ours, theirs] = contenders
const middle = (of: readonly Latency[], which: 'p50' | 'p99') => median(of.map((each) => each[which]))
printTable(`Tap to Telegram call (${tapsPerSecond}/s, ${people} people, medians of ${turns} turns of ${turnS} s)`, [
  compared('editMessageText, p50', [middle(ours.edits, 'p50'), middle(theirs.edits, 'p50')], ms, { atMost: 1.25 }),
  compared('editMessageText, p99', [middle(ours.edits, 'p99'), middle(theirs.edits, 'p99')], ms, { atMost: 1.25 }),
  compared('answerCallbackQuery, p50', [middle(ours.answers, 'p50'), middle(theirs.answers, 'p50')], ms, { atMost: 1 }),
  compared('answerCallbackQuery, p99', [middle(ours.answers, 'p99'), middle(theirs.answers, 'p99')], ms),
  compared('processor a tap, process', [median(ours.processCosts), median(theirs.processCosts)], ms),
  compared('processor a tap, database', [median(ours.databaseCosts), median(theirs.databaseCosts)], ms),
])

for (const { talks } of contenders) talks.close()
await service.child.stop()
await grammy.child.stop()
await telegram.close()
await stage.end()

async function opened(server: Server, firstPerson: number) {
  const talks = await openTalks(telegram, server.target, { people, firstPerson })
  const edits: Latency[] = []
  const answers: Latency[] = []
  return { server, talks, edits, answers, processCosts: [] as number[], databaseCosts: [] as number[] }
}
