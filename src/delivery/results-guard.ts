import { type Away, type Breaker, createBreaker, type Failure } from '../kit/breaker.ts'
import type { Clock, Instant } from '../kit/clock.ts'
import { done, later, type Outcome } from '../kit/outcome.ts'
import { untilAborted } from '../kit/wait.ts'
import type { ArtifactUrl } from '../orders/order.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import type { ArtifactSource } from './artifact-source.ts'

/**
 * Where results are fetched from, as the service uses it, with a breaker for each host: one that does not answer, or
 * whose name leads nowhere public, is no fault of any result, so results of it wait.
 *
 * Selling what cannot be fetched would only burn credits: it pauses while the host that last gave a result is away, or
 * while any is when none has given one yet. A host that nothing new has come from for a day may be one that KIE uses no
 * more: then selling goes on, and the first new result of that host pauses it again.
 */
export type ResultsGuard = {
  readonly artifacts: ArtifactSource
  figures(): ResultsFigures
  /** Probes hosts that are away, until the signal aborts. */
  watch(signal: AbortSignal): Promise<void>
}
export type ResultsFigures = { readonly away?: HostAway | undefined }
export type HostAway = Away<HostWhy> & { readonly host: string; readonly pausesSelling: boolean }
export type HostWhy = 'no_answer' | 'no_public_address'

/** So long after its newest result a host that is away pauses selling. */
const pausesMs = 24 * 60 * 60_000
/** So many results of a host that is away are known to wait for it. */
const knownMax = 1_000
/** KIE gives results from a few hosts; of more than these the one that was asked longest ago is forgotten. */
const hostsMax = 16

export function createResultsGuard({
  artifacts,
  random,
  clock,
  telemetry,
}: {
  readonly artifacts: ArtifactSource
  readonly random: () => number
  readonly clock: Clock
  readonly telemetry: Telemetry
}): ResultsGuard {
  /** The one asked longest ago first. */
  const hosts = new Map<string, Host>()
  let lastGood: string | undefined
  let watching: AbortSignal | undefined
  const watches = new Set<Promise<void>>()

  function hostOf(url: ArtifactUrl): Host {
    const name = nameOf(url)
    const host = hosts.get(name) ?? open(name)
    host.newest = url
    if (host.breaker.away() === undefined) host.known.clear()
    if (!host.known.has(url)) {
      host.newAt = clock.now()
      host.known.add(url)
      const [first] = host.known
      if (host.known.size > knownMax && first !== undefined) host.known.delete(first)
    }
    hosts.delete(name)
    hosts.set(name, host)
    const [oldest] = hosts.keys()
    if (hosts.size > hostsMax && oldest !== undefined) forget(oldest)
    return host
  }

  function open(name: string): Host {
    const over = new AbortController()
    const host: Host = {
      newest: undefined,
      known: new Set(),
      newAt: clock.now(),
      over,
      breaker: createBreaker({
        // Any answer about the file shows that its host is there.
        probe: async () => (host.newest === undefined ? done(true) : await artifacts.fetch(host.newest)),
        failureOf,
        onAway: ({ why, detail }) => telemetry.emit('RESULTS_AWAY', { host: name, why, detail }),
        onBack: (awayMs) => telemetry.emit('RESULTS_BACK', { host: name, away_s: Math.round(awayMs / 1000) }),
        random,
        clock,
      }),
    }
    if (watching !== undefined) watchHost(host, watching)
    return host
  }

  function forget(name: string): void {
    hosts.get(name)?.over.abort()
    hosts.delete(name)
  }

  function watchHost({ breaker, over }: Host, signal: AbortSignal): void {
    const watch = breaker.watch(AbortSignal.any([signal, over.signal]))
    watches.add(watch)
    void watch.finally(() => watches.delete(watch))
  }

  const isAway = (name: string): boolean => hosts.get(name)?.breaker.away() !== undefined
  const isNewsOf = (name: string): boolean => clock.now() - (hosts.get(name)?.newAt ?? 0) < pausesMs

  return {
    artifacts: {
      async fetch(url) {
        const name = nameOf(url)
        const { breaker } = hostOf(url)
        const waitMs = breaker.waitMs()
        if (waitMs !== undefined) return later('unreachable', `${name} is away; it was not asked`, waitMs)
        const outcome = await artifacts.fetch(url)
        breaker.note(outcome)
        if (outcome.kind === 'done') lastGood = name
        return outcome
      },
    },
    figures() {
      const away = [...hosts.keys()].filter(isAway)
      const pausing = away.find((name) => (lastGood === undefined || name === lastGood) && isNewsOf(name))
      const host = pausing ?? away[0]
      const state = host === undefined ? undefined : hosts.get(host)?.breaker.away()
      if (host === undefined || state === undefined) return {}
      return { away: { ...state, host, pausesSelling: pausing !== undefined } }
    },
    async watch(signal) {
      watching = signal
      for (const host of hosts.values()) watchHost(host, signal)
      await untilAborted(signal)
      watching = undefined
      await Promise.all(watches)
    },
  }
}

/** An address that cannot be read has no host, and no fetch of it gets as far as one. */
const nameOf = (url: ArtifactUrl): string => URL.parse(url)?.host ?? ''

type Host = {
  /** Asked for last; a probe asks for it again. */
  newest: ArtifactUrl | undefined
  /** Asked for since it is away. */
  readonly known: Set<ArtifactUrl>
  /** When a result that was not known was asked for last. */
  newAt: Instant
  readonly over: AbortController
  readonly breaker: Breaker<HostWhy>
}

function failureOf(outcome: Outcome<unknown>): Failure<HostWhy> | undefined {
  if (outcome.kind === 'done') return undefined
  const { detail } = outcome
  if (outcome.kind === 'unknown' || outcome.why === 'unreachable') return { why: 'no_answer', detail, isProof: false }
  return outcome.why === 'misresolved' ? { why: 'no_public_address', detail, isProof: true } : undefined
}
