import { secretsIn } from '../config/config.ts'
import { KeeperFault } from '../keeper/fault.ts'
import { judgeDatabaseFault, sentenceOf } from '../preflight/preflight.ts'
import { isWorldFault } from '../storage/postgres/database.ts'
import { createRedact } from '../telemetry/redact.ts'
import { messageWithCauses } from '../telemetry/telemetry.ts'
import { catalog } from './catalog.ts'
import type { Command, CommandContext } from './command.ts'
import { doctor } from './doctor.ts'
import { inbox } from './inbox.ts'
import { jobs } from './jobs.ts'
import { ledger } from './ledger.ts'
import { lock } from './lock.ts'
import { logs } from './logs.ts'
import { losses } from './losses.ts'
import { orders } from './orders.ts'
import { people } from './people.ts'
import { refund } from './refund.ts'
import { sandbox } from './sandbox.ts'
import { smoke } from './smoke.ts'
import { start } from './start.ts'
import { story } from './story.ts'
import { webhook } from './webhook.ts'

/** Every command of `trt`, by name. What any of them says goes through redaction, what it throws too. */
export const commands: Readonly<Record<string, Command>> = discreet({
  start,
  sandbox,
  doctor,
  webhook,
  smoke,
  logs,
  story,
  lock,
  inbox,
  jobs,
  orders,
  losses,
  people,
  refund,
  ledger,
  catalog,
})

function discreet(all: Readonly<Record<string, Command>>): Readonly<Record<string, Command>> {
  const behindRedaction = (command: Command): Command => ({
    ...command,
    async run(context) {
      const shown = redacted(context)
      try {
        return await command.run(shown)
      } catch (error) {
        shown.complain(explained(error))
        return 1
      }
    },
  })
  return Object.fromEntries(Object.entries(all).map(([name, command]) => [name, behindRedaction(command)]))
}

/** Only `reveal`, which exists on a terminal alone, shows a secret. The log is redacted by telemetry, which writes it. */
function redacted(context: CommandContext): CommandContext {
  const redact = createRedact(secretsIn(context.env))
  return {
    ...context,
    print: (line) => context.print(redact(line)),
    complain: (line) => context.complain(redact(line)),
  }
}

/** What a command did not foresee: a sentence where we know one, else where it came from. */
function explained(error: unknown): string {
  if (error instanceof KeeperFault) return error.message
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code === '42P01' || code === '3F000') return 'Nothing is kept here yet: the first start makes it. npm start'
  if (isWorldFault(error) || /^[0-9A-Z]{5}$/.test(code)) return sentenceOf(judgeDatabaseFault(error))
  return error instanceof Error ? `This broke unforeseen: ${messageWithCauses(error)}\n${error.stack}` : String(error)
}
