import type { World } from '../../world.ts'
import type { UpdateRecord, Updates } from './updates.ts'

/**
 * Long polls. A bot has at most one open; a newer one, or a webhook, ends it with the text the real server uses.
 * Reading does not acknowledge: an offset past an update does.
 */
export type PollResult =
  | { readonly kind: 'updates'; readonly updates: readonly UpdateRecord[] }
  | { readonly kind: 'conflict'; readonly why: string }

export type Poll = { readonly offset: number; readonly limit: number; readonly timeoutSeconds: number }

const timeoutSecondsMax = 50

export class Polls {
  readonly #world: World
  readonly #updates: Updates
  readonly #open = new Map<number, (result: PollResult) => void>()

  constructor(world: World, updates: Updates) {
    this.#world = world
    this.#updates = updates
  }

  wake(bot: number): void {
    this.#open.get(bot)?.({ kind: 'updates', updates: [] })
  }

  terminate(bot: number, why: string): void {
    this.#open.get(bot)?.({ kind: 'conflict', why })
  }

  async read(bot: number, { offset, limit, timeoutSeconds }: Poll): Promise<PollResult> {
    this.terminate(bot, 'terminated by other getUpdates request; make sure that only one bot instance is running')
    this.#acknowledge(bot, offset)
    const now = this.#take(bot, limit)
    if (now.length > 0 || timeoutSeconds <= 0) return { kind: 'updates', updates: now }
    const result = await this.#wait(bot, Math.min(timeoutSeconds, timeoutSecondsMax) * 1000)
    return result.kind === 'conflict' ? result : { kind: 'updates', updates: this.#take(bot, limit) }
  }

  close(): void {
    for (const end of [...this.#open.values()]) end({ kind: 'updates', updates: [] })
  }

  #wait(bot: number, timeoutMs: number): Promise<PollResult> {
    return new Promise((resolve) => {
      const end = (result: PollResult) => {
        cancel()
        if (this.#open.get(bot) === end) this.#open.delete(bot)
        resolve(result)
      }
      const cancel = this.#world.clock.after(timeoutMs, () => end({ kind: 'updates', updates: [] }))
      this.#open.set(bot, end)
    })
  }

  /** A positive offset acknowledges all before it; a negative one keeps that many from the end and forgets the rest. */
  #acknowledge(bot: number, offset: number): void {
    const pending = this.#updates.pending(bot)
    const gone =
      offset < 0 ? pending.slice(0, Math.max(0, pending.length + offset)) : pending.filter(({ id }) => id < offset)
    for (const update of gone) this.#updates.settle(update, update.attempts.length > 0 ? 'delivered' : 'dropped')
  }

  #take(bot: number, limit: number): readonly UpdateRecord[] {
    const taken = this.#updates.pending(bot).slice(0, limit)
    const at = this.#world.clock.now()
    for (const update of taken) {
      this.#updates.noteAttempt(update, { at, status: 200, took_ms: 0, via: 'getUpdates' })
    }
    return taken
  }
}
