import { inTransaction } from '../storage/postgres/store.ts'
import { verifyShop } from '../storage/postgres/verify-ledger.ts'
import type { Command } from './command.ts'
import { withDatabase } from './with-database.ts'

export const ledger: Command = {
  summary: 'The books: `ledger verify` replays the journal and compares it with balances and orders.',
  usage: '  verify   replay the journal; exit 1 and name the first difference',
  async run(context) {
    const { words, complain, print } = context
    if (words[0] !== 'verify') {
      complain('Say what to do with the ledger: trt ledger verify')
      return 1
    }
    return await withDatabase(context, async ({ work }) => {
      const verified = await inTransaction(work, verifyShop)
      if (!verified.ok) {
        complain(`The books differ: ${verified.difference}`)
        complain('Stop selling, keep the database as it is, and compare with a backup.')
        return 1
      }
      const { accounts, transfers, seals } = verified
      print(`The books are right: ${transfers} transfers on ${accounts} accounts, ${seals} seals. Nothing to do.`)
      return 0
    })
  },
}
