import { median } from './parts/figures.ts'
import { asFastAsPossible, atRate, type Rate } from './parts/load.ts'
import { drained, type Server, setStage, spent, startBaseline, startService } from './parts/stage.ts'
import { compared, ms, perSecond, printTable } from './parts/table.ts'
import { startTelegram } from './parts/telegram.ts'
import { editedMessage } from './parts/updates.ts'

/**
 * Durable acknowledgements: an update is acknowledged after its commit (embedded PostgreSQL, fsync on), against
 * (a) a bare `node:http` server that parses and keeps nothing and (b) grammY's webhookCallback on Fastify with a trivial
 * handler and no store. The same updates over the same connections, in turn, in one run. The service works on what it
 * took meanwhile, as it always does; before the next one's turn it has finished.
 *
 *   node bench/ack.ts [seconds of one turn] [turns of each]
 */
const [turnS = 5, turns = 3] = process.argv.slice(2).map(Number)
const connections = 64
const people = 5_000
const steadyPerSecond = 500

let count = 0
const next = () => {
  count += 1
  return editedMessage(1_000_000 + (count % people))
}

const telegram = await startTelegram()
const stage = await setStage()
const servers = {
  service: await startService(stage, telegram.url),
  bare: await startBaseline(stage, 'bare-http'),
  grammy: await startBaseline(stage, 'grammy-fastify'),
} as const
type Name = keyof typeof servers
const names: readonly Name[] = ['service', 'bare', 'grammy']

type Turn = Rate & { readonly costMs: number }
const fast = new Map<Name, Turn[]>(names.map((name) => [name, []]))
const steady = new Map<Name, Rate[]>(names.map((name) => [name, []]))
const handled: number[] = []
for (const name of names) await turn(servers[name], 1)
for (let round = 1; round <= turns; round++) {
  for (const name of names) {
    const rate = await turn(servers[name], turnS)
    fast.get(name)?.push(rate)
    console.log(`  ${name}: ${perSecond(rate.perSecond)}, p99 ${ms(rate.latency.p99)}, processor ${ms(rate.costMs)}`)
  }
}
for (let round = 1; round <= turns; round++) {
  for (const name of names) {
    const rate = await atRate(servers[name].target, { connections, seconds: turnS, perSecond: steadyPerSecond, next })
    steady.get(name)?.push(rate)
    console.log(`  ${name}: ${steadyPerSecond}/s, p50 ${ms(rate.latency.p50)}, p99 ${ms(rate.latency.p99)}`)
    if (name === 'service') await drained(stage)
  }
}

const rateOf = (name: Name) => median((fast.get(name) ?? []).map((rate) => rate.perSecond))
const costOf = (name: Name) => median((fast.get(name) ?? []).map((rate) => rate.costMs))
const p99Of = (name: Name) => median((steady.get(name) ?? []).map((rate) => rate.latency.p99))
const p50Of = (name: Name) => median((steady.get(name) ?? []).map((rate) => rate.latency.p50))
printTable(`Durable acknowledgements (${connections} connections, medians of ${turns} turns of ${turnS} s)`, [
  compared('a second, against bare node:http', [rateOf('service'), rateOf('bare')], perSecond, { atLeast: 0.4 }),
  compared('a second, against grammY on Fastify', [rateOf('service'), rateOf('grammy')], perSecond, { atLeast: 0.65 }),
  compared(`p99 at ${steadyPerSecond}/s, against bare node:http`, [p99Of('service'), p99Of('bare')], ms, { atMost: 8 }),
  compared(`p50 at ${steadyPerSecond}/s, against bare node:http`, [p50Of('service'), p50Of('bare')], ms),
  compared('processor each, with the database', [costOf('service'), costOf('bare')], ms),
  { figure: 'handled, while nothing arrives', ours: perSecond(median(handled)) },
])

for (const name of names) await servers[name].child.stop()
await telegram.close()
await stage.end()

async function turn(server: Server, seconds: number): Promise<Turn> {
  const before = await spent(stage, server)
  const rate = await asFastAsPossible(server.target, { connections, seconds, next })
  const after = await spent(stage, server)
  if (rate.refused > 0) throw new Error(`${rate.refused} updates were not acknowledged`)
  if (server === servers.service) {
    const { items, seconds: took } = await drained(stage)
    if (items > 1_000) handled.push(items / took)
  }
  const spentMs = after.process - before.process + (server === servers.service ? after.database - before.database : 0)
  return { ...rate, costMs: spentMs / rate.latency.count }
}
