import type pg from 'pg'
import type { Clock } from '../kit/clock.ts'
import type { InstanceId } from '../kit/ids.ts'
import { onAbort } from '../kit/wait.ts'
import type { Held, Holder, Leadership } from '../lifecycle/leadership.ts'
import { createAsk, type EpochDeps, holderOf, noteGivenBack, noteRenewal, type Raised, raiseEpoch } from './epochs.ts'

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
  renewEveryMs: 2_000,
  freshMs: 8_000,
  waitMs: 5_000,
  answerMs: 3_000,
}
/** A holder of another authority is asked after so often. */
const lookEveryMs = 250

// The row stays locked until the session is gone, so of several waiters one ends it and the others find nothing to end.
const END_FROZEN = `
  with frozen as (
    select holder, (extract(epoch from clock_timestamp() - renewed_at) * 1000)::bigint as silent_ms, backend_pid
      from leadership
      join pg_stat_activity a on a.pid = backend_pid and a.backend_start = leadership.backend_start
     where renewed_at < clock_timestamp() - $1 * interval '1 millisecond'
       for update of leadership skip locked)
  select holder, silent_ms, pg_terminate_backend(backend_pid, $2) as ended from frozen`

type Deps = PostgresLockDeps & EpochDeps & { readonly times: LockTimes }

export function createPostgresLock(given: PostgresLockDeps): Leadership {
  const { times = lockTimes } = given
  const deps: Deps = { ...given, ...times, times, backend: 'postgres' }
  return {
    async acquire(signal, onWaiting) {
      const started = deps.clock.monotonicMs()
      const client = await deps.connect('lock')
      const stop = () => void client.end()
      const cancelStop = onAbort(signal, stop)
      try {
        const how = signal.aborted ? undefined : await waitForLock(client, deps, signal, onWaiting)
        const raised = how === undefined ? undefined : await raise(client, deps, signal, onWaiting)
        if (how === undefined || raised === undefined) {
          await client.end()
          return undefined
        }
        return hold(client, deps, { ...raised, how, waitedMs: Math.round(deps.clock.monotonicMs() - started) })
      } catch (error) {
        await client.end().catch(() => undefined)
        if (signal.aborted) return undefined
        throw error
      } finally {
        cancelStop()
      }
    },
  }
}

async function waitForLock(
  client: pg.Client,
  deps: Deps,
  signal: AbortSignal,
  onWaiting: (holder: Holder) => void,
): Promise<'immediate' | 'takeover' | undefined> {
  const { leaderKeys, onHolderEnded, times } = deps
  const ask = createAsk(client, deps)
  const first = await ask<{ got: boolean }>('select pg_try_advisory_lock($1, $2) as got', [...leaderKeys])
  if (first.rows[0]?.got) return 'immediate'
  await ask(`set lock_timeout = ${times.waitMs}`)
  let told: string | undefined
  while (!signal.aborted) {
    const holder = await holderOf(client, deps)
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

/** With the lock in hand; an instance that was told to ask another authority may still lead by that. */
async function raise(
  client: pg.Client,
  deps: Deps,
  signal: AbortSignal,
  onWaiting: (holder: Holder) => void,
): Promise<Raised | undefined> {
  while (!signal.aborted) {
    const raised = await raiseEpoch(client, deps)
    if ('epoch' in raised) return raised
    onWaiting(raised.ledBy)
    await deps.clock.sleep(lookEveryMs, signal)
  }
  return undefined
}

function hold(
  client: pg.Client,
  deps: Deps,
  { renewedMs, epoch, how, waitedMs }: Raised & Pick<Held, 'how' | 'waitedMs'>,
): Held {
  const { clock, leaderKeys, times } = deps
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
      // Waited for no longer than there is belief: an answer after that would change nothing.
      const isOurs = await noteRenewal(client, { ...deps, answerMs: Math.max(0, freshLeftMs()) }, epoch, over.signal)
      if (!isOurs) throw new Error('another instance leads')
      renewedAt = asked
    }
  }
  const renewing = renewUntilOver().catch((error: unknown) =>
    lose(error instanceof Error ? error.message : String(error)),
  )

  return {
    epoch,
    how,
    waitedMs,
    isFresh: () => ended === undefined && freshLeftMs() > 0,
    lost,
    async release() {
      if (ended !== undefined) return 'skipped'
      ended = 'released'
      over.abort()
      await renewing
      try {
        await noteGivenBack(client, deps, epoch)
        await createAsk(client, deps)('select pg_advisory_unlock($1, $2)', [...leaderKeys])
        return 'released'
      } finally {
        // Whatever the database answered: with the connection goes the lock.
        await client.end().catch(() => undefined)
      }
    },
  }
}

const isLockTimeout = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === '55P03'
