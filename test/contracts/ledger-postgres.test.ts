import { ledgerContract } from './ledger-contract.ts'
import { openPostgresBooks } from './postgres-books.ts'

ledgerContract('PostgreSQL', () => openPostgresBooks())
