import { residentMb } from './parts/children.ts'
import { atRate } from './parts/load.ts'
import { drained, setStage, startService } from './parts/stage.ts'
import { limited, mb, printTable } from './parts/table.ts'
import { openTalks } from './parts/talks.ts'
import { startTelegram } from './parts/telegram.ts'
import { editedMessage } from './parts/updates.ts'

/**
 * The resident memory of the service process while 200 people tap a hundred times a second and 500 other updates a
 * second arrive: the loads of `bench/tap` and `bench/ack` together.
 *
 *   node bench/memory.ts [seconds]
 */
const [loadS = 30] = process.argv.slice(2).map(Number)
const telegram = await startTelegram()
const stage = await setStage()
const service = await startService(stage, telegram.url)
const resting = residentMb(service.child.pid)
const talks = await openTalks(telegram, service.target, { people: 200, firstPerson: 10_000 })

const samples: number[] = []
const watch = setInterval(() => samples.push(residentMb(service.child.pid)), 500)
let count = 0
const next = () => {
  count += 1
  return editedMessage(1_000_000 + (count % 5_000))
}
await Promise.all([
  talks.tapFor(loadS, 100),
  atRate(service.target, { connections: 40, seconds: loadS, perSecond: 500, next }),
])
clearInterval(watch)
await drained(stage)

printTable(`Memory of the service process (${loadS} s of 100 taps and 500 other updates a second)`, [
  { figure: 'at rest, after the start', ours: mb(resting) },
  limited('highest under load', Math.max(...samples), 180, mb),
  { figure: 'afterwards', ours: mb(residentMb(service.child.pid)) },
])

talks.close()
await service.child.stop()
await telegram.close()
await stage.end()
