import { catalog } from './catalog.ts'
import type { Command } from './command.ts'
import { ledger } from './ledger.ts'
import { sandbox } from './sandbox.ts'
import { start } from './start.ts'

/** Every command of `trt`, by name. */
export const commands: Readonly<Record<string, Command>> = { start, sandbox, ledger, catalog }
