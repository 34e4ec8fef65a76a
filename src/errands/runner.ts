import type { KeptSession } from '../dispatch/sessions.ts'
import type { Clock, Instant } from '../kit/clock.ts'
import { after } from '../kit/clock.ts'
import type { ChatId, Cid } from '../kit/ids.ts'
import { isFaultOfTheWorld, type Permit } from '../store.ts'
import { messageWithCauses, type Telemetry } from '../telemetry/telemetry.ts'
import type { DueErrand, Errand, ErrandKind } from './errand.ts'

/**
 * Carries out errands that are due, each until it is settled. What runs them (waking, retrying, setting aside) is the
 * engine, a port; what they do is in the handlers.
 *
 * Calls to one chat are made one after the other, so that a screen and the answer to it cannot overtake each other.
 */
export type Settled =
  | 'settled'
  /** The same errand again, not before then. An earlier wish that is already waiting stays. */
  | { readonly againAt: Instant }

export type ErrandContext = {
  readonly cid: Cid
  readonly permit: Permit
  /** The first is 1. */
  readonly attempt: number
  /** The conversation as it stands in the database; absent when that is not known and must be read. */
  readonly drawing?: KeptSession
}
export type Handlers = {
  readonly [Kind in ErrandKind]: (errand: Extract<Errand, { kind: Kind }>, context: ErrandContext) => Promise<Settled>
}

export type Job = {
  readonly errand: Errand
  readonly cid: Cid
  readonly attempt: number
  readonly attemptsMax: number
  /** The conversation as the step left it a moment ago. */
  readonly drawing?: KeptSession
}

/** Keeps errands and hands them out. A port, implemented by `storage/postgres/errand-engine.ts`. */
export interface ErrandEngine {
  /**
   * Hands out due errands until `stop` has resolved. A rejection of `run` is a failed attempt. `ended` rejects when the
   * engine gave up by itself.
   */
  start(
    run: (job: Job) => Promise<void>,
  ): Promise<{ readonly stop: () => Promise<void>; readonly ended: Promise<void> }>
  /** Writes the errand down again for later; a waiting one with an earlier time keeps its time. */
  again(errand: DueErrand): Promise<void>
  /** Frees what dead instances had in hand; says how many hands there were. */
  unlockDead(): Promise<number>
}

/** A fault of the world is not the errand's: it waits so long and is tried again without counting. */
const worldFaultWaitMs = 2_000

export function createRunner({
  handlers,
  engine,
  clock,
  telemetry,
}: {
  readonly handlers: Handlers
  readonly engine: ErrandEngine
  readonly clock: Clock
  readonly telemetry: Telemetry
}) {
  const inChat = createTurns()

  async function run(job: Job, permit: Permit): Promise<void> {
    const { errand, cid, attempt, drawing } = job
    const chat = chatOf(errand)
    // Whoever waits for a turn may be drawn past meanwhile; only the first in line knows the newest state.
    const fresh = drawing === undefined || inChat.isTaken(chat) ? {} : { drawing }
    try {
      const settled = await inChat.take(chat, () => handle(handlers, errand, { cid, permit, attempt, ...fresh }))
      if (settled !== 'settled') await engine.again({ errand, cid, at: settled.againAt })
    } catch (error) {
      if (isFaultOfTheWorld(error)) return await postpone(job)
      const told = { kind: errand.kind, cid, error: messageWithCauses(error) }
      if (attempt >= job.attemptsMax) telemetry.tell('ERRAND_SHELVED', told)
      else telemetry.tell('ERRAND_FAILED', { ...told, attempt })
      telemetry.caught(error, `errand ${errand.kind}`, cid)
      throw error
    }
  }

  /** When even this cannot be written down, the engine's own retry takes over. */
  async function postpone({ errand, cid }: Job): Promise<void> {
    await engine.again({ errand, cid, at: after(clock.now(), worldFaultWaitMs) })
  }

  return {
    /** Works until `signal` aborts; resolves when no errand is in hand any more. */
    async work(permit: Permit, signal: AbortSignal): Promise<void> {
      const unlocked = await engine.unlockDead()
      if (unlocked > 0) telemetry.tell('ERRANDS_UNLOCKED', { workers: unlocked })
      const working = await engine.start((job) => run(job, permit))
      const told = new Promise<void>((resolve) => {
        if (signal.aborted) resolve()
        else signal.addEventListener('abort', () => resolve(), { once: true })
      })
      // An engine that gave up is a failure of this duty, which is then started again.
      await Promise.race([told, working.ended])
      await working.stop()
    },
  }
}

function handle(handlers: Handlers, errand: Errand, context: ErrandContext): Promise<Settled> {
  // The table has one handler per kind, each for its own member of the union; TypeScript cannot see the pairing.
  const handler = handlers[errand.kind] as (errand: Errand, context: ErrandContext) => Promise<Settled>
  return handler(errand, context)
}

const chatOf = (errand: Errand): ChatId | undefined => ('chat' in errand ? errand.chat : undefined)

/** One at a time per chat, in the order of asking; the map holds only chats that somebody waits for. */
function createTurns() {
  const last = new Map<ChatId, Promise<unknown>>()
  return {
    isTaken: (chat: ChatId | undefined): boolean => chat !== undefined && last.has(chat),
    async take<T>(chat: ChatId | undefined, work: () => Promise<T>): Promise<T> {
      if (chat === undefined) return await work()
      const before = last.get(chat)
      // Nobody is before us: begin in this very turn of the loop.
      const mine = before === undefined ? work() : before.then(work, work)
      const settled = mine.catch(() => undefined)
      last.set(chat, settled)
      try {
        return await mine
      } finally {
        if (last.get(chat) === settled) last.delete(chat)
      }
    },
  }
}
