import { createHash } from 'node:crypto'
import type pg from 'pg'
import type { ChatTurns } from '../../errands/runner.ts'
import type { Clock } from '../../kit/clock.ts'
import type { ChatId } from '../../kit/ids.ts'
import { asStorageFault } from './database.ts'

/** Another instance is asked after so often, and so long. */
const tryEveryMs = 20
const tryForMs = 1_000

/**
 * Turns of instances at a chat: an advisory lock per chat, all of them held by one session of this instance, so that a
 * call holds no transaction open. When the session ends, all its turns are given back; so they are when its instance
 * was killed.
 *
 * The session has one lock for a chat however often it takes it: those who ask within the instance queue before.
 */
export function createChatTurns({
  session,
  schema,
  clock,
}: {
  /** A pool of one connection that stays. */
  readonly session: pg.Pool
  readonly schema: string
  readonly clock: Clock
}): ChatTurns {
  async function take(key: string): Promise<boolean> {
    const untilMs = clock.monotonicMs() + tryForMs
    for (;;) {
      const { rows } = await session.query<{ got: boolean }>({
        name: 'trt_take_turn',
        text: 'select pg_try_advisory_lock($1) as got',
        values: [key],
      })
      if (rows[0]?.got === true) return true
      if (clock.monotonicMs() > untilMs) return false
      await clock.sleep(tryEveryMs)
    }
  }

  return {
    async inTurn(chat, work) {
      const key = keyOf(schema, chat)
      const isOurs = await take(key).catch((error: unknown) => {
        throw asStorageFault(error, 'waiting for the turn at a chat')
      })
      if (!isOurs) return 'busy'
      try {
        return await work()
      } finally {
        // When the session is gone, so is the turn.
        await session.query('select pg_advisory_unlock($1)', [key]).catch(() => undefined)
      }
    },
  }
}

/** A signed 64-bit number; two chats that share one would take turns without need. */
function keyOf(schema: string, chat: ChatId): string {
  return createHash('sha256').update(`trt/${schema}/chat/${chat}`).digest().readBigInt64BE(0).toString()
}
