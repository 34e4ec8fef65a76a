import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { checkLog, type LogProblem } from '../telemetry/check-log.ts'
import type { Command, CommandContext } from './command.ts'
import { readWords } from './words.ts'

const shownMax = 100

export const logs: Command = {
  summary: 'Whether a log tells whole stories: `logs check FILE`, or `logs check -` for standard input.',
  usage: `  check FILE   every line a known event with its fields; each interaction's chain complete under one cid; the boot
               complete and in order; nobody left in silence; nothing that must never be seen. Text and JSON.
               The log is that of one instance at a time: check several that run beside each other one by one. What
               one received another may handle, so chains must be complete only while this one was ACTIVE and did
               not share the work (WORK=exclusive).
  -            read standard input
  --alone      no other instance ran beside this one: every chain must be complete, and begin in this log
  --settled    the log has come to rest: whatever has not ended by its last line is a problem, however young
  --killed     the process may have been killed: what was under way then is not judged

Exits 1 and names the lines when something is wrong.`,
  async run(context) {
    const { words, complain, print } = context
    const read = readWords(words, {
      alone: { type: 'boolean' },
      settled: { type: 'boolean' },
      killed: { type: 'boolean' },
    })
    if (!read.ok) return say(complain, read.problem)
    const [act, file = '-'] = read.rest
    if (act !== 'check' || read.rest.length > 2) {
      return say(complain, 'Say which log to check: trt logs check FILE, or … | trt logs check -')
    }
    const lines = await readLines(context, file)
    if (typeof lines === 'string') return say(complain, lines)
    const { alone = false, settled = false, killed = false } = read.values
    const problems = checkLog(lines, { alone, settled, killed })
    for (const problem of problems.slice(0, shownMax)) print(shown(problem))
    if (problems.length > shownMax) print(`… and ${problems.length - shownMax} more.`)
    const [first] = problems
    if (first === undefined) {
      print(`${lines.length} lines, and nothing is wrong with them. Nothing to do.`)
      return 0
    }
    const next = first.cid === undefined ? `look at line ${first.line}` : `trt story ${first.cid}`
    print(
      `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'} in ${lines.length} lines. Begin with the first: ${next}.`,
    )
    return 1
  },
}

const shown = ({ line, cid, problem }: LogProblem): string =>
  `line ${line}${cid === undefined ? '' : ` cid=${cid}`}: ${problem}`

function say(complain: CommandContext['complain'], sentence: string): 1 {
  complain(sentence)
  return 1
}

/** The lines, or a sentence on why there are none. */
async function readLines({ input }: CommandContext, file: string): Promise<readonly string[] | string> {
  const lines: string[] = []
  try {
    const from = file === '-' ? input() : createReadStream(file)
    for await (const line of createInterface({ input: from, crlfDelay: Number.POSITIVE_INFINITY })) lines.push(line)
  } catch (error) {
    return `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`
  }
  return lines.length === 0 ? `${file} is empty. Let the service write its log into it first.` : lines
}
