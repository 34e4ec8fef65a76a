import { randomBytes } from 'node:crypto'
import { EventEmitter } from 'node:events'
import {
  type JobHelpers,
  Logger,
  makeWorkerUtils,
  type Runner,
  run,
  type TaskList,
  type WorkerEvents,
} from 'graphile-worker'
import type pg from 'pg'
import type { ErrandKind } from '../../errands/errand.ts'
import type { ErrandEngine, Job } from '../../errands/errand-engine.ts'
import { repeatOf } from '../../errands/errand-jobs.ts'
import type { Clock } from '../../kit/clock.ts'
import type { InstanceId } from '../../kit/ids.ts'
import { messageWithCauses, type Telemetry } from '../../telemetry/telemetry.ts'
import { asStorageFault, isWorldFault } from './database.ts'
import { attemptsMax, createPostgresErrands, readPayload, specOf } from './errands.ts'
import { createJobPools } from './job-pools.ts'
import { sqlOf } from './store.ts'

/** Errands that are executed at the same time; most of the time they wait for somebody else's answer. */
const concurrency = 16
/** How often the engine looks for due jobs; it is woken by NOTIFY before that. */
const pollMs = 1_000
/** A job that no worker of this instance has begun after this time is returned, so that another instance may take it. */
const queuedMsMax = 5_000

/**
 * The errand engine on graphile-worker, in the schema `<bot>_jobs` of the same database. It is used by its public
 * interface alone: the SQL functions `add_job`, `add_jobs`, `complete_jobs`, `reschedule_jobs`, `force_unlock_workers`,
 * the view `jobs`, and the runner with its events.
 */
