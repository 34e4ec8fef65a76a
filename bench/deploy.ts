import { setTimeout as pause } from 'node:timers/promises'
import { openSender } from './parts/load.ts'
import { startProxy } from './parts/proxy.ts'
import { drained, type Server, setStage, startInstance } from './parts/stage.ts'
import { limited, ms, printTable } from './parts/table.ts'
import { startTelegram } from './parts/telegram.ts'
import { textMessage } from './parts/updates.ts'

/**
 * What a rolling deploy costs: two instances behind a load balancer, replaced one after the other, under a hundred
 * updates a second. A new one starts and is ready, then the oldest is taken out and gets SIGTERM, as platforms do it.
 * Each person's next update is sent when the one before is acknowledged, as Telegram does it.
 *
 *   node bench/deploy.ts [restarts] [exclusive|shared]
 */
const [restarts = 20] = process.argv.slice(2).map(Number)
const work = process.argv[3] ?? 'exclusive'
const perSecond = 100
const people = 50

const telegram = await startTelegram()
const stage = await setStage()
const proxy = await startProxy()
const env = { WORK: work }
const servers: Server[] = []
const all: Server[] = []
async function begin(): Promise<Server> {
  const until = all.length === 0 ? /DUTIES_STARTED/ : / READY /
  const server = await startInstance(stage, telegram.url, { name: `deploy-${all.length}`, until, env })
  servers.push(server)
  all.push(server)
  proxy.add(new URL(server.target.url).origin)
  return server
}
const { target } = await begin()
await begin()

const answers = new Map<number, number>()
const over = new AbortController()
const { pathname } = new URL(target.url)
const load = Promise.all(Array.from({ length: people }, (_, person) => talk(20_000 + person)))

for (let round = 1; round <= restarts; round++) {
  await begin()
  const [oldest] = servers.splice(0, 1)
  if (oldest === undefined) throw new Error('nobody is left')
  await proxy.remove(new URL(oldest.target.url).origin)
  await oldest.child.stop()
  console.log(`  ${round} of ${restarts} restarts, ${total()} updates`)
}
over.abort()
await load
await drained(stage)

const handled = await stage.ask<Handled>(HANDLED())
const logs = all.map(({ child }) => child.output()).join('\n')
const begun = new Map<string, number>()
for (const [, cid = ''] of logs.matchAll(/\] MESSAGE_RECEIVED cid=(\w+)/g)) begun.set(cid, (begun.get(cid) ?? 0) + 1)
const refused = [...answers].reduce((sum, [status, n]) => sum + (status >= 200 && status < 300 ? 0 : n), 0)
const times = handled.map((row) => Number(row.finished_at)).sort((a, b) => a - b)
const gaps = times.slice(1).map((at, index) => at - (times[index] ?? at))
const count = (value: number) => String(value)

printTable(`${restarts} rolling restarts of two instances (${work} work, ${perSecond} updates/s, ${total()} updates)`, [
  limited('answers that are not 2xx', refused, 0, count),
  limited('lost', total() - refused - handled.filter((row) => row.finished_at !== null).length, 0, count),
  limited('handled twice', [...begun.values()].filter((n) => n > 1).length, 0, count),
  limited('out of order within a lane', handled.filter((row) => row.is_early).length, 0, count),
  { figure: 'longest gap in handling', ours: ms(Math.max(...gaps)) },
])

for (const { child } of servers) await child.stop()
await proxy.close()
await telegram.close()
await stage.end()

/** One person: an update every so often, the next one only after the answer to the one before. */
async function talk(person: number): Promise<void> {
  const sender = await openSender({ ...target, url: `${proxy.url}${pathname}` }, 1)
  const everyMs = (people / perSecond) * 1_000
  await pause(Math.random() * everyMs)
  for (let n = 1; !over.signal.aborted; n++) {
    const due = performance.now() + everyMs
    await new Promise<void>((resolve) =>
      sender.send(textMessage(person, `message ${n}`), (_, status) => {
        answers.set(status, (answers.get(status) ?? 0) + 1)
        resolve()
      }),
    )
    await pause(Math.max(0, due - performance.now()))
  }
  sender.close()
}

function total(): number {
  return [...answers.values()].reduce((sum, n) => sum + n, 0)
}

type Handled = { readonly cid: string; readonly finished_at: string | null; readonly is_early: boolean | null }
/** Early: finished before the one of its lane that arrived before it. */
function HANDLED(): string {
  return `
    select cid, finished_at, finished_at < lag(finished_at) over (partition by lane order by id) as is_early
      from main.inbox`
}
