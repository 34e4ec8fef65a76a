import { EventEmitter } from 'node:events'
import { Logger, makeWorkerUtils, run, type TaskList, type WorkerEvents } from 'graphile-worker'
import type pg from 'pg'
import type { ErrandKind } from '../../errands/errand.ts'
import type { ErrandEngine, Job } from '../../errands/errand-engine.ts'
import { attemptsMaxOf, jobKeyOf, priorityOf, queueOf } from '../../errands/errand-jobs.ts'
import { FenceLost } from '../../faults.ts'
import type { Clock } from '../../kit/clock.ts'
import { messageWithCauses, type Telemetry } from '../../telemetry/telemetry.ts'
import { asStorageFault } from './database.ts'
import type { ErrandHandOver } from './errand-hand-over.ts'
import { type JobPayload, jobOf, waitMs } from './errands.ts'

/** Errands that are carried out at the same time; most of the time they wait for somebody else's answer. */
const hands = 16
/** How often the engine looks by itself; it is woken by LISTEN/NOTIFY before that. */
const pollMs = 1_000

/** The errand engine on graphile-worker, in the schema `<bot>_jobs` of the same database. */
export function createErrandEngine({
  pool,
  schema,
  kinds,
  handOver,
  clock,
  telemetry,
}: {
  readonly pool: pg.Pool
  readonly schema: string
  readonly kinds: readonly ErrandKind[]
  /** Carries out at once what a step took into its own hands. */
  readonly handOver?: ErrandHandOver
  readonly clock: Clock
  readonly telemetry: Telemetry
}): ErrandEngine & { migrate(): Promise<void> } {
  const jobs = `${schema}_jobs`
  const logger = quietLogger(telemetry)
  const HOLDERS = `select distinct locked_by from ${jobs}._private_jobs where locked_by is not null
    union select distinct locked_by from ${jobs}._private_job_queues where locked_by is not null`
  const IN_HAND = `select id from ${jobs}._private_jobs where locked_by = any($1)`
  // An errand in somebody's hands that is written down anew loses its key and its attempts: the new one counts.
  const REPLACED = `
    select id, payload from ${jobs}._private_jobs
     where id = any($1::bigint[]) and key is null and attempts >= max_attempts`

  const due = (wait: string) => `now() + coalesce(${wait}::float8, 0) * interval '1 millisecond'`
  // Only for one whose place no newer one has taken since; a step that is doing so is waited for. It gives its key up,
  // as an older one does that is in hand; whatever else has the key knows more, and nothing is written beside it.
  const AGAIN = `
    with mine as (
      select id, key from ${jobs}._private_jobs
       where id = $8::bigint and (key is not distinct from $6 or attempts < max_attempts or $9 >= max_attempts)
         for update),
         over as (
      update ${jobs}._private_jobs set key = null, attempts = max_attempts
       where key = $6 and id <= $8::bigint and locked_at is not null and exists (select from mine) returning 1)
    select (${jobs}.add_job($1, $2::json, $3, ${due('$4')}, $5, $6, $7, null, 'unsafe_dedupe')).revision = 0 as "isNew"
     where ($8 is null or exists (select from mine)) and (select count(*) from over) >= 0`
  const SOONER = `
    update ${jobs}._private_jobs set run_at = least(run_at, ${due('$1')})
     where key = $2 and locked_at is null and attempts < max_attempts`

  // Not of one that was given up for a newer one: that it has no attempts left is how it is known.
  const NO_ATTEMPT = `
    update ${jobs}._private_jobs set attempts = attempts - 1
     where id = $1 and locked_by = $2 and attempts > 0 and (key is not null or attempts < max_attempts or not $3)`
  const FORGET = `delete from ${jobs}._private_jobs where id = any($1::bigint[]) and locked_at is null`
  // Given up for a newer one while it was in hand, and then given back by whoever had it.
  const LEFT_OVER = `
    select id, payload from ${jobs}._private_jobs
     where key is null and attempts >= max_attempts and locked_at is null`
  // An errand that was freed and taken anew may be ended by the one who had it before; then its queue stays held.
  const FREE_QUEUES = `
    update ${jobs}._private_job_queues q set locked_by = null, locked_at = null
     where locked_by is not null
       and not exists (select from ${jobs}._private_jobs j where j.job_queue_id = q.id and j.locked_by = q.locked_by)`

  /** Of what was in dead hands, that which a newer errand took the place of: nothing would ever end it. */
  async function replaced(ids: readonly number[]): Promise<string[]> {
    const { rows } = await pool.query<{ id: number; payload: JobPayload }>(REPLACED, [ids])
    return rows.filter(({ payload }) => jobKeyOf(payload.errand) !== null).map(({ id }) => String(id))
  }

  /** An attempt of whoever may not make one does not count, where the errand is in these hands still. */
  async function countNoAttempt({ id, errand }: Job, holder: string): Promise<void> {
    await pool.query(NO_ATTEMPT, [id, holder, jobKeyOf(errand) !== null])
  }

  return {
    async migrate() {
      const utils = await makeWorkerUtils({ pgPool: pool, schema: jobs, logger })
      try {
        await utils.migrate()
        // The engine would name its kinds when a worker first looks. A step may take an errand before that, and steps
        // that name them at the same time, each in its own order, would wait for one another.
        await pool.query(
          `insert into ${jobs}._private_tasks (identifier) select unnest($1::text[]) on conflict do nothing`,
          [kinds],
        )
      } finally {
        await utils.release()
      }
    },
    async start(runJob) {
      const taskList: TaskList = {}
      let holder = ''
      for (const kind of kinds) {
        taskList[kind] = async (payload, helpers) => {
          const { id, attempts, max_attempts: most } = helpers.job
          const job = jobOf(id, payload, attempts, most)
          try {
            await runJob(job)
          } catch (error) {
            if (error instanceof FenceLost) await countNoAttempt(job, holder).catch(() => undefined)
            throw error
          }
        }
      }
      const events = deafToOtherBots()
      events.on('pool:create', ({ workerPool }) => {
        holder = workerPool.id
      })
      const runner = await run({
        pgPool: pool,
        schema: jobs,
        taskList,
        concurrency: hands,
        pollInterval: pollMs,
        noHandleSignals: true,
        noPreparedStatements: false,
        // Otherwise nobody waits for the note that an errand is settled: its failure would end the process, and a stop
        // would leave it to be carried out again.
        preset: { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
        events,
        logger,
      })
      handOver?.open(runJob)
      let isWanted = true
      const ended = runner.promise.then(() => {
        if (isWanted) throw new Error('the errand engine stopped by itself')
      })
      // Whoever waits for it hears of it; nobody has to.
      ended.catch(() => undefined)
      return {
        holder,
        ended,
        async stop() {
          isWanted = false
          await Promise.all([handOver?.close(), runner.stop()])
        },
      }
    },
    async again({ errand, cid: story, at, repeats = 0 }, of) {
      const payload: JobPayload = { version: 1, errand, cid: story, ...(repeats === 0 ? {} : { repeats }) }
      const [key, wait] = [jobKeyOf(errand), waitMs(at, clock)]
      const values = [
        errand.kind,
        JSON.stringify(payload),
        queueOf(errand),
        wait,
        attemptsMaxOf(errand),
        key,
        priorityOf(errand),
        of?.id ?? null,
        of?.attempt ?? 0,
      ]
      try {
        const { rows } = await pool.query<{ isNew: boolean }>(AGAIN, values)
        if (rows[0]?.isNew !== true) await pool.query(SOONER, [wait, key])
      } catch (error) {
        throw asStorageFault(error, 'putting an errand off')
      }
    },
    async tidy() {
      const freed = (await pool.query(FREE_QUEUES)).rowCount ?? 0
      const { rows } = await pool.query<{ id: number; payload: JobPayload }>(LEFT_OVER)
      const over = rows.filter(({ payload }) => jobKeyOf(payload.errand) !== null).map(({ id }) => id)
      if (over.length > 0) await pool.query(FORGET, [over])
      return freed + over.length
    },
    async holders() {
      return (await pool.query<{ locked_by: string }>(HOLDERS)).rows.map((row) => row.locked_by)
    },
    async unlock(dead) {
      const inHand = await pool.query<{ id: number }>(IN_HAND, [dead])
      const utils = await makeWorkerUtils({ pgPool: pool, schema: jobs, logger })
      try {
        await utils.forceUnlockWorkers([...dead])
        // Looked at when it is free: until then a step of ours may still write it down anew.
        await utils.completeJobs(await replaced(inHand.rows.map(({ id }) => id)))
      } finally {
        await utils.release()
      }
    },
  }
}

/**
 * Every engine of a database shares one channel, on which a migration of the engine's tables makes all of them stop:
 * also those of other bots, whose tables it did not touch. Ours are looked at by every start of the engine instead.
 */
function deafToOtherBots(): WorkerEvents {
  const events: WorkerEvents = new EventEmitter()
  // Told before the engine listens itself, so ours hears first.
  events.on('pool:listen:success', ({ client }) => client.on('notification', muffle))
  events.on('pool:listen:release', ({ client }) => client.off('notification', muffle))
  return events
}

function muffle(message: pg.Notification): void {
  if (message.channel === 'worker:migrate') message.payload = ''
}

/** The engine tells its own story in many lines; only its faults are facts of ours. */
function quietLogger(telemetry: Telemetry): Logger {
  return new Logger(() => (level, message, meta) => {
    if (level !== 'error') return
    const error = meta?.['error']
    // A failed attempt is told by the runner, with its cid.
    if (message.startsWith('Failed task') || message.startsWith('Task')) return
    telemetry.caught(error instanceof Error ? error : new Error(messageWithCauses(message)), 'errand engine')
  })
}
