import { catalog } from './catalog.ts'
import type { Command } from './command.ts'
import { inbox } from './inbox.ts'
import { ledger } from './ledger.ts'
import { sandbox } from './sandbox.ts'
import { start } from './start.ts'
import { story } from './story.ts'

/** Every command of `trt`, by name. */
export const commands: Readonly<Record<string, Command>> = { start, sandbox, story, inbox, ledger, catalog }
