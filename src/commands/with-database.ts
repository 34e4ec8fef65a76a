import { type Config, readConfig } from '../config/config.ts'
import { joinKeeper } from '../keeper/keeper.ts'
import { type Database, openDatabase } from '../storage/postgres/database.ts'
import { createRedact } from '../telemetry/redact.ts'
import { createTelemetry } from '../telemetry/telemetry.ts'
import type { CommandContext } from './command.ts'

/**
 * What a command needs of the shop's database: opened from the settings, beside a running service or alone, and given
 * back whatever happens. Resolves with the exit code.
 */
export async function withDatabase(
  context: CommandContext,
  work: (database: Database, config: Config) => Promise<number>,
): Promise<number> {
  const { clock, complain, env, print } = context
  const read = readConfig(env)
  if (!read.ok) {
    for (const { setting, problem, todo } of read.problems) complain(`${setting} ${problem}: ${todo}`)
    return 1
  }
  const { storage, instanceOf, dataDir, secrets, log } = read.config
  const keeper = storage.engine === 'embedded' ? await joinKeeper({ dataDir, clock, progress: print }) : undefined
  const url = storage.engine === 'postgres' ? storage.url : (keeper?.databaseUrl ?? '')
  const telemetry = createTelemetry({ clock, redact: createRedact(secrets), write: context.log, ...log })
  const database = openDatabase({ url, schema: instanceOf, maxConn: 6, clock, telemetry })
  try {
    return await work(database, read.config)
  } finally {
    await database.end()
    await keeper?.release()
  }
}
