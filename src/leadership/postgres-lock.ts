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
}

export const leaseMs = 10_000
const renewEveryMs = 1_000
/** We stop believing in our lease before anybody else may. */
const freshMs = 8_000
/** A lock wait is broken off and begun again, so that no old snapshot is held and the lease can be looked at. */
const waitMs = 5_000
const renewTimeoutMs = 3_000

const ACQUIRED = `
  update leadership set epoch = epoch + 1, holder = $1, host = $2, pid = $3, backend_pid = pg_backend_pid(),
    backend_start = (select backend_start from pg_stat_activity where pid = pg_backend_pid()),
    acquired_at = clock_timestamp(), renewed_at = clock_timestamp()
  returning epoch`
const RENEW = 'update leadership set renewed_at = clock_timestamp() where epoch = $1 and holder = $2'
const HOLDER = 'select holder, acquired_at from leadership'
const END_FROZEN = `
  select holder, (extract(epoch from clock_timestamp() - renewed_at) * 1000)::bigint as silent_ms,
         pg_terminate_backend(backend_pid) as ended
    from leadership
    join pg_stat_activity a on a.pid = backend_pid and a.backend_start = leadership.backend_start
   where renewed_at < clock_timestamp() - make_interval(secs => $1)`

export function createPostgresLock(deps: PostgresLockDeps): Leadership {
  return {
    async acquire(signal, onWaiting) {
      const started = deps.clock.monotonicMs()
      const client = await deps.connect('lock')
      const stop = () => void client.end()
      signal.addEventListener('abort', stop, { once: true })
      try {
        const how = await waitForLock(client, deps, signal, onWaiting)
        if (how === undefined) {
          await client.end()
          return undefined
        }
        const epoch = await raiseEpoch(client, deps)
        return hold(client, deps, { epoch, how, waitedMs: Math.round(deps.clock.monotonicMs() - started) })
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
  { leaderKeys, onHolderEnded }: PostgresLockDeps,
  signal: AbortSignal,
  onWaiting: (holder: Holder) => void,
): Promise<'immediate' | 'takeover' | undefined> {
  const first = await client.query<{ got: boolean }>('select pg_try_advisory_lock($1, $2) as got', [...leaderKeys])
  if (first.rows[0]?.got) return 'immediate'
  await client.query(`set lock_timeout = ${waitMs}`)
  let told: string | undefined
  while (!signal.aborted) {
    const holder = await holderOf(client)
    if (holder.instance !== told) onWaiting(holder)
    told = holder.instance
    try {
      await client.query('select pg_advisory_lock($1, $2)', [...leaderKeys])
      return 'takeover'
    } catch (error) {
      if (!isLockTimeout(error)) throw error
    }
    const ended = await client.query<{ holder: string; silent_ms: number; ended: boolean }>(END_FROZEN, [
      leaseMs / 1000,
    ])
    for (const row of ended.rows) if (row.ended) onHolderEnded?.(row.holder, row.silent_ms)
  }
  return undefined
}

async function holderOf(client: pg.Client): Promise<Holder> {
  const row = (await client.query<{ holder: string | null; acquired_at: Date | null }>(HOLDER)).rows[0]
  return { instance: row?.holder ?? 'unknown', since: row?.acquired_at?.toISOString() ?? 'unknown' }
}

/** Waits for the steps of the former leader to end, and lets none of it begin any more. */
async function raiseEpoch(client: pg.Client, { instance, host, pid, fenceKeys }: PostgresLockDeps): Promise<number> {
  await client.query('set lock_timeout = 15000')
  await client.query('begin')
  await client.query('select pg_advisory_xact_lock($1, $2)', [...fenceKeys])
  const raised = await client.query<{ epoch: number }>(ACQUIRED, [instance, host, pid])
  await client.query('commit')
  const epoch = raised.rows[0]?.epoch
  if (epoch === undefined) throw new Error('the leadership row is missing; the schema is not migrated')
  return epoch
}

function hold(
  client: pg.Client,
  { clock, instance, leaderKeys }: PostgresLockDeps,
  got: Pick<Held, 'epoch' | 'how' | 'waitedMs'>,
): Held {
  let renewedAt = clock.monotonicMs()
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
  const isFresh = () => ended === undefined && clock.monotonicMs() - renewedAt < freshMs

  const renewing = (async () => {
    while (ended === undefined) {
      await clock.sleep(renewEveryMs, over.signal)
      if (ended !== undefined) return
      const asked = clock.monotonicMs()
      try {
        const renewed = await withTimeout(client.query(RENEW, [got.epoch, instance]), clock, renewTimeoutMs)
        if (renewed !== undefined && renewed.rowCount === 0) return lose('another instance leads')
        if (renewed !== undefined) renewedAt = asked
      } catch (error) {
        return lose(`renewing failed: ${error instanceof Error ? error.message : String(error)}`)
      }
      if (!isFresh()) return lose('the lease ran out')
    }
  })()

  return {
    ...got,
    isFresh,
    lost,
    async release() {
      if (ended !== undefined) return 'skipped'
      ended = 'released'
      over.abort()
      await renewing
      try {
        await withTimeout(client.query('select pg_advisory_unlock($1, $2)', [...leaderKeys]), clock, renewTimeoutMs)
        return 'released'
      } finally {
        await client.end().catch(() => undefined)
      }
    },
  }
}

async function withTimeout<T>(work: Promise<T>, clock: Clock, ms: number): Promise<T | undefined> {
  const over = new AbortController()
  work.catch(() => undefined)
  const late = clock.sleep(ms, over.signal).then(() => undefined)
  try {
    return await Promise.race([work, late])
  } finally {
    over.abort()
  }
}

const isLockTimeout = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === '55P03'
