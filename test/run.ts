import { globSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import path from 'node:path'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { processorTimeOfServer } from './costs/processor-time.ts'
import { reportOf } from './costs/report.ts'
import { bundleLife } from './crashes/bundle.ts'
import { measureSlowness } from './fixtures/patience.ts'
import { testDatabase } from './fixtures/postgres.ts'
import { isAll, seed } from './fixtures/seed.ts'

/**
 * `npm test`: every test file. Before them the machine is measured and the
 * database that they share is started; after them a table says what each has cost. The processes of the tests inherit
 * what is set here in the environment.
 */
const cache = path.resolve('node_modules/.cache')
await mkdir(cache, { recursive: true })
// Below `node_modules`, so that what is bundled there finds packages.
const folder = await mkdtemp(path.join(cache, 'test-run-'))
const costsFile = path.join(folder, 'costs.jsonl')
const database = await testDatabase()
const cpuBeforeMs = await processorTimeOfServer(database.url)
try {
  const { slowness, report } = await measureSlowness()
  process.env['TRT_TEST_SLOWNESS'] = String(slowness)
  process.env['TRT_TEST_SEED'] = String(seed)
  process.env['TRT_TEST_COSTS'] = costsFile
  process.env['TRT_TEST_LIFE'] = await bundleLife(folder)
  console.log(`This machine: ${report}.`)
  console.log(`TRT_TEST_SEED=${seed}${isAll ? ', everything is tried' : ''}`)
  await keepCompiled()
  await runAll(await filesInOrder())
} finally {
  const databaseCpuMs = (await processorTimeOfServer(database.url)) - cpuBeforeMs
  await database.end()
  console.log(reportOf(costsFile, { beganAt: performance.timeOrigin, wallMs: performance.now(), databaseCpuMs }))
  await rm(folder, { recursive: true })
}

/** A life that is killed leaves nothing compiled for the next one; this one ends in order. */
async function keepCompiled(): Promise<void> {
  const { openShop } = await import('./crashes/shop.ts')
  const shop = await openShop()
  try {
    const life = shop.begin()
    await life.works()
    life.signal('SIGTERM')
    await life.ended
  } finally {
    await shop.end()
  }
}

async function runAll(files: readonly string[]): Promise<void> {
  const tests = run({
    files: [...files],
    // Twice as many as can compute: half of them wait for the processes that they have started.
    concurrency: 2 * availableParallelism(),
    execArgv: ['--import', new URL('costs/record.ts', import.meta.url).href],
  })
  tests.on('test:fail', ({ todo }) => {
    if (todo === undefined || todo === false) process.exitCode = 1
  })
  for await (const chunk of tests.compose(spec)) process.stdout.write(chunk)
}

/**
 * Those that start many processes have one of their own and come first, the slowest before all, so that no core is idle
 * in the end. The others share a process for each core.
 */
async function filesInOrder(): Promise<readonly string[]> {
  const alone = ['crashes', 'newcomer', 'bad-days', 'browser', 'keeper', 'world']
  const files = globSync('{src,sandbox,test}/**/*.test.ts').sort()
  const rankOf = (file: string) => alone.findIndex((name) => file.startsWith(`test/${name}/`))
  const [first, others] = [files.filter((file) => rankOf(file) >= 0), files.filter((file) => rankOf(file) < 0)]
  const lanes = Array.from({ length: availableParallelism() }, (_, lane) =>
    writeLane(
      lane,
      others.filter((_, index) => index % availableParallelism() === lane),
    ),
  )
  const [slowest = '', ...rest] = first.toSorted((a, b) => rankOf(a) - rankOf(b))
  return [slowest, ...(await Promise.all(lanes)), ...rest].map((file) => path.resolve(file))
}

async function writeLane(lane: number, files: readonly string[]): Promise<string> {
  const file = path.join(folder, `lane-${lane}.mjs`)
  const runner = new URL('lane.ts', import.meta.url).href
  const paths = files.map((each) => path.resolve(each))
  await writeFile(file, `import { runInTurn } from '${runner}'\nrunInTurn(${JSON.stringify(paths)})\n`)
  return file
}
