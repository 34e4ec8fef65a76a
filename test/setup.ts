import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { reportOf } from './costs/report.ts'
import { measureSlowness } from './fixtures/patience.ts'
import { type TestDatabase, testDatabase } from './fixtures/postgres.ts'

/** Run once by node:test around all test files, in the process that starts theirs. They inherit its environment. */
const startedMs = performance.now()
const folder = await mkdtemp(path.join(tmpdir(), 'trt-test-run-'))
const costsFile = path.join(folder, 'costs.jsonl')
let database: TestDatabase | undefined

export async function globalSetup(): Promise<void> {
  // The server that test files share keeps running until the last of them has ended.
  database = await testDatabase()
  const { slowness, report } = await measureSlowness()
  process.env['TRT_TEST_SLOWNESS'] = String(slowness)
  process.env['TRT_TEST_COSTS'] = costsFile
  console.log(`This machine: ${report}.`)
}

export async function globalTeardown(): Promise<void> {
  await database?.end()
  console.log(reportOf(costsFile, performance.now() - startedMs))
  await rm(folder, { recursive: true })
}
