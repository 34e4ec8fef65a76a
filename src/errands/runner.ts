import type { Clock, Instant } from '../kit/clock.ts'
import { after } from '../kit/clock.ts'
import type { ChatId, Cid } from '../kit/ids.ts'
import { FenceLost, isFaultOfTheWorld, type Permit } from '../store.ts'
import { messageWithCauses, type Telemetry } from '../telemetry/telemetry.ts'
import type { DueErrand, Errand, ErrandKind } from './errand.ts'
import { deathsMax, failuresMaxOf, pauseAfterFailure } from './errand-jobs.ts'

/**
 * Executes errands that are due. What stores them and hands them out is the engine, a port; what they do is in the
 * handlers; what happens after a handler has answered or thrown is decided here.
 *
 * Calls to one chat are made one after the other, so that a screen and the answer to it cannot overtake each other;
 * where work is shared, also those of different instances.
 */
export type Settled =
  | 'settled'
  /** The same errand again, not before then. A repeat that is already waiting for an earlier time keeps it. */
  | { readonly againAt: Instant }

export type ErrandContext = {
  readonly cid: Cid
  readonly permit: Permit
  /** How often a handler asked for a later execution of this errand, or threw. The first time it is 0. */
  readonly repeats: number
}
export type Handlers = {
  readonly [Kind in ErrandKind]: (errand: Extract<Errand, { kind: Kind }>, context: ErrandContext) => Promise<Settled>
}

/** What was counted of an errand so far; it travels with its job. */
export type Counts = {
  /** Executions that asked for another one, or threw. */
  readonly repeats: number
  /** Of these, the ones in a row that threw. */
  readonly failures: number
}
export type Job = Counts & {
  /** Its number in the queue. */
  readonly id: string
  readonly errand: Errand
  readonly cid: Cid
  /** Executions of this job that ended neither well nor badly: the process died. */
  readonly deaths: number
}

/** Stores errands as jobs and hands them out. A port, implemented by `storage/postgres/errand-engine.ts`. */
export interface ErrandEngine {
  /**
   * Hands out due jobs until `stop` has resolved, after unlocking those of instances that do not work any more. A job is
   * done when `run` resolves. When it rejects, the job is released, to be handed out again soon, and nothing is counted.
   * `ended` rejects when the engine stopped by itself.
   */
  start(
    run: (job: Job) => Promise<void>,
  ): Promise<{ readonly stop: () => Promise<void>; readonly ended: Promise<void> }>
  /** Adds an errand outside any step. */
  add(errand: DueErrand): Promise<void>
  /**
   * Adds the errand of a job that is being executed again for later. One of its key that waits already keeps its time
   * if it has not been tried. When a newer job has replaced this one meanwhile, nothing is added: it knows more.
   */
  repeat(job: Job, at: Instant, counts: Counts): Promise<void>
  /** Keeps a job that is being executed for a person to look at. False when a newer job has replaced it meanwhile. */
  shelve(job: Job, why: { readonly reason: string; readonly attempts: number }): Promise<boolean>
  /** Unlocks the jobs of instances that are gone; says how many engine starts held some. */
  unlockGone(): Promise<number>
}

/** Where work is shared: the calls to one chat are one instance's at a time. A port. */
export interface ChatTurns {
  /** Does the work when it is our turn; `busy` when another instance keeps the chat for longer than a moment. */
  inTurn<T>(chat: ChatId, work: () => Promise<T>): Promise<T | 'busy'>
}

/** A fault of the world is not the errand's: it is executed again after this time, and nothing is counted. */
const worldFaultWaitMs = 2_000
/** The pause while another instance calls the chat; nothing is counted. */
const busyWaitMs = 250

export function createRunner({
  handlers,
  engine,
  turns,
  clock,
  telemetry,
}: {
  readonly handlers: Handlers
  readonly engine: ErrandEngine
  /** Absent where only one instance works. */
  readonly turns?: ChatTurns
  readonly clock: Clock
  readonly telemetry: Telemetry
}) {
  const ownTurns = createTurns()

  async function inTurn(chat: ChatId | undefined, work: () => Promise<Settled>): Promise<Settled | 'busy'> {
    if (chat === undefined) return await work()
    return await ownTurns.take(chat, () => (turns === undefined ? work() : turns.inTurn(chat, work)))
  }

  async function run(job: Job, permit: Permit): Promise<void> {
    const { errand, cid, repeats, deaths } = job
    if (deaths >= deathsMax) return await shelve(job, permit, 'each attempt ended the process', deaths)
    let outcome: Settled | 'busy'
    try {
      outcome = await inTurn(chatOf(errand), async () => {
        // The job may have waited for its turn at the chat. Without a right to work nobody is called.
        mustBeFresh(permit)
        return await handle(handlers, errand, { cid, permit, repeats })
      })
    } catch (error) {
      if (error instanceof FenceLost) throw error
      return await failed(job, permit, error)
    }
    if (outcome === 'busy') return await repeat(job, permit, after(clock.now(), busyWaitMs), job)
    if (outcome !== 'settled') {
      return await repeat(job, permit, outcome.againAt, { repeats: repeats + 1, failures: 0 })
    }
    // After the right is lost another instance may have the job; then it is not ours to complete.
    mustBeFresh(permit)
  }

  async function failed(job: Job, permit: Permit, error: unknown): Promise<void> {
    if (isFaultOfTheWorld(error)) return await repeat(job, permit, after(clock.now(), worldFaultWaitMs), job)
    const { errand, cid, repeats } = job
    const failures = job.failures + 1
    telemetry.caught(error, `errand ${errand.kind}`, cid)
    const reason = messageWithCauses(error)
    if (failures >= failuresMaxOf(errand)) return await shelve(job, permit, reason, failures)
    telemetry.tell('ERRAND_FAILED', { kind: errand.kind, cid, error: reason, attempt: failures })
    const at = after(clock.now(), pauseAfterFailure(failures, job.id))
    await repeat(job, permit, at, { repeats: repeats + 1, failures })
  }

  async function repeat(job: Job, permit: Permit, at: Instant, { repeats, failures }: Counts): Promise<void> {
    mustBeFresh(permit)
    await engine.repeat(job, at, { repeats, failures })
    mustBeFresh(permit)
  }

  async function shelve(job: Job, permit: Permit, reason: string, attempts: number): Promise<void> {
    mustBeFresh(permit)
    const isShelved = await engine.shelve(job, { reason, attempts })
    if (isShelved) telemetry.tell('ERRAND_SHELVED', { kind: job.errand.kind, cid: job.cid, error: reason })
    mustBeFresh(permit)
  }

  return {
    /** Works until `signal` aborts; resolves when no errand is being executed any more. */
    async work(permit: Permit, signal: AbortSignal): Promise<void> {
      const working = await engine.start((job) => run(job, permit))
      const aborted = new Promise<void>((resolve) => {
        if (signal.aborted) resolve()
        else signal.addEventListener('abort', () => resolve(), { once: true })
      })
      try {
        // An engine that stopped by itself is a failure of this duty, which is then started again.
        await Promise.race([aborted, working.ended])
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
