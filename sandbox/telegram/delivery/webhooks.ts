import type { World } from '../../world.ts'
import type { Bot, Webhook } from '../model.ts'
import type { Bots } from '../people.ts'
import type { Updates } from './updates.ts'
import { WebhookSender, type WebhookState } from './webhook-sender.ts'

/** The sender of each bot that has a webhook. A changed webhook gets a new sender: its timers start afresh. */
export class Webhooks {
  readonly #world: World
  readonly #bots: Bots
  readonly #updates: Updates
  readonly #senders = new Map<number, WebhookSender>()
  readonly #setAt = new Map<number, number>()
  #execute: (bot: number, contentType: string, body: Uint8Array) => void = () => {}

  constructor(world: World, bots: Bots, updates: Updates) {
    this.#world = world
    this.#bots = bots
    this.#updates = updates
  }

  /** Begins to deliver; `execute` runs methods that come in webhooks' answers. */
  start(execute: (bot: number, contentType: string, body: Uint8Array) => void): void {
    this.#execute = execute
    this.#updates.carriedBy((update) => this.#senders.get(update.bot)?.add(update))
    for (const bot of this.#bots.all()) this.#restart(bot)
  }

  /** Milliseconds since the webhook of this bot was set the last time. */
  sinceSet(bot: number): number {
    return this.#world.clock.now() - (this.#setAt.get(bot) ?? Number.NEGATIVE_INFINITY)
  }

  set(bot: Bot, webhook: Webhook | undefined): void {
    const { webhook: _, ...rest } = bot
    const changed = this.#bots.change(webhook === undefined ? rest : { ...rest, webhook })
    if (webhook !== undefined) this.#setAt.set(bot.id, this.#world.clock.now())
    this.#restart(changed)
  }

  state(bot: number): WebhookState {
    return this.#senders.get(bot)?.state() ?? {}
  }

  /** After the updates were forgotten: senders forget them too. */
  restartAll(): void {
    for (const bot of this.#bots.all()) this.#restart(bot)
  }

  close(): void {
    for (const sender of this.#senders.values()) sender.stop()
    this.#senders.clear()
  }

  #restart(bot: Bot): void {
    this.#senders.get(bot.id)?.stop()
    this.#senders.delete(bot.id)
    if (bot.webhook === undefined) return
    const sender = new WebhookSender({
      world: this.#world,
      updates: this.#updates,
      bot,
      webhook: bot.webhook,
      execute: (id, contentType, body) => this.#execute(id, contentType, body),
      onGone: () => this.set(this.#bots.find(bot.id) ?? bot, undefined),
    })
    this.#senders.set(bot.id, sender)
  }
}
