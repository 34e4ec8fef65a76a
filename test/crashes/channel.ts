/** What the tests and the process that they let die tell one another; over Node's own channel. */
export type Boot = {
  readonly databaseUrl: string
  readonly schema: string
  readonly sandboxUrl: string
  readonly port: number
  /** Where Telegram and KIE are told to reach it: its own port, or that of another instance. */
  readonly publicPort: number
  /** How updates arrive. */
  readonly mode: Mode
  readonly end?: End
}
export type Mode = 'webhook' | 'polling'

/** How and where to end: at the n-th crossing of a point since it was told. */
export type End = { readonly point: string; readonly crossing: number; readonly signal: 'SIGKILL' | 'SIGTERM' }

export type Ask = { readonly ask: 'end'; readonly end: End } | { readonly ask: 'count' }

export type Report =
  | { readonly report: 'ready'; readonly points: readonly string[] }
  | { readonly report: 'armed' }
  /** How often each point was crossed since the last time this was asked; also told unasked by the last breath. */
  | { readonly report: 'counted'; readonly crossings: Crossings }
export type Crossings = Readonly<Record<string, number>>
