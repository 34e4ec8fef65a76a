/** At most `calls` within any `windowMs` of virtual time, for each key; what is over it is dropped, not queued. */
import type { VirtualClock } from '../world.ts'

export function createRateLimit(clock: VirtualClock, { calls, windowMs }: { calls: number; windowMs: number }) {
  let taken = new Map<string, readonly number[]>()
  return {
    /** False when this call is one too many; such a call does not count. */
    take(key: string): boolean {
      const since = clock.now() - windowMs
      const recent = (taken.get(key) ?? []).filter((at) => at > since)
      if (recent.length >= calls) return false
      if (taken.size > keysMax) taken = new Map([...taken].filter(([, times]) => (times.at(-1) ?? 0) > since))
      taken.set(key, [...recent, clock.now()])
      return true
    },
    forget: () => taken.clear(),
  }
}

/** Beyond this many keys the idle ones are dropped. */
const keysMax = 1000
