import { measureSlowness } from './fixtures/patience.ts'
import { testDatabase } from './fixtures/postgres.ts'

/** Run once by node:test before the first test file, in the process that starts them all. */
export async function globalSetup(): Promise<void> {
  // As long as this one is open, the server of the tests keeps running.
  database = await testDatabase()
  const { slowness, report } = await measureSlowness()
  process.env['TRT_TEST_SLOWNESS'] = String(slowness)
  console.log(`This machine: ${report}.`)
}

export async function globalTeardown(): Promise<void> {
  await database?.end()
}

let database: Awaited<ReturnType<typeof testDatabase>> | undefined
