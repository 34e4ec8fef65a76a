import type pg from 'pg'
import { z } from 'zod'
import type { Clock } from '../kit/clock.ts'
import type { InstanceId } from '../kit/ids.ts'
import type { Held, Holder, Leadership } from '../lifecycle/leadership.ts'
import { messageWithCauses } from '../telemetry/telemetry.ts'
import { answered } from './answered.ts'
import { type EpochDeps, noteGivenBack, noteRenewal, type Raised, raiseEpoch } from './epochs.ts'
import { connectRedis, type Redis } from './redis-connection.ts'

/**
 * Leadership by a key in Redis that runs out by itself: taken when it is absent, extended six times in its life by
 * the instance whose token stands in it, deleted by nobody else. A killed or frozen holder is replaced when its key has run out.
 *
 * The holder stops believing in its lease before the key can run out, by the monotonic clock: also when Redis cannot be
 * asked, and when the process itself stood still. The epoch is raised in PostgreSQL all the same, so the fence holds
 * whatever Redis forgets.
 */
export type RedisLockDeps = {
  readonly url: string
  readonly connectMs: number
  readonly key: string
  /** A connection to PostgreSQL, where the epoch is. */
  readonly connect: (owner: string) => Promise<pg.Client>
  readonly clock: Clock
  readonly instance: InstanceId
  readonly host: string
  readonly pid: number
  readonly fenceKeys: readonly [number, number]
  /** Tells one hold from another, also of the same instance. */
  readonly mintToken: () => string
  /** A holder that did not give the leadership back was replaced. */
  readonly onHolderEnded?: (holder: string, silentMs: number) => void
  readonly times?: RedisLockTimes
}

export type RedisLockTimes = {
  /** The life of the key. */
  readonly leaseMs: number
  readonly renewEveryMs: number
  /** We stop believing in our lease before the key can run out. */
  readonly freshMs: number
  /** Whoever waits looks so often; whoever could not renew tries again so often. */
  readonly lookEveryMs: number
  /** Redis and the database answer within this. */
  readonly answerMs: number
}

/** Short, so that a killed holder is replaced within three seconds; four renewals must fail before the belief ends. */
export const redisLockTimes: RedisLockTimes = {
  leaseMs: 2_400,
  renewEveryMs: 400,
  freshMs: 1_900,
  lookEveryMs: 100,
  answerMs: 3_000,
}

/** Takes the key when it is absent; else answers with what stands in it. */
const TAKE = `
  if redis.call('set', KEYS[1], ARGV[1], 'nx', 'px', ARGV[2]) then return false end
  return redis.call('get', KEYS[1])`
const EXTEND = `
  if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[2]) end
  return 0`
const DELETE = `
  if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end
  return 0`
const READ = `return redis.call('get', KEYS[1])`

/** The key of a bot's leadership. */
export const redisKeyOf = (schema: string): string => `trt:${schema}:leader`

type Deps = RedisLockDeps & EpochDeps & { readonly times: RedisLockTimes }

export function createRedisLock(given: RedisLockDeps): Leadership {
  const { times = redisLockTimes } = given
  const deps: Deps = { ...given, ...times, times, backend: 'redis' }
  return {
    async acquire(signal, onWaiting) {
      if (signal.aborted) return undefined
      const started = deps.clock.monotonicMs()
      const redis = await connectRedis(deps)
      const token = tokenOf(deps)
      const tellOnce = once(onWaiting)
      const taken = await waitForKey(redis, token, deps, signal, tellOnce).catch((error: unknown) => {
        redis.end()
        if (!signal.aborted) throw error
      })
      if (taken === undefined) {
        redis.end()
        return undefined
      }
      const lease = new Lease(redis, token, taken.askedMs, deps)
      try {
        const raised = await lease.raise(signal, tellOnce)
        if (raised !== undefined) {
          if (raised.silenced !== undefined) deps.onHolderEnded?.(raised.silenced.holder, raised.silenced.silentMs)
          return lease.held(raised.epoch, taken.how, Math.round(deps.clock.monotonicMs() - started))
        }
      } catch (error) {
        if (!signal.aborted) {
          await lease.release().catch(() => undefined)
          throw error
        }
      }
      await lease.release().catch(() => undefined)
      return undefined
    },
  }
}

