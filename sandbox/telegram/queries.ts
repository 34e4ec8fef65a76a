import type { World } from '../world.ts'
import { type Tap, tapSchema } from './model.ts'
import { Table } from './table.ts'

/** Taps waiting for `answerCallbackQuery`. An answer comes once, and not after the query is too old. */
export class Taps {
  readonly #world: World
  readonly #table: Table<Tap>
  readonly #listeners = new Map<string, Set<() => void>>()

  constructor(world: World) {
    this.#world = world
    this.#table = new Table(world.shelf, 'telegram/taps/', tapSchema)
  }

  add(tap: Omit<Tap, 'id' | 'at'>): Tap {
    const number = this.#world.shelf.next('telegram/tap')
    // Real ids are long digits; the person in front keeps them apart at a glance.
    const id = `${tap.person}${String(number).padStart(9, '0')}`
    const [oldest] = this.#table.values()
    if (this.#table.size >= tapsKeptMax && oldest !== undefined) this.#table.delete(oldest.id)
    return this.#table.put(id, { ...tap, id, at: this.#world.clock.now() })
  }

  find(id: string): Tap | undefined {
    return this.#table.get(id)
  }

  isOpen(tap: Tap): boolean {
    return tap.answer === undefined && this.#world.clock.now() - tap.at < queryOpenMs
  }

  answer(tap: Tap, answer: NonNullable<Tap['answer']>): void {
    this.#table.put(tap.id, { ...tap, answer })
    this.#world.feed.publish({
      type: 'tap_answered',
      person: tap.person,
      bot: tap.bot,
      callback_query_id: tap.id,
      show_alert: answer.show_alert,
      ...(answer.text === undefined ? {} : { text: answer.text }),
      ...(answer.url === undefined ? {} : { url: answer.url }),
    })
    for (const wake of [...(this.#listeners.get(tap.id) ?? [])]) wake()
  }

  /** Calls `wake` when this tap is answered; the returned function ends it. */
  onAnswer(id: string, wake: () => void): () => void {
    const listeners = this.#listeners.get(id) ?? new Set()
    listeners.add(wake)
    this.#listeners.set(id, listeners)
    return () => {
      listeners.delete(wake)
      if (listeners.size === 0) this.#listeners.delete(id)
    }
  }

  clear(): void {
    this.#table.clear()
  }
}

/** The real deadline is not published; the server stops delivering the query after as long. */
const queryOpenMs = 150_000
const tapsKeptMax = 2000

/** What a bot said to a pre-checkout query; undefined when it said nothing in time. */
export type CheckoutAnswer = { readonly ok: boolean; readonly errorMessage?: string }

/** Pre-checkout queries waiting for their answer. A restart ends them, as a lost connection ends a payment. */
export class Checkouts {
  readonly #world: World
  readonly #open = new Map<string, { bot: number; settle: (answer: CheckoutAnswer | undefined) => void }>()

  constructor(world: World) {
    this.#world = world
  }

  newId(person: number): string {
    return `${person}${String(this.#world.shelf.next('telegram/checkout')).padStart(9, '0')}`
  }

  /** Resolves with the bot's answer, or with nothing after ten virtual seconds. */
  wait(id: string, bot: number): Promise<CheckoutAnswer | undefined> {
    return new Promise((resolve) => {
      const settle = (answer: CheckoutAnswer | undefined) => {
        cancel()
        this.#open.delete(id)
        resolve(answer)
      }
      const cancel = this.#world.clock.after(checkoutAnswerMs, () => settle(undefined))
      this.#open.set(id, { bot, settle })
    })
  }

  /** False when there is no such open query of this bot. */
  answer(id: string, bot: number, answer: CheckoutAnswer): boolean {
    const waiting = this.#open.get(id)
    if (waiting?.bot !== bot) return false
    waiting.settle(answer)
    return true
  }

  close(): void {
    for (const { settle } of [...this.#open.values()]) settle(undefined)
  }
}

const checkoutAnswerMs = 10_000
