import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { type Setting, settings } from '../../src/config/settings.ts'
import { causes } from '../../src/losses/loss.ts'
import { eventOf } from '../../src/operators/alerts.ts'
import { type EventDefinition, events } from '../../src/telemetry/events.ts'

/**
 * The parts of the documents that are printed from the code, so that they cannot say something else. Run as a program
 * it writes them; `docs.test.ts` is red while they differ.
 */
const root = path.resolve(import.meta.dirname, '../..')

/** What stands between angle brackets is a place to fill in, and no HTML. */
const cell = (text = '') => text.replaceAll('<', '\\<')

export function telemetryDocument(): string {
  const groups = Map.groupBy(Object.entries(events) as [string, EventDefinition][], ([, { group }]) => group)
  const sections = [...groups].map(([group, rows]) => {
    const lines = rows.map(([name, { level, fields, more, meaning, action }]) => {
      const all = [...fields, ...more.map((field) => `${field}?`)].map((field) => `\`${field}\``).join(' ')
      return `| \`${name}\` | ${level} | ${all} | ${cell(meaning)} | ${cell(action)} |`
    })
    return `## [${group}]\n\n| event | level | fields | meaning | what to do |\n|---|---|---|---|---|\n${lines.join('\n')}\n`
  })
  return (
    `# Every line of the log

Printed from \`src/telemetry/events.ts\` by \`node test/docs/printed.ts\`. One line is one event: time, level, logger, group, event, \`key=value\` fields, and
after ` +
    '` | ` the sentence that operators of the predecessor search for. Follow one interaction by its `cid`.\n\n' +
    sections.join('\n')
  )
}

export function settingsTable(): string {
  const rows = Object.entries(settings).map(([name, setting]: [string, Setting]) => {
    const { meaning, shape, initial, live } = setting
    return `| \`${name}\`${live ? ' **live**' : ''} | ${meaning} | ${shape} | ${initial === undefined ? '' : `\`${initial}\``} |`
  })
  return `| name | meaning | looks like | default |\n|---|---|---|---|\n${rows.join('\n')}`
}

/** The sentences operators of the predecessor search for, with the event that carries each today. */
export function sentencesTable(): string {
  const rows = (Object.entries(events) as [string, EventDefinition][]).flatMap(
    ([name, { group, groupOf, also, fields }]) => {
      if (also === undefined) return []
      const named = Object.fromEntries(fields.map((field) => [field, `<${field}>`]))
      const ways = name === 'ACTIVE_ENTER' ? [{ how: 'immediate' }, { how: 'takeover' }] : [{}]
      return ways.map((way) => {
        const told = { ...named, ...way }
        return `| \`${also(told)}\` | \`[${groupOf?.(told) ?? group}] ${name}\` |`
      })
    },
  )
  return `| the sentence | the event |\n|---|---|\n${rows.join('\n')}`
}

/** What needs an operator: every warning and error, and what they are told in Telegram. */
export function troublesTable(): string {
  const told = new Set<string>(Object.values(eventOf))
  const rows = (Object.entries(events) as [string, EventDefinition][])
    .filter(([name, { level }]) => level === 'warn' || level === 'error' || told.has(name))
    .map(
      ([name, { meaning, action }]) =>
        `| \`${name}\`${told.has(name) ? ' ✉' : ''} | ${cell(meaning)} | ${cell(action)} |`,
    )
  return `| event | meaning | what to do |\n|---|---|---|\n${rows.join('\n')}`
}

/** Every cause of a loss. */
export function lossesTable(): string {
  const rows = Object.entries(causes).map(
    ([cause, { meaning, check, todo }]) => `| \`${cause}\` | ${meaning} | ${check} | ${todo} |`,
  )
  return `| cause | meaning | what to check | what to do |\n|---|---|---|---|\n${rows.join('\n')}`
}

/** A document with one printed part replaced. */
function withPart(part: string, print: () => string): (text: string) => string {
  return (text) => {
    const mark = `<!-- printed: ${part} -->`
    const begin = text.indexOf(mark)
    const end = text.indexOf('<!-- end -->', begin)
    if (begin === -1 || end === -1) throw new Error(`the marks of the printed part "${part}" are missing`)
    return `${text.slice(0, begin + mark.length)}\n${print()}\n${text.slice(end)}`
  }
}

/** Every setting, commented out, to be copied to `.env`. */
export function envExample(): string {
  const rows = Object.entries(settings).map(([name, setting]: [string, Setting]) => {
    const { meaning, shape, initial, live } = setting
    return `# ${meaning}${live ? ' (needed to go live)' : ''}; ${shape}\n#${name}=${initial ?? ''}\n`
  })
  const head =
    '# Copy to .env and take away the # of what you set. Nothing is needed to try the bot (docs/settings.md).\n'
  const compose = '# for compose.yaml only: password of its database\n#POSTGRES_PASSWORD=\n'
  return [head, ...rows, compose].join('\n')
}

export const documents: readonly { readonly file: string; readonly print: (text: string) => string }[] = [
  { file: '.env.example', print: envExample },
  { file: 'docs/telemetry.md', print: telemetryDocument },
  { file: 'docs/settings.md', print: withPart('settings', settingsTable) },
  {
    file: 'docs/operations.md',
    print: (text) =>
      withPart('losses', lossesTable)(withPart('troubles', troublesTable)(withPart('sentences', sentencesTable)(text))),
  },
]

if (import.meta.main) {
  for (const { file, print } of documents) {
    const at = path.join(root, file)
    writeFileSync(at, print(readFileSync(at, 'utf8')))
  }
}
