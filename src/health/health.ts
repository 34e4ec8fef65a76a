import type { ResultsFigures } from '../delivery/results-guard.ts'
import type { TelegramFigures } from '../delivery/telegram-breaker.ts'
import type { SellingFigures } from '../generation/credits-watch.ts'
import type { UploadsFigures } from '../generation/uploads-guard.ts'
import type { PollingFigures } from '../intake/telegram-polling.ts'
import { type Clock, type Instant, instant } from '../kit/clock.ts'
import type { InstanceId } from '../kit/ids.ts'
import type { Role } from '../lifecycle/lifecycle.ts'
import type { LossFigures } from '../losses/loss-figures.ts'
import type { WebhookFigures } from '../webhook/webhook.ts'
import { isSilent, type PoolFigures, type ProblemFigures, problemsOf } from './problems.ts'

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
  readonly inbox: {
    readonly pending: number
    readonly oldest: number | undefined
    readonly shelved: number
    /** When the newest update was stored, by whichever instance. */
    readonly newest: number | undefined
    readonly isReadOnly: boolean
  }
  readonly errands: { readonly pending: number; readonly oldest: number | undefined; readonly shelved: number }
  readonly losses: LossFigures
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
  readonly telegram: () => TelegramFigures
  /** LOSS_CREDITS_PER_DAY. */
  readonly lossCreditsPerDay: number
  readonly results: () => ResultsFigures
  readonly uploads: () => UploadsFigures
  /** The last update could not be committed. */
  readonly isRefused: () => boolean
  /** How long no instance has led, as far as a standby can see. */
  readonly nobodyActiveMs: () => number
  readonly instance: InstanceId
  readonly version: string
  readonly startedMs: number
  readonly activeSince: () => Instant | undefined
  readonly clock: Clock
}

export function createHealth(deps: HealthDeps): {
  health(): Health
  liveness(): Liveness
  canStore(): boolean
} {
  const { clock } = deps
  const isActive = () => deps.role() === 'active'

  function seen(): ProblemFigures {
    const kept = deps.figures()
    return {
      now: clock.now(),
      leadsSince: isActive() ? deps.activeSince() : undefined,
      nobodyActiveMs: isActive() ? 0 : deps.nobodyActiveMs(),
      webhook: deps.webhook(),
      polling: deps.polling(),
      inbox: kept?.inbox,
      errands: kept?.errands,
      pool: kept?.pool,
      poolWaited: kept?.poolWaited,
      selling: deps.selling(),
      telegram: deps.telegram(),
      losses: kept?.losses,
      lossCreditsPerDay: deps.lossCreditsPerDay,
      results: deps.results(),
      uploads: deps.uploads(),
      // A service that is ready has asked the database.
      answeredAt: deps.isReady() ? (kept?.at ?? instant(0)) : undefined,
      isReadOnly: kept?.inbox.isReadOnly,
      isRefused: deps.isRefused(),
    }
  }

  function canStore(): boolean {
    const figures = seen()
    return deps.isReady() && !isSilent(figures) && figures.isReadOnly !== true && figures.isRefused !== true
  }

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
      const named = problemsOf(seen())
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
          losses: {
            day: kept.losses.day,
            by_cause: Object.fromEntries(
              kept.losses.today.map(({ cause, count, credits, kopecks }) => [
                cause,
                { count, credits: credits === null ? null : Number(credits), kopecks },
              ]),
            ),
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
