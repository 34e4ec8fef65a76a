import { setTimeout as pause } from 'node:timers/promises'
import { cpuMs, residentMb } from './parts/children.ts'
import { type Server, setStage, startInstance } from './parts/stage.ts'
import { type Line, limited, mb, printTable } from './parts/table.ts'
import { startTelegram } from './parts/telegram.ts'

/**
 * What an instance costs that stands by and has nothing to do: transactions a minute (each statement of it is one),
 * the time it spends on processors, its memory. Beside it a leader that has nothing to do either.
 *
 *   node bench/passive.ts [seconds]
 */
const [seconds = 60] = process.argv.slice(2).map(Number)

const telegram = await startTelegram()
const stage = await setStage()
// What the server does by itself is no transaction of an instance.
await stage.ask('alter system set autovacuum = off')
await stage.ask('select pg_reload_conf()')
const leader = await startInstance(stage, telegram.url, { name: 'leader', until: /DUTIES_STARTED/ })
const alone = await idle(leader)
const standby = await startInstance(stage, telegram.url, { name: 'standby', until: /PASSIVE_ENTER/ })
const both = await idle(leader, standby)

const [, cpu] = both.cpu
const lines: Line[] = [
  { figure: 'PASSIVE: transactions a minute', ours: String(Math.round(both.perMinute - alone.perMinute)) },
  { figure: 'PASSIVE: processor', ours: percent(cpu) },
  { figure: 'PASSIVE: resident memory', ours: mb(residentMb(standby.child.pid)) },
  limited('ACTIVE: transactions a minute', alone.perMinute, 240, (count) => String(Math.round(count))),
  { figure: 'ACTIVE: processor', ours: percent(alone.cpu[0]) },
]
printTable(`Instances with nothing to do (${seconds} s each)`, lines)

await standby.child.stop()
await leader.child.stop()
await telegram.close()
await stage.end()

/** Over so many seconds, after the start has passed. */
async function idle(
  ...servers: readonly Server[]
): Promise<{ perMinute: number; cpu: readonly (number | undefined)[] }> {
  await pause(5_000)
  const [transactions, spent] = [await committed(), servers.map(({ child }) => cpuMs(child.pid))]
  await pause(seconds * 1_000)
  const cpu = servers.map(({ child }, index) => {
    const [before, after] = [spent[index], cpuMs(child.pid)]
    return before === undefined || after === undefined ? undefined : (after - before) / (seconds * 10)
  })
  return { perMinute: ((await committed()) - transactions) / (seconds / 60), cpu }
}

async function committed(): Promise<number> {
  const [row] = await stage.ask<{ n: string }>(
    'select xact_commit + xact_rollback as n from pg_stat_database where datname = current_database()',
  )
  return Number(row?.n)
}

function percent(share: number | undefined): string {
  return share === undefined ? 'not told by this system' : `${share.toFixed(1)} % of one`
}
