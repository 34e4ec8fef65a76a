import { readConfig } from '../config/config.ts'
import { KeeperFault } from '../keeper/fault.ts'
import { type Finding, failed, ok, summary, warning } from '../preflight/preflight.ts'
import type { Command, CommandContext } from './command.ts'
import { examine } from './examine.ts'
import { surround } from './surroundings.ts'
import { readWords } from './words.ts'

export const doctor: Command = {
  summary: 'Looks at everything the service needs, and says of each what is wrong and how to fix it.',
  usage: `  --json      the findings as one JSON object
  --sandbox   as the start with --sandbox would see it

Works beside a running service and alone; changes nothing. Exits 1 when something failed.`,
  async run(context) {
    const { words, print, complain, version } = context
    const typed = readWords(words, { json: { type: 'boolean' }, sandbox: { type: 'boolean' } })
    if (!typed.ok) {
      complain(typed.problem)
      return 1
    }
    const findings = await examineAll(context)
    const { isWell, next } = summary(findings)
    if (typed.values.json === true) {
      print(JSON.stringify({ ok: isWell, version, findings, next }, null, 2))
      return isWell ? 0 : 1
    }
    for (const finding of findings) for (const line of linesOf(finding)) print(line)
    print(`\n${next}`)
    return isWell ? 0 : 1
  },
}

const marks: Readonly<Record<Finding['state'], string>> = { ok: 'ok', warning: 'warning', failed: 'FAILED' }

function linesOf({ check, state, says, todo }: Finding): readonly string[] {
  const head = `${marks[state].padEnd(8)} ${check.padEnd(17)} ${says}`
  return todo === undefined ? [head] : [head, `${' '.repeat(27)}→ ${todo}`]
}

async function examineAll(context: CommandContext): Promise<readonly Finding[]> {
  const { env, words, clock, signal } = context
  const read = readConfig(env, { sandboxAsked: words.includes('--sandbox') })
  if (!read.ok) return read.problems.map(({ setting, problem, todo }) => failed(setting, problem, todo))
  const warnings = read.warnings.map(({ setting, problem, todo }) => warning(setting, problem, todo))
  const settings = [...warnings, ...(warnings.length === 0 ? [ok('settings', 'every setting is right')] : [])]
  // In JSON nothing else may be printed; for people, what the keeper does is in the findings.
  const around = await surround({ clock, signal, print: () => {} }, read.config, { pages: false }).catch(
    (error: unknown) => {
      if (error instanceof KeeperFault) return failed('storage', error.what.replace(/\.$/, ''), error.todo)
      throw error
    },
  )
  if ('check' in around) return [...settings, around]
  try {
    return [...settings, ...(await examine(context, read.config, around))]
  } finally {
    await around.release()
  }
}
