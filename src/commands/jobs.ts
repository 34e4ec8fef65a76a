import type { Database } from '../storage/postgres/database.ts'
import {
  dropShelvedJob,
  listShelvedJobs,
  listWaitingJobs,
  readShelvedJob,
  readWaitingJob,
  retryShelvedJob,
  type ShelvedJob,
  type WaitingJob,
} from '../storage/postgres/shelved-jobs.ts'
import { inTransaction, sqlOf } from '../storage/postgres/store.ts'
import type { Command, CommandContext } from './command.ts'
import { withDatabase } from './with-database.ts'
import { numberOf, readWords } from './words.ts'

export const jobs: Command = {
  summary:
    'Background jobs that wait, fail or were shelved: `jobs list`, `jobs show ID`, `jobs retry ID`, `jobs drop ID`.',
  usage: `  list        what waits and what was shelved; at most a hundred of each
  show ID     one job, with everything that is known of it
  retry ID    add a shelved job to the queue again, as if it were new
  drop ID     forget a shelved job; what it was to do is never done

  --json      for list and show: one JSON object`,
  async run(context) {
    const typed = readWords(context.words, { json: { type: 'boolean' } })
    if (!typed.ok) return refuse(context, typed.problem)
    const [act, text, ...more] = typed.rest
    const json = typed.values.json === true
    // In JSON nothing else may be printed, as what the keeper of the database does.
    const quiet = json ? { ...context, print: () => {} } : context
    if (more.length > 0) return refuse(context, `"${more.join(' ')}" means nothing here. See --help.`)
    if (act === 'list' && text === undefined) {
      return await withDatabase(quiet, (database) => list(context, database, json))
    }
    const id = numberOf(text, { min: 1, max: 2 ** 52 })
    if (id !== undefined && act === 'show') {
      return await withDatabase(quiet, (database) => show(context, database, id, json))
    }
    if (id !== undefined && act === 'retry' && !json) {
      return await withDatabase(context, (database) => retry(context, database, id))
    }
    if (id !== undefined && act === 'drop' && !json) {
      return await withDatabase(context, (database) => drop(context, database, id))
    }
    return refuse(context, 'Say what to do: trt jobs list, or trt jobs show, retry or drop 123 (a number of the list)')
  },
}

function refuse({ complain }: CommandContext, problem: string): number {
  complain(problem)
  return 1
}

async function list({ print }: CommandContext, { work, schema }: Database, json: boolean): Promise<number> {
  const waiting = await listWaitingJobs(sqlOf(work), schema)
  const shelved = await listShelvedJobs(sqlOf(work))
  const next = nextOf(shelved, waiting)
  if (json) {
    print(JSON.stringify({ waiting: waiting.map(readable), shelved: shelved.map(readable), next }, null, 2))
    return 0
  }
  for (const job of waiting) print(`${job.id}  ${lineOf(job)}`)
  for (const job of shelved) {
    const since = `attempts=${job.attempts}  since ${timeOf(job.shelved_at)}`
    print(
      `${job.id}  shelved  ${job.kind}  cid=${job.cid}  ${since}  reason=${JSON.stringify(job.reason.slice(0, 200))}`,
    )
  }
  print(next)
  return 0
}

function nextOf(shelved: readonly ShelvedJob[], waiting: readonly WaitingJob[]): string {
  const [first] = shelved
  if (first !== undefined)
    return `${shelved.length} shelved: trt jobs show ${first.id}, then trt jobs retry ${first.id}.`
  const failing = waiting.filter(({ state }) => state === 'failing').length
  if (failing > 0)
    return `${waiting.length} wait, ${failing} of them after a failure: look for ERRAND_FAILED in the log.`
  return `${waiting.length} waiting. Nothing to do.`
}

async function show(context: CommandContext, { work, schema }: Database, id: number, json: boolean): Promise<number> {
  const { print } = context
  const shelved = await readShelvedJob(sqlOf(work), id)
  const waiting = shelved === undefined ? await readWaitingJob(sqlOf(work), schema, id) : undefined
  const job = shelved ?? waiting
  if (job === undefined) {
    return refuse(context, `There is no job ${id}. It is done, or was repeated under another number: trt jobs list`)
  }
  if (json) {
    print(JSON.stringify(readable(job), null, 2))
    return 0
  }
  const rows = Object.entries({ state: 'shelved', ...readable(job) })
  for (const [name, value] of rows)
    print(`${name.padEnd(9)} ${typeof value === 'string' ? value : JSON.stringify(value)}`)
  print(
    shelved === undefined
      ? `It goes on by itself. ${storyOf(job.cid)}`
      : `trt jobs retry ${id}, or trt jobs drop ${id}.`,
  )
  return 0
}

async function retry(context: CommandContext, { work, schema }: Database, id: number): Promise<number> {
  const { clock, print } = context
  const retried = await inTransaction(work, (sql) => retryShelvedJob(sql, schema, id, clock))
  if (retried === undefined) return refuse(context, `There is no shelved job ${id}. See trt jobs list.`)
  if (retried === 'unreadable') {
    return refuse(context, `Job ${id} is of another version of the program and stays shelved. Retry it with that one.`)
  }
  print(`${retried.kind} is executed again now; follow it in the log by cid=${retried.cid}.`)
  return 0
}

async function drop(context: CommandContext, { work }: Database, id: number): Promise<number> {
  const { print } = context
  const dropped = await dropShelvedJob(sqlOf(work), id)
  if (dropped === undefined) return refuse(context, `There is no shelved job ${id}. See trt jobs list.`)
  print(`Dropped: ${dropped.kind} ${JSON.stringify(dropped.payload)}`)
  print(`What it was to do will not be done. ${storyOf(dropped.cid)}`)
  return 0
}

function lineOf({ state, kind, cid, repeats, failures, due_at }: WaitingJob): string {
  return `${state}  ${kind}  cid=${cid ?? '?'}  repeats=${repeats}  failures=${failures}  due ${timeOf(due_at)}`
}

/** Times as text. */
function readable(job: WaitingJob | ShelvedJob): Readonly<Record<string, unknown>> {
  if ('due_at' in job) return { ...job, due_at: timeOf(job.due_at) }
  return { ...job, shelved_at: timeOf(job.shelved_at) }
}

const storyOf = (cid: string | null): string => (cid === null ? '' : `Its story: trt story ${cid}`)
const timeOf = (at: number): string => new Date(at).toISOString()
