import type { SellingFigures } from '../generation/credits-watch.ts'
import type { PollingFigures } from '../intake/telegram-polling.ts'
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

/** The connections for steps and errands. */
export type PoolFigures = {
  readonly max: number
  readonly inUse: number
  readonly idle: number
  readonly waiting: number
  /** Those that have been out for more than a moment, with whoever took them. */
  readonly held: readonly { readonly owner: string; readonly heldMs: number }[]
  /** Those that were not given back and had to be taken back, the newest first. */
  readonly reclaimed: readonly { readonly owner: string; readonly heldMs: number; readonly at: Instant }[]
  /** Since when others wait and nothing comes back. */
  readonly exhaustedSince?: Instant
}

/** The figures that the service keeps anyway, refreshed by a duty. */
export type Figures = {
  readonly inbox: {
    readonly pending: number
    readonly oldest: number | undefined
    readonly shelved: number
    /** When the newest update was stored, by whichever instance. */
    readonly newest: number | undefined
    readonly isReadOnly: boolean
  }
  readonly errands: { readonly pending: number; readonly oldest: number | undefined; readonly shelved: number }
  readonly pool: PoolFigures
  /** Somebody waited for a connection at the last look too; a wait of a moment is no problem. */
  readonly poolWaited: boolean
  /** When the database last answered. */
  readonly at: Instant
}

export type HealthDeps = {
  readonly role: () => Role
  readonly epoch: () => number | undefined
  readonly isReady: () => boolean
  readonly figures: () => Figures | undefined
  readonly botMode: 'webhook' | 'polling'
  /** Undefined while updates are polled for. */
  readonly webhook: () => WebhookFigures | undefined
  readonly polling: () => PollingFigures | undefined
  readonly selling: () => SellingFigures | undefined
  /** How long no instance has led, as far as a standby can see. */
  readonly nobodyActiveMs: () => number
  readonly instance: InstanceId
  readonly version: string
  readonly startedMs: number
  readonly activeSince: () => Instant | undefined
  readonly clock: Clock
}

/** Figures older than this mean that the database does not answer. */
const figuresFreshMs = 10_000
const webhookGraceMs = 60_000
const nobodyMs = 60_000
const oldMs = 60_000

export function createHealth(deps: HealthDeps): {
  health(): Health
  liveness(): Liveness
  canStore(): boolean
} {
  const { clock } = deps
  const isActive = () => deps.role() === 'active'

  const isSilent = (): boolean => clock.now() - (deps.figures()?.at ?? 0) >= figuresFreshMs
  const isReadOnly = (): boolean => deps.figures()?.inbox.isReadOnly === true
  const canStore = (): boolean => deps.isReady() && !isSilent() && !isReadOnly()

  const problems = (): readonly string[] => [
    ...ofRole(deps),
    ...ofWaiting(deps),
    ...(deps.selling()?.paused === undefined ? [] : ['kie_refuses']),
    ...(deps.isReady() && isSilent() ? ['database_silent'] : []),
    ...(isReadOnly() ? ['database_read_only'] : []),
  ]

  return {
    canStore,
    liveness: () => ({
      ok: true,
      status: isActive() ? 'active' : 'passive',
      mode: deps.botMode,
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
        bot_mode: deps.botMode,
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

function ofRole({ role, activeSince, botMode, webhook, polling, nobodyActiveMs, clock }: HealthDeps): string[] {
  if (role() !== 'active') return nobodyActiveMs() > nobodyMs ? ['nobody_active'] : []
  const since = activeSince()
  const isLate = since !== undefined && clock.now() - since > webhookGraceMs
  const hook = webhook()
  return [
    ...(botMode === 'webhook' && isLate && hook?.verifiedAt === undefined ? ['webhook_unverified'] : []),
    ...(hook?.contestedSince === undefined ? [] : ['webhook_contested']),
    ...(hook?.failingSince === undefined ? [] : ['webhook_failing']),
    ...(polling()?.conflict === undefined ? [] : ['polling_conflict']),
  ]
}

function ofWaiting({ figures, clock }: HealthDeps): string[] {
  const kept = figures()
  if (kept === undefined) return []
  const isOld = (oldest: number | undefined) => oldest !== undefined && clock.now() - oldest > oldMs
  const { inbox, errands, pool } = kept
  return [
    ...(isOld(inbox.oldest) ? ['inbox_old'] : []),
    ...(isOld(errands.oldest) ? ['errands_old'] : []),
    ...(pool.waiting > 0 && kept.poolWaited ? ['pool_waiting'] : []),
    ...(pool.exhaustedSince === undefined ? [] : ['pool_exhausted']),
    ...(inbox.shelved + errands.shelved > 0 ? ['shelved'] : []),
  ]
}

function figuresOf({ figures, webhook, clock, epoch, instance, activeSince }: HealthDeps): Health['figures'] {
  const kept = figures()
  const hook = webhook()
  const since = activeSince()
  const ageS = (at: number | undefined) =>
    at === undefined ? null : Math.max(0, Math.round((clock.now() - at) / 1000))
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
            last_error_at: iso(hook.lastErrorAt),
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