export function createErrandEngine({
  pool,
  schema,
  kinds,
  instance,
  clock,
  telemetry,
}: {
  readonly pool: pg.Pool
  readonly schema: string
  readonly kinds: readonly ErrandKind[]
  readonly instance: InstanceId
  readonly clock: Clock
  readonly telemetry: Telemetry
}): ErrandEngine & { migrate(): Promise<void> } {
  const jobs = `${schema}_jobs`
  const logger = quietLogger(telemetry)
  const pools = createJobPools({ pool, schema, instance })
  const errands = createPostgresErrands(sqlOf(pool), schema, clock)

  const isNotReplaced = (id: string) =>
    `exists (select from ${jobs}.jobs where id = ${id} and attempts < ${attemptsMax})`
  const REPEAT = `
    select 1 from (
      select ${jobs}.add_job(s.identifier, s.payload, s.queue_name, now() + s.wait_ms * interval '1 millisecond',
                             ${attemptsMax}, s.job_key, s.priority, s.flags, 'preserve_run_at')
        from json_to_record($2::json) s (identifier text, payload json, queue_name text, wait_ms float8, job_key text,
                                         priority int, flags text[])
       where ${isNotReplaced('$1')}) added`
  const SHELVE = `
    insert into shelved_jobs (id, kind, payload, cid, reason, attempts)
    select $1, $2, $3, $4, $5, $6 where ${isNotReplaced('$1')}
    on conflict (id) do update set reason = excluded.reason, attempts = excluded.attempts, shelved_at = excluded.shelved_at`

  const BEGIN_ALONE = `
    insert into suspect_jobs as s (id, executions) values ($1, 1)
    on conflict (id) do update set executions = s.executions + 1 returning executions`
  const END_ALONE = 'delete from suspect_jobs where id = $1'

  // The queue would learn of its kinds one by one. Steps that name new kinds at the same time, each in its own order,
  // would wait for one another; so every kind is named once before there are steps.
  const NAME_KINDS = `
    select 1 from ${jobs}.complete_jobs(array(
      select id from ${jobs}.add_jobs(array(
        select (kind, '{}', null, now() + interval '1 day', 1, null, null, null)::${jobs}.job_spec
          from unnest($1::text[]) kind))))`
  // Earlier programs shelved a job by leaving it in the queue with all its attempts used up.
  const ADOPT = `
    with given_up as (
           select * from ${jobs}.reschedule_jobs(array(
             select id from ${jobs}.jobs
              where attempts >= max_attempts and max_attempts < ${attemptsMax} and locked_at is null))),
         adopted as (
           insert into shelved_jobs (id, kind, payload, cid, reason, attempts)
           select id, coalesce(payload->'errand'->>'kind', '?'), payload, coalesce(payload->>'cid', '?'),
                  coalesce(last_error, 'it was given up by an earlier version'), attempts
             from given_up on conflict (id) do nothing)
    select 1 from ${jobs}.complete_jobs(array(select id from given_up))`

  async function shelve(id: string, row: readonly unknown[], why: { reason: string; attempts: number }) {
    try {
      const { rowCount } = await pool.query(SHELVE, [id, ...row, why.reason, why.attempts])
      return rowCount === 1
    } catch (error) {
      throw asStorageFault(error, 'shelving an errand')
    }
  }

  /** It stays for a program that can read it, or for a person. */
  async function shelveUnreadable(kind: string, payload: unknown, { job }: JobHelpers): Promise<void> {
    const { version, cid = '?' } = payload as { readonly version?: unknown; readonly cid?: string }
    const reason = `this program does not know version ${String(version)} of an errand`
    const isShelved = await shelve(job.id, [kind, JSON.stringify(payload), cid], { reason, attempts: 0 })
    if (isShelved) telemetry.emit('ERRAND_SHELVED', { kind, error: reason })
  }

  function tasksFor(runJob: (job: Job) => Promise<void>): TaskList {
    const execute = async (kind: string, payload: unknown, helpers: JobHelpers) => {
      const { id, attempts, last_error: lastError } = helpers.job
      const read = readPayload(payload)
      try {
        if (read === undefined) return await shelveUnreadable(kind, payload, helpers)
        await runJob({ ...read, id, isSuspect: deathsOf(attempts, lastError) > 0 })
      } catch (error) {
        // The queue releases a job whose task throws, and keeps the message.
        throw new Error(`${released(attempts)}${messageWithCauses(error)}`, { cause: error })
      }
    }
    return Object.fromEntries(kinds.map((kind) => [kind, (payload, helpers) => execute(kind, payload, helpers)]))
  }

  async function startRunner(runJob: (job: Job) => Promise<void>): Promise<{ name: string; runner: Runner }> {
    const name = `${instance}-${randomBytes(6).toString('hex')}`
    await pools.add(name)
    const events: WorkerEvents = new EventEmitter()
    events.on('pool:create', ({ workerPool }) => {
      // In this name jobs are locked; it must be known before the first is.
      workerPool.id = name
    })
    events.on('pool:listen:error', ({ error }) => {
      telemetry.emit('DB_CONNECTION_LOST', { owner: 'errands', error: messageWithCauses(error) })
    })
    const runner = await run({
      pgPool: pool,
      schema: jobs,
      taskList: tasksFor(runJob),
      noHandleSignals: true,
      noPreparedStatements: false,
      preset: {
        worker: {
          concurrentJobs: concurrency,
          pollInterval: pollMs,
          localQueue: { size: concurrency, ttl: queuedMsMax },
          // Without a batch, nothing waits for the statement that completes a job: an error in it would end the
          // process, and a stop would not wait for it.
          completeJobBatchDelay: 0,
          failJobBatchDelay: 0,
        },
      },
      events,
      logger,
    })
    return { name, runner }
  }

  return {
    async migrate() {
      const utils = await makeWorkerUtils({ pgPool: pool, schema: jobs, logger })
      try {
        await utils.migrate()
      } finally {
        await utils.release()
      }
      await pool.query(NAME_KINDS, [kinds])
      await pool.query(ADOPT)
    },
    async start(runJob) {
      const freed = await pools.unlockFormer()
      if (freed > 0) telemetry.emit('ERRANDS_UNLOCKED', { workers: freed })
      let isWanted = true
      let current = await startRunner(runJob)
      const ended = (async () => {
        for (;;) {
          await current.runner.promise.finally(forgetExitCode)
          if (!isWanted) return
          // It ended in order, and nobody here told it to: see `exitCodeOfMigration`.
          await pools.remove(current.name)
          current = await startRunner(runJob)
          if (!isWanted) await current.runner.stop().catch(() => undefined)
        }
      })()
      // The caller may not be waiting for it.
      ended.catch(() => undefined)
      return {
        ended,
        async stop() {
          isWanted = false
          const isStopped = await current.runner.stop().then(
            () => true,
            () => false,
          )
          await ended.catch(() => undefined)
          // What it could not complete stays locked in its name, and is unlocked when work begins again.
          if (isStopped) await pools.remove(current.name).catch(() => undefined)
        },
      }
    },
    async add(errand) {
      try {
        await errands.add([errand])
      } catch (error) {
        throw asStorageFault(error, 'adding an errand')
      }
    },
    async repeat({ id, errand, cid }, at, counts) {
      const spec = specOf({ errand: repeatOf(errand), cid, at }, counts, clock)
      try {
        await pool.query(REPEAT, [id, JSON.stringify(spec)])
      } catch (error) {
        throw asStorageFault(error, 'repeating an errand')
      }
    },
    async beginAlone({ id }) {
      const { rows } = await pool.query<{ executions: number }>(BEGIN_ALONE, [id]).catch((error: unknown) => {
        throw asStorageFault(error, 'beginning a job')
      })
      return (rows[0]?.executions ?? 1) - 1
    },
    async endAlone({ id }) {
      await pool.query(END_ALONE, [id]).catch((error: unknown) => {
        throw asStorageFault(error, 'ending a job')
      })
    },
    shelve({ id, errand, cid, repeats, failures }, why) {
      const payload = { version: 1, errand, cid, repeats, failures }
      return shelve(id, [errand.kind, JSON.stringify(payload), cid], why)
    },
    async unlockGone() {
      const freed = await pools.unlockGone()
      if (freed > 0) telemetry.emit('ERRANDS_UNLOCKED', { workers: freed })
      return freed
    },
  }
}

