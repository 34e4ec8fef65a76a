import type { World } from '../../world.ts'

/** The calls bots made lately, for `GET /sandbox/v1/calls`. A bounded ring in memory; ids rise, also over restarts. */
export type CallRecord = {
  readonly id: number
  readonly at: number
  readonly bot: number
  readonly method: string
  readonly via: 'http' | 'webhook'
  readonly params: Record<string, unknown>
  /** 0 when the answer was lost on purpose. */
  readonly status: number
  readonly answer: unknown
  readonly fault?: unknown
  /** What the call did although a fault answered. */
  readonly executed?: unknown
  readonly took_ms: number
}

const callsKeptMax = 10_000
/** Ids are taken from the shelf in blocks, so that a call costs no write. */
const block = 1_000_000

export class Journal {
  readonly #world: World
  #calls: CallRecord[] = []
  #next = 0
  #end = 0

  constructor(world: World) {
    this.#world = world
  }

  add(call: Omit<CallRecord, 'id'>): void {
    if (this.#next >= this.#end) {
      this.#end = this.#world.shelf.next('telegram/call-block') * block
      this.#next = this.#end - block + 1
    }
    this.#calls.push({ id: this.#next, ...call })
    this.#next += 1
    if (this.#calls.length > callsKeptMax * 1.1) this.#calls = this.#calls.slice(-callsKeptMax)
  }

  list({ method, after, bot }: { method?: string; after?: number; bot?: number }): readonly CallRecord[] {
    return this.#calls.filter(
      (call) =>
        (method === undefined || call.method.toLowerCase() === method.toLowerCase()) &&
        (after === undefined || call.id > after) &&
        (bot === undefined || call.bot === bot),
    )
  }

  clear(): void {
    this.#calls = []
  }
}
