import type { KeptSession } from '../dispatch/sessions.ts'
import { FenceLost, isFaultOfTheWorld } from '../faults.ts'
import type { Clock, Instant } from '../kit/clock.ts'
import { after } from '../kit/clock.ts'
import type { ChatId, Cid } from '../kit/ids.ts'
import type { Permit } from '../permit.ts'
import { messageWithCauses, type Telemetry } from '../telemetry/telemetry.ts'
import type { Errand, ErrandKind } from './errand.ts'
import type { ErrandEngine, Job } from './errand-engine.ts'
import { freeHands } from './free-hands.ts'

/**
 * Carries out errands that are due, each until it is settled. What runs them (waking, retrying, setting aside) is the
 * engine, a port; what they do is in the handlers.
 *
 * Calls to one chat are made one after the other, so that a screen and the answer to it cannot overtake each other;
 * where work is shared, also those of different instances.
 */
export type Settled =
  | 'settled'
  /**
   * The same errand again, not before then. An earlier wish that is already waiting stays. `repeats` is what the next
   * run finds in its context; without it, one more than in this run.
   */
  | { readonly againAt: Instant; readonly repeats?: number }

export type ErrandContext = {
  readonly cid: Cid
  readonly permit: Permit
  /** The first is 1. */
  readonly attempt: number
  /** How often this errand has asked to come again, or threw; 0 at first. */
  readonly repeats: number
  /** The conversation as it stands in the database; absent when that is not known and must be read. */
  readonly drawing?: KeptSession
}
export type Handlers = {
  readonly [Kind in ErrandKind]: (errand: Extract<Errand, { kind: Kind }>, context: ErrandContext) => Promise<Settled>
}

/** Where work is shared: the calls to one chat are one instance's at a time. A port. */
export interface ChatTurns {
  /** Does the work when it is our turn; `busy` when another instance keeps the chat for longer than a moment. */
  inTurn<T>(chat: ChatId, work: () => Promise<T>): Promise<T | 'busy'>
}

/** A fault of the world is not the errand's: it waits so long and is tried again without counting. */
const worldFaultWaitMs = 2_000
/** A chat that another instance is calling. */
const busyWaitMs = 250

export function createRunner({
  handlers,
  engine,
  turns,
  living,
  started,
  clock,
  telemetry,
}: {
  readonly handlers: Handlers
  readonly engine: ErrandEngine
  /** Absent where only one instance works. */
  readonly turns?: ChatTurns
  /** The names whose errands are not free for the taking, although this instance begins to work. */
  readonly living: () => Promise<readonly string[] | 'all'>
  /** The name under which this instance holds errands from now on. */
  readonly started: (holder: string) => Promise<void>
  readonly clock: Clock
  readonly telemetry: Telemetry
}) {
  const ownTurns = createTurns()

  async function inChat(chat: ChatId | undefined, repeats: number, carryOut: () => Promise<Settled>): Promise<Settled> {
    if (chat === undefined) return await carryOut()
    const settled = await ownTurns.take(chat, () => (turns === undefined ? carryOut() : turns.inTurn(chat, carryOut)))
    return settled === 'busy' ? { againAt: after(clock.now(), busyWaitMs), repeats } : settled
  }

  /** What was in hands that are gone is free for us. */
  async function freeDead(): Promise<void> {
    const spared = await living()
    if (spared !== 'all') await freeHands(engine, (holder) => !spared.includes(holder), telemetry)
  }

  async function run(job: Job, permit: Permit): Promise<void> {
    const { errand, cid, attempt, drawing } = job
    const repeats = job.repeats + attempt - 1
    const chat = chatOf(errand)
    // Whoever waits for a turn may be drawn past meanwhile; only the first in line knows the newest state.
    const isFirst = chat !== undefined && turns === undefined && !ownTurns.isTaken(chat)
    const fresh = drawing !== undefined && isFirst ? { drawing } : {}
    try {
      const carryOut = async () => {
        // It may have waited for its turn at the chat; whoever has lost the right meanwhile calls nobody.
        mustBeFresh(permit)
        return await handle(handlers, errand, { cid, permit, attempt, repeats, ...fresh })
      }
      const settled = await inChat(chat, repeats, carryOut)
      if (settled !== 'settled') await again(job, permit, settled.againAt, settled.repeats ?? repeats + 1)
      // What was in the hands of whoever lost the right may be in others' hands by now, and is not ours to settle.
      mustBeFresh(permit)
    } catch (error) {
      if (error instanceof FenceLost) throw error
      if (isFaultOfTheWorld(error)) return await again(job, permit, after(clock.now(), worldFaultWaitMs), repeats)
      const told = { kind: errand.kind, cid, error: messageWithCauses(error) }
      if (attempt >= job.attemptsMax) telemetry.tell('ERRAND_SHELVED', told)
      else telemetry.tell('ERRAND_FAILED', { ...told, attempt })
      telemetry.caught(error, `errand ${errand.kind}`, cid)
      throw error
    }
  }

  /** When even this cannot be written down, the engine's own retry takes over. */
  async function again(job: Job, permit: Permit, at: Instant, repeats: number): Promise<void> {
    mustBeFresh(permit)
    await engine.again({ errand: job.errand, cid: job.cid, at, repeats }, job)
    mustBeFresh(permit)
  }

  return {
    /** Works until `signal` aborts; resolves when no errand is in hand any more. */
    async work(permit: Permit, signal: AbortSignal): Promise<void> {
      await freeDead()
      const working = await engine.start((job) => run(job, permit))
      const told = new Promise<void>((resolve) => {
        if (signal.aborted) resolve()
        else signal.addEventListener('abort', () => resolve(), { once: true })
      })
      try {
        await started(working.holder)
        // An engine that gave up is a failure of this duty, which is then started again.
        await Promise.race([told, working.ended])
      } finally {
        await working.stop()
      }
    },
  }
}

function mustBeFresh(permit: Permit): void {
  if (!permit.isFresh()) throw new FenceLost('the lease may have run out')
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
    isTaken: (chat: ChatId): boolean => last.has(chat),
    async take<T>(chat: ChatId, work: () => Promise<T>): Promise<T> {
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
