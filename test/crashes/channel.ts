import type { LockTimes } from '../../src/leadership/postgres-lock.ts'
import type { RedisLockTimes } from '../../src/leadership/redis-lock.ts'
import type { BeatTimes } from '../../src/lifecycle/membership.ts'

/** What the tests and the process that they let die tell one another; over Node's own channel. */
export type Boot = {
  readonly databaseUrl: string
  readonly schema: string
  readonly sandboxUrl: string
  readonly port: number
  /** Where Telegram and KIE are told to reach it: its own port, or that of another instance. */
  readonly publicPort: number
  /** More settings, as the environment would give them. */
  readonly env: Env
  /** A lease and heartbeats that are shorter than an operator's, so that nobody waits for them. */
  readonly times?: Times
  readonly end?: End
  /** A text that ends the process whenever an update that holds it is handled. */
  readonly poison?: string
}
export type Env = Readonly<Record<string, string>>
export type Times = {
  readonly lock: LockTimes & RedisLockTimes
  readonly beats: BeatTimes
  readonly webhookLookMs?: number
}

/** How and where to end. */
export type End = {
  readonly signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP'
  readonly point: string
  /** The n-th crossing of the point ends it, counted from now, */
  readonly crossing: number
  /** or from the first crossing of this other point. */
  readonly since?: string
}

export const nameOf = ({ point, crossing, since }: End): string =>
  [point, crossing > 1 ? `, crossing ${crossing}` : '', since === undefined ? '' : ` that follows ${since}`].join('')

/** Without an `end` it goes on for ever. */
export type Ask = { readonly ask: 'end'; readonly end?: End } | { readonly ask: 'count' }

export type Report =
  | { readonly report: 'ready'; readonly points: readonly string[] }
  | { readonly report: 'armed' }
  /** How often each point was crossed since the last time this was asked; also reported unasked at the end of the process. */
  | { readonly report: 'counted'; readonly crossings: Crossings }
export type Crossings = Readonly<Record<string, number>>