type Taken = { readonly how: Held['how']; readonly askedMs: number }

async function waitForKey(
  redis: Redis,
  token: string,
  { key, clock, times }: Deps,
  signal: AbortSignal,
  onWaiting: (holder: Holder) => void,
): Promise<Taken | undefined> {
  let how: Held['how'] = 'immediate'
  while (!signal.aborted) {
    const askedMs = clock.monotonicMs()
    const asked = redis.run(TAKE, key, token, String(times.leaseMs))
    const standing = await answered('Redis', asked, clock, times.answerMs)
    if (standing === null) return { how, askedMs }
    how = 'takeover'
    onWaiting(holderIn(standing))
    await clock.sleep(times.lookEveryMs, signal)
  }
  return undefined
}

/** A key that is ours, from the moment it was taken until it is given back or lost. */
class Lease {
  readonly #redis: Redis
  readonly #token: string
  readonly #deps: Deps
  readonly #over = new AbortController()
  readonly #lost = Promise.withResolvers<string>()
  readonly #renewing: Promise<void>
  #renewedMs: number
  #ended: string | undefined
  #epoch: number | undefined
  #database: pg.Client | undefined
  #noting: Promise<void> | undefined
  #leaving: Promise<void> | undefined

  constructor(redis: Redis, token: string, askedMs: number, deps: Deps) {
    this.#redis = redis
    this.#token = token
    this.#deps = deps
    this.#renewedMs = askedMs
    this.#renewing = this.#renewUntilOver()
  }

