import type pg from 'pg'
import type { PoolFigures } from '../../health/problems.ts'
import { type Clock, type Instant, instant } from '../../kit/clock.ts'
import type { Telemetry } from '../../telemetry/telemetry.ts'

/**
 * Who holds which connection of a pool. One that is not given back for half a minute is named by its owner, closed, and
 * its place is free again: a step has ten seconds, so whoever holds it has forgotten it.
 */
export type Checkouts = {
  /** The pool as `owner` uses it. `keeps`: it may hold a connection for as long as it likes. */
  poolFor(owner: string, options?: { readonly keeps?: boolean }): pg.Pool
  /** To be called every second or two. */
  sweep(): void
  figures(): PoolFigures
  /** At the end: whoever still holds one has had its time. */
  reclaimAll(): void
}

type Checkout = { owner: string; keeps: boolean; readonly sinceMs: number }

const heldMaxMs = 30_000
/** So long nothing may come back while others wait. */
const standstillMs = 3_000
/** A connection that was given back sooner is nobody's to name. */
const shownAfterMs = 1_000
const rememberedMax = 10

export function watchCheckouts(
  pool: pg.Pool,
  { clock, telemetry }: { readonly clock: Clock; readonly telemetry: Telemetry },
): Checkouts {
  const held = new Map<pg.PoolClient, Checkout>()
  let reclaimed: PoolFigures['reclaimed'] = []
  let lastMoveMs = clock.monotonicMs()
  let exhaustedSince: Instant | undefined
  /** Somebody waited at the last sweep too: steps that take long are no trouble before anybody waits for them. */
  let waitedBefore = false

  pool.on('acquire', (client) => {
    held.set(client, { owner: 'a statement', keeps: false, sinceMs: clock.monotonicMs() })
    lastMoveMs = clock.monotonicMs()
  })
  pool.on('release', (_error, client) => {
    held.delete(client)
    lastMoveMs = clock.monotonicMs()
  })

  const inUse = () => pool.totalCount - pool.idleCount
  const ageMs = ({ sinceMs }: Checkout) => clock.monotonicMs() - sinceMs
  const named = () =>
    [...held.values()]
      .filter((each) => !each.keeps && ageMs(each) > shownAfterMs)
      .map((each) => ({ owner: each.owner, heldMs: ageMs(each) }))

  function reclaim(client: pg.PoolClient): void {
    const giveBack = client.release
    // Whoever remembers it after all gives back what is gone.
    client.release = () => undefined
    giveBack.call(client, true)
  }

  function sweepHeld(): void {
    for (const [client, checkout] of [...held]) {
      const heldMs = ageMs(checkout)
      if (checkout.keeps || heldMs <= heldMaxMs) continue
      telemetry.emit('DB_CONNECTION_HELD', { owner: checkout.owner, held_s: Math.round(heldMs / 1000) })
      reclaimed = [{ owner: checkout.owner, heldMs, at: clock.now() }, ...reclaimed].slice(0, rememberedMax)
      reclaim(client)
    }
  }

  /** Others wait and nothing moves. A pool that is merely busy gives connections back all the time. */
  function sweepWaiting(): void {
    const waits = pool.waitingCount > 0
    const stands = waits && waitedBefore && clock.monotonicMs() - lastMoveMs >= standstillMs
    waitedBefore = waits
    if (!stands) {
      if (!waits) exhaustedSince = undefined
      return
    }
    if (exhaustedSince !== undefined) return
    exhaustedSince = instant(clock.now())
    const owners = named().map(({ owner }) => owner)
    telemetry.emit('DB_POOL_EXHAUSTED', {
      in_use: inUse(),
      waiting: pool.waitingCount,
      ...(owners.length === 0 ? {} : { owners: owners.join(', ') }),
    })
  }

  return {
    poolFor(owner, { keeps = false } = {}) {
      return labelled(pool, (client) => {
        const checkout = held.get(client)
        if (checkout !== undefined) Object.assign(checkout, { owner, keeps })
      })
    },
    sweep() {
      sweepHeld()
      sweepWaiting()
    },
    figures: () => ({
      max: pool.options.max,
      inUse: inUse(),
      idle: pool.idleCount,
      waiting: pool.waitingCount,
      held: named(),
      reclaimed,
      ...(exhaustedSince === undefined ? {} : { exhaustedSince }),
    }),
    reclaimAll() {
      for (const client of [...held.keys()]) reclaim(client)
    },
  }
}

type Connected = Parameters<Parameters<pg.Pool['connect']>[0]>

/** The same pool; only what its `connect` gives is labelled. The engine asks by callback, everybody else by promise. */
function labelled(pool: pg.Pool, label: (client: pg.PoolClient) => void): pg.Pool {
  const connect = (callback?: (...connected: Connected) => void): Promise<pg.PoolClient> | undefined => {
    if (callback === undefined) {
      return pool.connect().then((client) => {
        label(client)
        return client
      })
    }
    pool.connect((error, client, done) => {
      if (client !== undefined) label(client)
      callback(error, client, done)
    })
    return undefined
  }
  return new Proxy(pool, {
    get(target, name) {
      if (name === 'connect') return connect
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
