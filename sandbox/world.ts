import type { FastifyInstance } from 'fastify'

/**
 * What the two emulated providers (telegram/ and kie/) share: one virtual clock, one set of planned faults, one shelf
 * where everything is kept, one way out, one live feed. Each provider is a `Provider` and knows nothing of the other.
 */
export interface World {
  readonly clock: VirtualClock
  readonly faults: Faults
  readonly shelf: Shelf
  readonly outbound: Outbound
  readonly feed: Feed
  readonly chance: Chance
}

/** The time of Telegram and KIE, not of the bot. Moved by `POST /sandbox/v1/clock`; timers follow it. */
export interface VirtualClock {
  /** Milliseconds since 1970, virtual. */
  now(): number
  /** Runs once when the virtual clock has moved by `ms`; the returned function cancels. Never keeps the process alive. */
  after(ms: number, run: () => void): () => void
}

export type FaultTarget = 'telegram' | 'kie' | 'webhook'
export type Fault = {
  readonly on: FaultTarget
  /** Method or path fragment it applies to; absent: all. */
  readonly method?: string
  readonly status?: number
  readonly description?: string
  readonly retry_after?: number
  readonly delay_ms?: number
  /** The call takes effect and its answer is lost or replaced: the ugly kind. */
  readonly after_execution?: boolean
}
export interface Faults {
  /** The next planned fault for this call, counted down; undefined when there is none. */
  take(on: FaultTarget, method: string): Fault | undefined
}

/**
 * What outlives the process (DATA_DIR/sandbox). A write has reached the disk when the call returns, so a SIGKILL loses
 * nothing that was answered. Keys are paths such as `telegram/people/42`.
 */
export interface Shelf {
  get(key: string): unknown
  put(key: string, value: unknown): void
  delete(key: string): void
  /** All entries whose key starts with `prefix`, in key order. */
  list(prefix: string): readonly (readonly [key: string, value: unknown])[]
  putFile(key: string, bytes: Uint8Array): void
  getFile(key: string): Uint8Array | undefined
  /** The next number of a counter: rises for ever, also across restarts and `/reset`. The first is `first`. */
  next(counter: string, first?: number): number
  /** Removes every entry and file, and keeps the counters. */
  clear(): void
  /** What `run` writes reaches the disk together or not at all. May be nested; `run` must not await. */
  atomically<T>(run: () => T): T
}

/** HTTP to bots and for URL fetches: loopback only, unless the sandbox was started with `--allow-outbound`. */
export interface Outbound {
  request(
    url: string,
    init: {
      readonly method: 'GET' | 'POST'
      readonly headers?: Readonly<Record<string, string>>
      readonly body?: string
      readonly timeoutMs: number
      readonly maxBytes?: number
    },
  ): Promise<
    | { readonly kind: 'answer'; readonly status: number; readonly headers: Headers; readonly body: Uint8Array }
    | { readonly kind: 'refused'; readonly why: string }
    | { readonly kind: 'failed'; readonly why: string }
  >
}

/** Server-sent events of `GET /sandbox/v1/events`. */
export type FeedEvent =
  /** Something in this chat was made, edited or deleted: read it again from your cursor. */
  | { readonly type: 'chat'; readonly person: number; readonly bot: number }
  | { readonly type: 'typing'; readonly person: number; readonly bot: number; readonly action: string }
  /** The bot answered a tap. */
  | {
      readonly type: 'tap_answered'
      readonly person: number
      readonly bot: number
      readonly callback_query_id: string
      readonly text?: string
      readonly show_alert: boolean
      readonly url?: string
    }
  /** Bots, people, commands, the clock or faults changed, or everything was reset. */
  | { readonly type: 'world'; readonly what: 'people' | 'bots' | 'clock' | 'faults' | 'reset' | 'kie' }
export interface Feed {
  publish(event: FeedEvent): void
}

/** Seeded by `--seed`, so that faces, pictures and latencies repeat. */
export interface Chance {
  /** A number in [0, 1) that depends only on the seed and the key. */
  of(key: string): number
}

/** One emulated provider. `reset` forgets what was made (never the counters) and rejects nothing that comes after. */
export interface Provider {
  /** Routes of the provider itself and its controls under /sandbox/v1. */
  routes(app: FastifyInstance): void
  reset(): void
  /** Stops timers and senders; resolves when nothing is in flight. */
  close(): Promise<void>
}
