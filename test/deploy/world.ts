import { once } from 'node:events'
import { createSandbox } from '../../sandbox/sandbox.ts'
import { testDatabase } from '../fixtures/postgres.ts'

/**
 * What a deployed service needs around it, for `.ci/run`: a PostgreSQL, and the sandbox in place of Telegram and KIE.
 * Prints the live settings that lead there, and goes on until it is told to end.
 */
const sandbox = await createSandbox({ port: 0 })
const database = await testDatabase()
const settings = {
  DATABASE_URL: database.url,
  BOT_INSTANCE_ID: database.schema,
  TELEGRAM_BOT_TOKEN: '7000009:a-token-that-opens-nothing-but-the-sandbox',
  KIE_API_KEY: 'a-key-that-pays-for-nothing',
  TELEGRAM_API_ROOT: `${sandbox.url}/telegram`,
  KIE_API_URL: `${sandbox.url}/kie`,
  KIE_UPLOAD_URL: `${sandbox.url}/kie-upload`,
  ADMIN_ID: '1',
}
for (const [name, value] of Object.entries(settings)) console.log(`${name}=${value}`)
console.log('# complete')
// A handler of its own for the signal keeps the process from ending before it has tidied up.
await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')])
await sandbox.close()
await database.end()
