import { type Latency, median } from './parts/figures.ts'
import { asFastAsPossible, atPace, openSender } from './parts/load.ts'
import { forgetWaiting, letWait } from './parts/rows.ts'
import { drained, setStage, startService } from './parts/stage.ts'
import { compared, ms, perSecond, printTable } from './parts/table.ts'
import { openTalks, type Seen } from './parts/talks.ts'
import { startTelegram } from './parts/telegram.ts'
import { editedMessage, textMessage } from './parts/updates.ts'

/**
 * One person sends a thousand messages a second while fifty others tap, each every two seconds: how long the fifty wait
 * for the acknowledgement and for the edit that answers them, against the same without the flood. Then how many updates
 * are acknowledged a second while 100,000 wait to be handled, against none that waits. In turn, in one run.
 *
 *   node bench/flood.ts [seconds of one turn] [turns of each]
 */
const [turnS = 8, turns = 3] = process.argv.slice(2).map(Number)
const tapsPerSecond = 25
const floodPerSecond = 1_000
const waitingCount = 100_000
const waitingPeople = 5_000

const telegram = await startTelegram()
const stage = await setStage()
const service = await startService(stage, telegram.url)
const talks = await openTalks(telegram, service.target, { people: 50, firstPerson: 10_000 })
// Telegram opens up to 40 connections to a bot, and everybody's updates share them.
const flooder = await openSender(service.target, 40)
const usual: Seen[] = []
const flooded: Seen[] = []

await talks.tapFor(2, tapsPerSecond)
for (let round = 1; round <= turns; round++) {
  usual.push(await talks.tapFor(turnS, tapsPerSecond))
  const flood = atPace(floodPerSecond, turnS, (index) => flooder.send(textMessage(99_999, `message ${index}`)))
  flooded.push(await talks.tapFor(turnS, tapsPerSecond))
  await flood
  await flooder.settled()
  const { items, seconds } = await drained(stage)
  console.log(
    `  usual: ack ${said(usual, 'ack')}, edit ${said(usual, 'edit')}; flooded: ack ${said(flooded, 'ack')}, edit ${said(flooded, 'edit')}` +
      `, ${flooded.at(-1)?.unanswered} unanswered; then ${items} messages of the flood waited and took ${seconds.toFixed(1)} s`,
  )
}

flooder.close()
talks.close()

const withNone: number[] = []
const withMany: number[] = []
let sent = 0
await acksPerSecond(1)
for (let round = 1; round <= turns; round++) {
  withNone.push(await acksPerSecond(turnS))
  await letWait(stage, waitingCount, waitingPeople, 2_000_000)
  withMany.push(await acksPerSecond(turnS))
  console.log(
    `  acknowledged: ${perSecond(withNone.at(-1) ?? 0)}, with many waiting ${perSecond(withMany.at(-1) ?? 0)}`,
  )
}

const middle = (of: readonly Seen[], what: 'ack' | 'edit' | 'answer', which: 'p50' | 'p99') =>
  median(of.map((seen) => seen[what][which]))
const both = (what: 'ack' | 'edit' | 'answer', which: 'p50' | 'p99') =>
  [middle(flooded, what, which), middle(usual, what, which)] as const
printTable(`Fifty people beside ${floodPerSecond} messages a second of one (medians of ${turns} turns of ${turnS} s)`, [
  compared('acknowledgement, p99', both('ack', 'p99'), ms, { atMost: 2 }),
  compared('editMessageText, p99', both('edit', 'p99'), ms, { atMost: 2 }),
  compared('answerCallbackQuery, p99', both('answer', 'p99'), ms, { atMost: 2 }),
  compared('acknowledgement, p50', both('ack', 'p50'), ms),
  compared('editMessageText, p50', both('edit', 'p50'), ms),
])
printTable(`Acknowledgements while ${waitingCount} updates wait (medians of ${turns} turns of ${turnS} s)`, [
  compared('a second, against none that waits', [median(withMany), median(withNone)], perSecond, { atLeast: 0.8 }),
])

await service.child.stop()
await telegram.close()
await stage.end()

function said(of: readonly Seen[], what: 'ack' | 'edit'): string {
  const latency: Latency | undefined = of.at(-1)?.[what]
  return latency === undefined ? '' : `p50 ${ms(latency.p50)} p99 ${ms(latency.p99)}`
}

async function acksPerSecond(seconds: number): Promise<number> {
  const next = () => {
    sent += 1
    return editedMessage(1_000_000 + (sent % waitingPeople))
  }
  const rate = await asFastAsPossible(service.target, { connections: 64, seconds, next })
  if (rate.refused > 0) throw new Error(`${rate.refused} updates were not acknowledged`)
  await forgetWaiting(stage)
  await drained(stage)
  return rate.perSecond
}
