import type pg from 'pg'
import type { Clock } from '../kit/clock.ts'
import type { InstanceId } from '../kit/ids.ts'
import type { Held, Holder, Leadership } from '../lifecycle/leadership.ts'

/**
 * Leadership by a session advisory lock on a connection of its own, with a lease beside it.
 *
 * The lock goes when its connection goes, so a killed holder is replaced at once. A frozen holder keeps its connection
 * and so its lock: therefore it renews a row every second, and a waiter that sees the row older than the lease, by the
 * database's clock, ends exactly that connection. This is the only place that ends a backend.
 */
export type PostgresLockDeps = {
  readonly connect: (owner: string) => Promise<pg.Client>
  readonly clock: Clock
  readonly instance: InstanceId
  readonly host: string
  readonly pid: number
  readonly leaderKeys: readonly [number, number]
  readonly fenceKeys: readonly [number, number]
  readonly onHolderEnded?: (holder: string, silentMs: number) => void
  readonly times?: LockTimes
}

export type LockTimes = {
  /** A holder that was silent for so long may be ended. */
  readonly leaseMs: number
  readonly renewEveryMs: number
  /** We stop believing in our lease before anybody else may. */
  readonly freshMs: number
  /** A lock wait is broken off and begun again, so that no old snapshot is held and the lease can be looked at. */
  readonly waitMs: number
  /** The database answers within this, besides what it was told to wait; else it is taken for gone. */
  readonly answerMs: number
}

export const lockTimes: LockTimes = {
  leaseMs: 10_000,
  renewEveryMs: 1_000,
  freshMs: 8_000,
  waitMs: 5_000,
  answerMs: 3_000,
}
/** Longer than any step of the former leader can last: a statement has 8 s, and its program 5 s to go on. */
const fenceMs = 15_000

const ACQUIRED = `
  update leadership set epoch = epoch + 1, holder = $1, host = $2, pid = $3, backend_pid = pg_backend_pid(),
    backend_start = (select backend_start from pg_stat_activity where pid = pg_backend_pid()),
    acquired_at = clock_timestamp(), renewed_at = clock_timestamp()
  returning epoch`
const RENEW = 'update leadership set renewed_at = clock_timestamp() where epoch = $1 and holder = $2'
const HOLDER = 'select holder, acquired_at from leadership'
// The row stays locked until the session is gone, so of several waiters one ends it and the others find nothing to end.
const END_FROZEN = `
  with frozen as (
    select holder, (extract(epoch from clock_timestamp() - renewed_at) * 1000)::bigint as silent_ms, backend_pid
      from leadership
      join pg_stat_activity a on a.pid = backend_pid and a.backend_start = leadership.backend_start
     where renewed_at < clock_timestamp() - $1 * interval '1 millisecond'
       for update of leadership skip locked)
  select holder, silent_ms, pg_terminate_backend(backend_pid, $2) as ended from frozen`

export function createPostgresLock(deps: PostgresLockDeps): Leadership {
  return {
    async acquire(signal, onWaiting) {
      const started = deps.clock.monotonicMs()
      const client = await deps.connect('lock')
      const stop = () => void client.end()
      signal.addEventListener('abort', stop, { once: true })
      try {
        const how = signal.aborted ? undefined : await waitForLock(client, deps, signal, onWaiting)
        if (how === undefined) {
          await client.end()
          return undefined
        }
        const raised = await raiseEpoch(client, deps)
        return hold(client, deps, { ...raised, how, waitedMs: Math.round(deps.clock.monotonicMs() - started) })
      } catch (error) {
        await client.end().catch(() => undefined)
        if (signal.aborted) return undefined
        throw error
      } finally {
        signal.removeEventListener('abort', stop)
      }
    },
  }
}

async function waitForLock(
  client: pg.Client,
  deps: PostgresLockDeps,
  signal: AbortSignal,
  onWaiting: (holder: Holder) => void,
): Promise<'immediate' | 'takeover' | undefined> {
  const { leaderKeys, onHolderEnded, times = lockTimes } = deps
  const ask = createAsk(client, deps)
  const first = await ask<{ got: boolean }>('select pg_try_advisory_lock($1, $2) as got', [...leaderKeys])
  if (first.rows[0]?.got) return 'immediate'
  await ask(`set lock_timeout = ${times.waitMs}`)
  let told: string | undefined
  while (!signal.aborted) {
    const row = (await ask<{ holder: string | null; acquired_at: Date | null }>(HOLDER)).rows[0]
    const holder = { instance: row?.holder ?? 'unknown', since: row?.acquired_at?.toISOString() ?? 'unknown' }
    if (holder.instance !== told) onWaiting(holder)
    told = holder.instance
    try {
      await ask('select pg_advisory_lock($1, $2)', [...leaderKeys], times.waitMs)
      return 'takeover'
    } catch (error) {
      if (!isLockTimeout(error)) throw error
    }
    const frozen = [times.leaseMs, Math.round(times.answerMs / 3)]
    const ended = await ask<{ holder: string; silent_ms: number; ended: boolean }>(END_FROZEN, frozen)
    for (const each of ended.rows) if (each.ended) onHolderEnded?.(each.holder, each.silent_ms)
  }
  return undefined
}