/**
 * graphile-worker counts an attempt when it hands a job out. Those that ended with an error of ours are counted in the
 * message of the last one, so the others are those in which the process died.
 */
const released = (attempts: number): string => `released at attempt ${attempts}: `
function deathsOf(attempts: number, lastError: string | null): number {
  if (lastError === null) return attempts - 1
  const counted = /^released at attempt (\d+): /.exec(lastError)?.[1]
  // A program before this one wrote another message; how its attempts ended is not known.
  return counted === undefined ? 0 : attempts - 1 - Number(counted)
}

/**
 * All engines of a database share one channel. When the tables of any of them are migrated, also those of another bot,
 * graphile-worker ends every engine and sets this exit code, so that a process manager starts it again. Here the engine is
 * started again, which looks at its own tables; the process lives on, and its exit code is not the queue's.
 */
const exitCodeOfMigration = 57
function forgetExitCode(): void {
  if (process.exitCode === exitCodeOfMigration) process.exitCode = undefined
}

/** The queue logs much of its own work; only its faults are worth a line of ours. */
function quietLogger(telemetry: Telemetry): Logger {
  return new Logger(() => (level, message, meta) => {
    if (level !== 'error') return
    const error = meta?.['error'] ?? meta?.['fatalError']
    // A job that failed is logged by the runner, with its cid.
    if (message.startsWith('Failed task') || message.startsWith('Task')) return
    // It goes on by itself; that a connection ended is told by whoever owns it.
    if (isWorldFault(error)) return
    telemetry.caught(error instanceof Error ? error : new Error(messageWithCauses(message)), 'errand engine')
  })
}
