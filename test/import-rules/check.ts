import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { cruise } from 'dependency-cruiser'
import { options, ruleSet } from './rules.ts'

/**
 * Runs the import rules over src and sandbox, and looks for statements that name a private table of the queue: its tables
 * may change with any version of graphile-worker, its public functions and its view do not. A planted folder can be named instead, so that a test can see a rule
 * bite. Fails too when fewer modules were read than git lists: a tool that reads nothing finds nothing.
 */
const folders = process.argv.length > 2 ? process.argv.slice(2) : ['src', 'sandbox']
const { output } = await cruise(folders, { ...options, validate: true, ruleSet })
if (typeof output === 'string') throw new Error('dependency-cruiser answered with text where a result was asked for')

const read = new Set(output.modules.map((module) => module.source))
const listed = execFileSync('git', ['ls-files', ...folders.map((folder) => `${folder}/*.ts`)], { encoding: 'utf8' })
const unread = listed.split('\n').filter((file) => file !== '' && !read.has(file))
for (const file of unread) console.error(`not read: ${file}`)
for (const { rule, from, to } of output.summary.violations) console.error(`${rule.name}: ${from} → ${to}`)

const ours = listed.split('\n').filter((file) => file.startsWith('src/') && existsSync(file))
/** Of a word such as `all_private_chats` it is only a part. */
const privateTable = /(?<![a-z])_private_/
const intruders = ours.filter((file) => privateTable.test(readFileSync(file, 'utf8')))
for (const file of intruders) console.error(`no-private-table-of-the-queue: ${file}`)

const failed = unread.length + output.summary.violations.length + intruders.length
console.log(failed === 0 ? `Import rules hold in ${read.size} modules.` : `${failed} problem(s) with imports.`)
process.exitCode = failed === 0 ? 0 : 1
