import { readConfig } from '../config/config.ts'
import { joinKeeper } from '../keeper/keeper.ts'
import { openDatabase } from '../storage/postgres/database.ts'
import { inTransaction } from '../storage/postgres/store.ts'
import { verifyLedger } from '../storage/postgres/verify-ledger.ts'
import { createRedact } from '../telemetry/redact.ts'
import { createTelemetry } from '../telemetry/telemetry.ts'
import type { Command, CommandContext } from './command.ts'

export const ledger: Command = {
  summary: 'The books: `ledger verify` replays the journal and compares.',
  usage: '  verify   replay the journal; exit 1 and name the first difference',
  async run(context) {
    if (context.words[0] !== 'verify') {
      context.complain('Say what to do with the ledger: trt ledger verify')
      return 1
    }
    return await verify(context)
  },
}

async function verify(context: CommandContext): Promise<number> {
  const { clock, complain, print } = context
  const read = readConfig(context.env)
  if (!read.ok) {
    for (const { setting, problem, todo } of read.problems) complain(`${setting} ${problem}: ${todo}`)
    return 1
  }
  const { storage, instanceOf, dataDir } = read.config
  const keeper = storage.engine === 'embedded' ? await joinKeeper({ dataDir, clock, progress: print }) : undefined
  const url = storage.engine === 'postgres' ? storage.url : (keeper?.databaseUrl ?? '')
  const redact = createRedact(read.config.secrets)
  const telemetry = createTelemetry({ clock, redact, write: context.log, ...read.config.log })
  const database = openDatabase({ url, schema: instanceOf, maxConn: 6, clock, telemetry })
  try {
    const verified = await inTransaction(database.work, verifyLedger)
    if (!verified.ok) {
      complain(`The books differ: ${verified.difference}`)
      complain('Stop selling, keep the database as it is, and compare with a backup.')
      return 1
    }
    const { accounts, transfers, seals } = verified
    print(`The books are right: ${transfers} transfers on ${accounts} accounts, ${seals} seals. Nothing to do.`)
    return 0
  } finally {
    await database.end()
    await keeper?.release()
  }
}
