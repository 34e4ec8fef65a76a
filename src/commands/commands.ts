import { secretsIn } from '../config/config.ts'
import { createRedact } from '../telemetry/redact.ts'
import { catalog } from './catalog.ts'
import type { Command, CommandContext } from './command.ts'
import { doctor } from './doctor.ts'
import { inbox } from './inbox.ts'
import { ledger } from './ledger.ts'
import { lock } from './lock.ts'
import { logs } from './logs.ts'
import { orders } from './orders.ts'
import { people } from './people.ts'
import { sandbox } from './sandbox.ts'
import { smoke } from './smoke.ts'
import { start } from './start.ts'
import { story } from './story.ts'
import { webhook } from './webhook.ts'

/** Every command of `trt`, by name. What any of them says goes through redaction. */
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
  orders,
  people,
  ledger,
  catalog,
})

function discreet(all: Readonly<Record<string, Command>>): Readonly<Record<string, Command>> {
  const behindRedaction = (command: Command): Command => ({
    ...command,
    run: (context) => command.run(redacted(context)),
  })
  return Object.fromEntries(Object.entries(all).map(([name, command]) => [name, behindRedaction(command)]))
}

/** Only `reveal`, which exists on a terminal alone, shows a secret. */
function redacted(context: CommandContext): CommandContext {
  const redact = createRedact(secretsIn(context.env))
  return {
    ...context,
    print: (line) => context.print(redact(line)),
    complain: (line) => context.complain(redact(line)),
    log: (line) => context.log(redact(line)),
  }
}
