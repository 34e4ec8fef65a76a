import type { World } from '../../world.ts'
import { type Bot, type PendingUpdate, pendingUpdateSchema } from '../model.ts'
import { padded, Table } from '../table.ts'

/**
 * Updates on their way to bots. One is written down before the person's action is answered and leaves the shelf only
 * when a bot has acknowledged it or it has expired, so a restart delivers again what was not acknowledged: at least
 * once, never less. Ids rise for ever.
 */
export type Attempt = {
  readonly at: number
  /** HTTP status, or 0 when there was no answer. */
  readonly status: number
  readonly took_ms: number
  readonly error?: string
  readonly via: 'webhook' | 'getUpdates'
}

export type UpdateRecord = PendingUpdate & {
  state: 'pending' | 'delivered' | 'expired' | 'dropped'
  readonly attempts: Attempt[]
}

/** Who brings new updates to bots: the webhook sender and the long polls. */
export type Carrier = (update: UpdateRecord) => void

/** Kinds that come only when they are asked for. */
const kindsOnRequest = ['chat_member', 'message_reaction', 'message_reaction_count']

const dayMs = 24 * 3600 * 1000
const lifetimesMs = new Map([
  ['callback_query', 150_000],
  ['shipping_query', 150_000],
  ['pre_checkout_query', 150_000],
  ['inline_query', 30_000],
  ['chosen_inline_result', 600_000],
])

const settledKeptMax = 10_000
const attemptsKeptMax = 200

export class Updates {
  readonly #world: World
  readonly #table: Table<PendingUpdate>
  readonly #pending = new Map<number, Map<number, UpdateRecord>>()
  #settled: UpdateRecord[] = []
  #carriers: Carrier[] = []

  constructor(world: World) {
    this.#world = world
    this.#table = new Table(world.shelf, 'telegram/updates/', pendingUpdateSchema)
    for (const update of this.#table.values()) {
      this.#of(update.bot).set(update.id, { ...update, state: 'pending', attempts: [] })
    }
  }

  carriedBy(carrier: Carrier): void {
    this.#carriers.push(carrier)
  }

  /** Makes an update, unless the bot has not asked for its kind. */
  emit(bot: Bot, kind: string, lane: string, content: Record<string, unknown>): UpdateRecord | undefined {
    const wanted = bot.allowedUpdates?.includes(kind) ?? !kindsOnRequest.includes(kind)
    if (!wanted) return undefined
    const id = this.#world.shelf.next(`telegram/update/${bot.id}`, this.#firstId(bot.id))
    const update: UpdateRecord = {
      id,
      bot: bot.id,
      kind,
      lane,
      expiresAt: this.#world.clock.now() + (lifetimesMs.get(kind) ?? dayMs),
      payload: { update_id: id, [kind]: content },
      state: 'pending',
      attempts: [],
    }
    const { state: _state, attempts: _attempts, ...kept } = update
    this.#table.put(keyOf(update), kept)
    this.#of(bot.id).set(id, update)
    for (const carry of this.#carriers) carry(update)
    return update
  }

  /** What waits for this bot, in order of id; expired ones are settled on the way. */
  pending(bot: number): readonly UpdateRecord[] {
    const waiting = [...this.#of(bot).values()]
    for (const update of waiting) if (this.isExpired(update)) this.settle(update, 'expired')
    return waiting.filter((update) => update.state === 'pending')
  }

  pendingCount(bot: number): number {
    return this.#of(bot).size
  }

  isExpired(update: UpdateRecord): boolean {
    return update.expiresAt <= this.#world.clock.now()
  }

  noteAttempt(update: UpdateRecord, attempt: Attempt): void {
    update.attempts.push(attempt)
    if (update.attempts.length > attemptsKeptMax) update.attempts.shift()
  }

  settle(update: UpdateRecord, state: 'delivered' | 'expired' | 'dropped'): void {
    if (update.state !== 'pending') return
    update.state = state
    this.#of(update.bot).delete(update.id)
    this.#table.delete(keyOf(update))
    this.#settled.push(update)
    if (this.#settled.length > settledKeptMax * 1.1) this.#settled = this.#settled.slice(-settledKeptMax)
  }

  /** Every update of every bot that is pending or was settled lately, in order of bot and id. */
  all(): readonly UpdateRecord[] {
    const pending = [...this.#pending.values()].flatMap((updates) => [...updates.values()])
    return [...this.#settled, ...pending].sort((a, b) => a.bot - b.bot || a.id - b.id)
  }

  clear(): void {
    for (const updates of this.#pending.values()) for (const update of updates.values()) update.state = 'dropped'
    this.#pending.clear()
    this.#settled = []
    this.#table.clear()
  }

  /** Real ids start anywhere; a bot that takes them for small numbers should notice here. */
  #firstId(bot: number): number {
    return 100_000_000 + Math.floor(this.#world.chance.of(`first update of ${bot}`) * 800_000_000)
  }

  #of(bot: number): Map<number, UpdateRecord> {
    const known = this.#pending.get(bot)
    if (known !== undefined) return known
    const updates = new Map<number, UpdateRecord>()
    this.#pending.set(bot, updates)
    return updates
  }
}

const keyOf = ({ bot, id }: { bot: number; id: number }) => `${bot}/${padded(id)}`
