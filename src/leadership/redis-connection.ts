import type { Clock } from '../kit/clock.ts'
import { answered } from './answered.ts'

/** One connection to Redis, as far as the leadership needs it. */
export type Redis = {
  /** Runs a script on one key; rejects at once while there is no connection. */
  run(script: string, key: string, ...values: readonly string[]): Promise<unknown>
  /** Ends it, whatever is on its way. */
  end(): void
}

/** A connection that is lost is made again in pauses that grow up to this. */
const reconnectMaxMs = 500

/**
 * Rejects when Redis cannot be reached within `connectMs`. Once connected, it connects again by itself after a break;
 * nothing waits for that, so that no answer comes from a time that is over.
 */
export async function connectRedis({
  url,
  connectMs,
  clock,
}: {
  readonly url: string
  readonly connectMs: number
  readonly clock: Clock
}): Promise<Redis> {
  // Loaded by those alone whose lock it is.
  const { createClient } = await import('redis')
  let wasConnected = false
  const client = createClient({
    url,
    RESP: 2,
    disableOfflineQueue: true,
    disableClientInfo: true,
    socket: {
      connectTimeout: connectMs,
      reconnectStrategy: (retries) => wasConnected && Math.min(20 * 2 ** retries, reconnectMaxMs),
    },
  })
  // Whoever asks meanwhile hears of it; without a listener it would end the process.
  client.on('error', () => undefined)
  const end = () => {
    if (client.isOpen) client.destroy()
  }
  try {
    await answered('Redis', client.connect(), clock, connectMs)
  } catch (cause) {
    end()
    throw new Error('Redis cannot be reached', { cause })
  }
  wasConnected = true
  return {
    run: (script, key, ...values) => client.eval(script, { keys: [key], arguments: [...values] }),
    end,
  }
}