  /** Raises the epoch, as soon as nobody of before may still believe in a lease; undefined when the signal aborted. */
  async raise(signal: AbortSignal, onWaiting: (holder: Holder) => void): Promise<Raised | undefined> {
    const { clock, times } = this.#deps
    while (!signal.aborted) {
      const raised = await raiseEpoch(await this.#connected(), this.#deps)
      if (this.#ended !== undefined) throw new Error(this.#ended)
      if ('epoch' in raised) {
        this.#epoch = raised.epoch
        return raised
      }
      onWaiting(raised.ledBy)
      await clock.sleep(times.lookEveryMs, AbortSignal.any([signal, this.#over.signal]))
    }
    return undefined
  }

  held(epoch: number, how: Held['how'], waitedMs: number): Held {
    return {
      epoch,
      how,
      waitedMs,
      isFresh: () => this.#ended === undefined && this.#freshLeftMs() > 0,
      lost: this.#lost.promise,
      release: () => this.release(),
    }
  }

  async release(): Promise<'released' | 'skipped'> {
    if (this.#ended !== undefined) {
      await this.#leaving
      return 'skipped'
    }
    this.#ended = 'released'
    this.#over.abort()
    await this.#renewing
    try {
      await this.#noteGivenBack()
      const asked = this.#redis.run(DELETE, this.#deps.key, this.#token)
      const deleted = await answered('Redis', asked, this.#deps.clock, this.#deps.times.answerMs)
      return deleted === 1 ? 'released' : 'skipped'
    } finally {
      await this.#disconnect()
    }
  }

  #freshLeftMs(): number {
    return this.#deps.times.freshMs - (this.#deps.clock.monotonicMs() - this.#renewedMs)
  }

  async #renewUntilOver(): Promise<void> {
    const { clock, times } = this.#deps
    let pauseMs = times.renewEveryMs
    for (;;) {
      await clock.sleep(pauseMs, this.#over.signal)
      if (this.#ended !== undefined) return
      const kept = await this.#extend()
      if (this.#ended !== undefined) return
      if (kept === 'gone') return this.#lose('the key is gone or somebody else has it')
      if (kept === 'unknown' && this.#freshLeftMs() <= 0) return this.#lose('Redis did not answer for too long')
      if (kept === 'kept') this.#noteRenewal()
      pauseMs = kept === 'kept' ? times.renewEveryMs : times.lookEveryMs
    }
  }

  async #extend(): Promise<'kept' | 'gone' | 'unknown'> {
    const { key, clock, times } = this.#deps
    const askedMs = clock.monotonicMs()
    const asked = this.#redis.run(EXTEND, key, this.#token, String(times.leaseMs))
    try {
      // Waited for no longer than there is belief: an answer after that would change nothing.
      const answer = await answered('Redis', asked, clock, Math.max(0, this.#freshLeftMs()), this.#over.signal)
      if (answer !== 1) return 'gone'
    } catch {
      return 'unknown'
    }
    this.#renewedMs = askedMs
    return 'kept'
  }

  #lose(reason: string): void {
    if (this.#ended !== undefined) return
    this.#ended = reason
    this.#over.abort()
    this.#lost.resolve(reason)
    // An extension that is still on its way must not outlive the belief in it.
    this.#redis.end()
    this.#leaving = this.#noteGivenBack().finally(() => this.#disconnect())
  }

  /** Beside the renewals, which must not wait for the database: one at a time, and a failed one is made good by the next. */
  #noteRenewal(): void {
    const epoch = this.#epoch
    if (epoch === undefined || this.#noting !== undefined) return
    const note = async () => {
      const isOurs = await noteRenewal(await this.#connected(), this.#deps, epoch)
      if (!isOurs) this.#lose('another instance leads')
    }
    this.#noting = note()
      .catch(() => undefined)
      .finally(() => {
        this.#noting = undefined
      })
  }

  /** So that the next leader need not wait until the lease in the database is over. */
  async #noteGivenBack(): Promise<void> {
    await this.#noting
    const epoch = this.#epoch
    if (epoch === undefined) return
    await this.#connected()
      .then((client) => noteGivenBack(client, this.#deps, epoch))
      .catch(() => undefined)
  }

  async #connected(): Promise<pg.Client> {
    if (this.#database === undefined) {
      const client = await this.#deps.connect('lock')
      client.once('end', () => {
        if (this.#database === client) this.#database = undefined
      })
      this.#database = client
    }
    return this.#database
  }

  async #disconnect(): Promise<void> {
    this.#redis.end()
    await this.#database?.end().catch(() => undefined)
  }
}

function tokenOf({ instance, host, pid, clock, mintToken }: Deps): string {
  return JSON.stringify({ instance, host, pid, since: new Date(clock.now()).toISOString(), token: mintToken() })
}

/**
 * Takes the hold away by hand, from exactly this instance; it notices at its next renewal. False when the key is not
 * its any more. Rejects when Redis cannot be reached.
 */
export async function endRedisHold({
  key,
  instance,
  ...where
}: { readonly key: string; readonly instance: string } & Parameters<typeof connectRedis>[0]): Promise<boolean> {
  const redis = await connectRedis(where)
  try {
    const standing = await answered('Redis', redis.run(READ, key), where.clock, where.connectMs)
    if (typeof standing !== 'string' || holderIn(standing).instance !== instance) return false
    return (await answered('Redis', redis.run(DELETE, key, standing), where.clock, where.connectMs)) === 1
  } finally {
    redis.end()
  }
}

/** Why Redis cannot be asked; undefined when it can. */
export async function whyRedisIsSilent(where: Parameters<typeof connectRedis>[0]): Promise<string | undefined> {
  try {
    const redis = await connectRedis(where)
    redis.end()
    return undefined
  } catch (error) {
    return messageWithCauses(error)
  }
}

const standingShape = z.object({ instance: z.string(), since: z.string() })

/** Who stands in the key; whatever else somebody wrote there holds it as well. */
function holderIn(text: unknown): Holder {
  try {
    return standingShape.parse(JSON.parse(String(text)))
  } catch {
    return { instance: 'unknown', since: 'unknown' }
  }
}

/** Tells each holder once. */
function once(onWaiting: (holder: Holder) => void): (holder: Holder) => void {
  let told: string | undefined
  return (holder) => {
    if (holder.instance !== told) onWaiting(holder)
    told = holder.instance
  }
}