type Raised = { readonly epoch: number; readonly renewedMs: number }

/** Waits for the steps of the former leader to end, and lets none of it begin any more. */
async function raiseEpoch(client: pg.Client, deps: PostgresLockDeps): Promise<Raised> {
  const { instance, host, pid, fenceKeys, clock } = deps
  const ask = createAsk(client, deps)
  await ask(`set lock_timeout = ${fenceMs}`)
  await ask('begin')
  await ask('select pg_advisory_xact_lock($1, $2)', [...fenceKeys], fenceMs)
  // The lease runs from before the question: whoever is frozen until the answer must not take it for a fresh one.
  const renewedMs = clock.monotonicMs()
  const raised = await ask<{ epoch: number }>(ACQUIRED, [instance, host, pid])
  await ask('commit')
  const epoch = raised.rows[0]?.epoch
  if (epoch === undefined) throw new Error('the leadership row is missing; the schema is not migrated')
  return { epoch, renewedMs }
}

function hold(
  client: pg.Client,
  { clock, instance, leaderKeys, times = lockTimes }: PostgresLockDeps,
  { renewedMs, ...got }: Raised & Pick<Held, 'how' | 'waitedMs'>,
): Held {
  let renewedAt = renewedMs
  let ended: string | undefined
  const over = new AbortController()
  const { promise: lost, resolve } = Promise.withResolvers<string>()
  const lose = (reason: string) => {
    if (ended !== undefined) return
    ended = reason
    over.abort()
    resolve(reason)
    void client.end().catch(() => undefined)
  }
  client.once('end', () => lose('the connection ended'))
  const freshLeftMs = () => times.freshMs - (clock.monotonicMs() - renewedAt)

  async function renewUntilOver(): Promise<void> {
    for (;;) {
      await clock.sleep(times.renewEveryMs, over.signal)
      if (ended !== undefined) return
      const asked = clock.monotonicMs()
      const renewed = await answered(
        client.query(RENEW, [got.epoch, instance]),
        clock,
        Math.max(0, freshLeftMs()),
        over.signal,
      )
      if (renewed.rowCount === 0) throw new Error('another instance leads')
      renewedAt = asked
    }
  }
  const renewing = renewUntilOver().catch((error: unknown) =>
    lose(error instanceof Error ? error.message : String(error)),
  )

  return {
    ...got,
    isFresh: () => ended === undefined && freshLeftMs() > 0,
    lost,
    async release() {
      if (ended !== undefined) return 'skipped'
      ended = 'released'
      over.abort()
      await renewing
      try {
        const unlock = client.query('select pg_advisory_unlock($1, $2)', [...leaderKeys])
        await answered(unlock, clock, times.answerMs)
        return 'released'
      } finally {
        // Whatever the database answered: with the connection goes the lock.
        await client.end().catch(() => undefined)
      }
    },
  }
}

/** Asks on this connection; `waitMs` is how long the database was told to wait before it answers. */
function createAsk(client: pg.Client, { clock, times = lockTimes }: PostgresLockDeps) {
  return <Row extends pg.QueryResultRow>(text: string, values: unknown[] = [], waitMs = 0) =>
    answered(client.query<Row>(text, values), clock, times.answerMs + waitMs)
}

/** The answer of the database, or a rejection when it is silent for so long. A socket alone would wait for ever. */
async function answered<T>(work: Promise<T>, clock: Clock, ms: number, signal?: AbortSignal): Promise<T> {
  const over = new AbortController()
  const either = signal === undefined ? over.signal : AbortSignal.any([over.signal, signal])
  work.catch(() => undefined)
  const late = clock.sleep(ms, either).then(() => {
    throw new Error(`the database did not answer within ${Math.round(ms)} ms`)
  })
  late.catch(() => undefined)
  try {
    return await Promise.race([work, late])
  } finally {
    over.abort()
  }
}

const isLockTimeout = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === '55P03'
