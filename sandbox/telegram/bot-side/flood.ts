import type { World } from '../../world.ts'
import type { Call } from './call.ts'
import { tooManyRequests } from './errors.ts'

/**
 * Flood limits, on the virtual clock: a chat takes a burst and then one message a second; messages to many people who
 * have not just written (a broadcast) are limited together. Edits count like messages; deleting and chat actions are
 * free. The real algorithm is not published.
 */
export type FloodGate = {
  /** Throws 429 when the call comes too soon. */
  admit(call: Call, method: string): void
  /** A person wrote: what the bot sends them now is an answer, not a broadcast. */
  heard(bot: number, person: number): void
  reset(): void
}

const chatBurst = 30
const broadcastBurst = 100
const broadcastPerSecond = 30
const answeringMs = 60_000
const bucketsMax = 50_000

const counted = /^(send(?!ChatAction)|copy|forward|edit)/

export function createFloodGate(world: World, { enabled }: { enabled: boolean }): FloodGate {
  const buckets = new Map<string, { tokens: number; at: number }>()
  const heardAt = new Map<string, number>()

  function take(key: string, burst: number, perSecond: number): void {
    const now = world.clock.now()
    const bucket = buckets.get(key) ?? { tokens: burst, at: now }
    const tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) / 1000) * perSecond)
    if (tokens < 1) throw tooManyRequests(Math.max(1, Math.ceil((1 - tokens) / perSecond)))
    if (buckets.size > bucketsMax) buckets.clear()
    buckets.set(key, { tokens: tokens - 1, at: now })
  }

  return {
    admit({ bot, params }, method) {
      if (!enabled || !counted.test(method)) return
      const chat = `${bot.id}/${params.text('chat_id') ?? ''}`
      take(chat, chatBurst, 1)
      const heard = heardAt.get(chat) ?? Number.NEGATIVE_INFINITY
      if (world.clock.now() - heard > answeringMs) take(`${bot.id}`, broadcastBurst, broadcastPerSecond)
    },
    heard(bot, person) {
      heardAt.set(`${bot}/${person}`, world.clock.now())
    },
    reset() {
      buckets.clear()
      heardAt.clear()
    },
  }
}
