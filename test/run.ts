import { globSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import path from 'node:path'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { pathToFileURL } from 'node:url'
import { reportOf } from './costs/report.ts'
import { measureSlowness } from './fixtures/patience.ts'
import { testDatabase } from './fixtures/postgres.ts'
import { isAll, seed } from './fixtures/seed.ts'

/**
 * `npm test`: every test file, as many at a time as there are cores. Before them the machine is measured and the
 * database that they share is started; after them a table says what each has cost. The processes of the tests inherit
 * what is set here in the environment.
 */
const startedMs = performance.now()
const folder = await mkdtemp(path.join(tmpdir(), 'trt-test-run-'))
const costsFile = path.join(folder, 'costs.jsonl')
const database = await testDatabase()
try {
  const { slowness, report } = await measureSlowness()
  process.env['TRT_TEST_SLOWNESS'] = String(slowness)
  process.env['TRT_TEST_SEED'] = String(seed)
  process.env['TRT_TEST_COSTS'] = costsFile
  console.log(`This machine: ${report}.`)
  console.log(`TRT_TEST_SEED=${seed}${isAll ? ', everything is tried' : ''}`)
  await runAll(await filesInOrder())
} finally {
  await database.end()
  console.log(reportOf(costsFile, performance.now() - startedMs))
  await rm(folder, { recursive: true })
}

async function runAll(files: readonly string[]): Promise<void> {
  const tests = run({
    files: [...files],
    concurrency: availableParallelism(),
    execArgv: ['--import', new URL('costs/record.ts', import.meta.url).href],
  })
  tests.on('test:fail', ({ todo }) => {
    if (todo === undefined || todo === false) process.exitCode = 1
  })
  for await (const chunk of tests.compose(spec)) process.stdout.write(chunk)
}

/** The slowest first, so that no core is idle in the end; what is pure shares one process. */
async function filesInOrder(): Promise<readonly string[]> {
  const slowest = ['crashes', 'newcomer', 'bad-days', 'browser', 'keeper', 'journeys', 'commands', 'contracts']
  const rankOf = (file: string) => {
    const rank = slowest.indexOf(file.split('/')[1] ?? '')
    return rank === -1 ? slowest.length : rank
  }
  const files = globSync('test/**/*.test.ts').sort()
  const pure = path.join(folder, 'pure.mjs')
  const imports = globSync('{src,sandbox}/**/*.test.ts').map((file) => `import '${pathToFileURL(file)}'\n`)
  await writeFile(pure, imports.join(''))
  return [...files.toSorted((a, b) => rankOf(a) - rankOf(b)), pure].map((file) => path.resolve(file))
}
