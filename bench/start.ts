import { execFileSync } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import { joinKeeper } from '../src/keeper/keeper.ts'
import { createClock } from '../src/kit/clock.ts'
import { startChild } from './parts/children.ts'
import { median } from './parts/figures.ts'
import { makeFolder, removeFolder } from './parts/stage.ts'
import { type Line, limited, printTable, seconds } from './parts/table.ts'

/**
 * From the start of the process to READY, as `npm start` does it without any settings: the keeper, the embedded
 * database, the sandbox, the pages of the web chat. On an empty folder (with `initdb`); on an existing database while
 * the keeper is not running, as after a reboot; and while it is, as at a deploy or a crash. Against `node -e 0`.
 *
 *   node bench/start.ts [times]
 */
const [times = 5] = process.argv.slice(2).map(Number)
const starts = { first: [] as number[], stopped: [] as number[], running: [] as number[] }
const bare: number[] = []

for (let round = 1; round <= times; round++) {
  const folder = await makeFolder()
  bare.push(timed(() => execFileSync(process.execPath, ['-e', '0'])))
  starts.first.push(await startOnce(folder))
  await keeperGone(folder)
  starts.stopped.push(await startOnce(folder))
  await keeperGone(folder)
  // Somebody else holds the keeper, as another instance would.
  const { release } = await joinKeeper({ dataDir: folder, clock: createClock(), lingerMs: 200, sandbox: { port: 0 } })
  starts.running.push(await startOnce(folder))
  await release()
  await removeFolder(folder)
  console.log(
    `  ${Object.entries(starts)
      .map(([name, took]) => `${name} ${seconds(took.at(-1) ?? 0)}`)
      .join(', ')}`,
  )
}

printTable(`Process start to READY (medians of ${times})`, [
  { figure: 'node -e 0', ours: seconds(median(bare)) },
  line('existing database, keeper running', starts.running, 0.5),
  line('existing database, keeper not running', starts.stopped, 0.8),
  line('first start, with initdb', starts.first, 1),
])

function line(figure: string, took: readonly number[], limitS: number): Line {
  return {
    ...limited(figure, median(took), limitS, seconds),
    baseline: 'node -e 0',
    ratio: median(took) / median(bare),
  }
}

function timed(work: () => void): number {
  const started = performance.now()
  work()
  return (performance.now() - started) / 1_000
}

async function startOnce(folder: string): Promise<number> {
  const started = performance.now()
  const child = startChild(['bin/trt.js', 'start'], {
    folder,
    name: 'start',
    env: { DATA_DIR: folder, PORT: '0', SANDBOX_PORT: '0' },
  })
  await child.said(/ READY /)
  const took = (performance.now() - started) / 1_000
  await child.stop()
  return took
}

/** The keeper goes ten seconds after its last user. */
async function keeperGone(folder: string): Promise<void> {
  const runs = () => execFileSync('ps', ['-A', '-ww', '-o', 'args='], { encoding: 'utf8' }).includes(folder)
  while (runs()) await pause(200)
}
