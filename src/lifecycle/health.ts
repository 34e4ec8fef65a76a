import type { Clock, Instant } from '../kit/clock.ts'
import type { InstanceId } from '../kit/ids.ts'
import type { Role } from './lifecycle.ts'
import type { WebhookFigures } from './webhook-keeper.ts'

/** What `/health` and its kin say, from figures in memory: no probe opens a connection or calls anybody. */
export type Health = {
  readonly ok: boolean
  readonly status: 'healthy' | 'degraded'
  readonly mode: 'active' | 'passive'
  readonly bot_mode: 'webhook' | 'polling'
  readonly lock_acquired: boolean
  readonly ready: boolean
  readonly instance: string
  readonly version: string
  readonly uptime_s: number
  readonly ts: string
  readonly problems: readonly string[]
  /** Shown only to those who may see figures. */
  readonly figures: Readonly<Record<string, unknown>>
}
export type Liveness = {
  readonly ok: true
  readonly status: 'active' | 'passive'
  readonly mode: 'webhook' | 'polling'
  readonly ready: boolean
  readonly instance: string
}

/** The figures that the service keeps anyway, refreshed by a duty. */
export type Figures = {
  readonly inbox: { readonly pending: number; readonly oldest: number | undefined; readonly shelved: number }
  readonly errands: { readonly pending: number; readonly oldest: number | undefined; readonly shelved: number }
  readonly pool: { readonly max: number; readonly inUse: number; readonly idle: number; readonly waiting: number }
  /** When the database last answered. */
  readonly at: Instant
}

export type HealthDeps = {
  readonly role: () => Role
  readonly epoch: () => number | undefined
  readonly isReady: () => boolean
  readonly figures: () => Figures | undefined
  readonly webhook: () => WebhookFigures | undefined
  readonly instance: InstanceId
  readonly version: string
  readonly startedMs: number
  readonly activeSince: () => Instant | undefined
  readonly clock: Clock
}

/** Figures older than this mean that the database does not answer. */
const figuresFreshMs = 10_000
const webhookGraceMs = 60_000
const oldMs = 60_000

export function createHealth(deps: HealthDeps): {
  health(): Health
  liveness(): Liveness
  canStore(): boolean
} {
  const { clock } = deps
  const isActive = () => deps.role() === 'active'

  const canStore = (): boolean => {
    const figures = deps.figures()
    return deps.isReady() && figures !== undefined && clock.now() - figures.at < figuresFreshMs
  }

  function problems(): readonly string[] {
    const figures = deps.figures()
    const found: string[] = []
    const now = clock.now()
    const since = deps.activeSince()
    if (isActive() && since !== undefined && now - since > webhookGraceMs && deps.webhook()?.verifiedAt === undefined) {
      found.push('webhook_unverified')
    }
    if (figures !== undefined) {
      const { inbox, errands, pool } = figures
      if (inbox.oldest !== undefined && now - inbox.oldest > oldMs) found.push('inbox_old')
      if (errands.oldest !== undefined && now - errands.oldest > oldMs) found.push('errands_old')
      if (pool.waiting > 0) found.push('pool_waiting')
      if (inbox.shelved + errands.shelved > 0) found.push('shelved')
    }
    if (deps.isReady() && !canStore()) found.push('database_silent')
    return found
  }

  return {
    canStore,
    liveness: () => ({
      ok: true,
      status: isActive() ? 'active' : 'passive',
      mode: 'webhook',
      ready: deps.isReady(),
      instance: deps.instance,
    }),
    health() {
      const named = problems()
      // While it boots it is not unwell; only a ready instance that cannot store is.
      const ok = !deps.isReady() || canStore()
      return {
        ok,
        status: named.length === 0 ? 'healthy' : 'degraded',
        mode: isActive() ? 'active' : 'passive',
        bot_mode: 'webhook',
        lock_acquired: isActive(),
        ready: deps.isReady(),
        instance: deps.instance,
        version: deps.version,
        uptime_s: Math.round((clock.monotonicMs() - deps.startedMs) / 1000),
        ts: new Date(clock.now()).toISOString(),
        problems: named,
        figures: figuresOf(deps),
      }
    },
  }
}

function figuresOf({ figures, webhook, clock, epoch, instance, activeSince }: HealthDeps): Health['figures'] {
  const kept = figures()
  const hook = webhook()
  const since = activeSince()
  const ageS = (at: number | undefined) => (at === undefined ? null : Math.round((clock.now() - at) / 1000))
  const iso = (at: number | undefined) => (at === undefined ? null : new Date(at).toISOString())
  return {
    leader: since === undefined ? null : { instance, epoch: epoch() ?? null, since: iso(since) },
    webhook:
      hook === undefined
        ? null
        : {
            url: hook.url.replace(/[^/]+$/, '***'),
            verified_at: iso(hook.verifiedAt),
            pending: hook.pending ?? null,
            last_error: hook.lastError ?? null,
          },
    ...(kept === undefined
      ? {}
      : {
          inbox: { pending: kept.inbox.pending, oldest_s: ageS(kept.inbox.oldest), shelved: kept.inbox.shelved },
          errands: {
            pending: kept.errands.pending,
            oldest_s: ageS(kept.errands.oldest),
            shelved: kept.errands.shelved,
          },
          database: {
            pool_max: kept.pool.max,
            in_use: kept.pool.inUse,
            idle: kept.pool.idle,
            waiting: kept.pool.waiting,
          },
        }),
  }
}
