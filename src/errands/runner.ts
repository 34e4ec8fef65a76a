import { FenceLost, isFaultOfTheWorld } from '../faults.ts'
import { after, type Clock, type Instant } from '../kit/clock.ts'
import { createExclusion } from '../kit/exclusion.ts'
import type { ChatId, Cid } from '../kit/ids.ts'
import type { Turns } from '../kit/turns.ts'
import { untilAborted } from '../kit/wait.ts'
import type { Permit } from '../permit.ts'
import { messageWithCauses, type Telemetry } from '../telemetry/telemetry.ts'
import type { Errand, ErrandKind } from './errand.ts'
import type { Counts, ErrandEngine, Job } from './errand-engine.ts'
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
  /**
   * The same errand again, not before then. A repeat that is already waiting for an earlier time keeps it. `repeats` is
   * what the next execution finds in its context; without it, one more than in this one.
   */
  | { readonly againAt: Instant; readonly repeats?: number }

export type ErrandContext = {
  readonly cid: Cid
  readonly permit: Permit
  /** How often a handler asked for a later execution of this errand, or threw. The first time it is 0. */
  readonly repeats: number
}
export type Handlers = {
  readonly [Kind in ErrandKind]: (errand: Extract<Errand, { kind: Kind }>, context: ErrandContext) => Promise<Settled>
}

/** The calls to one chat are one instance's at a time. A port. */
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
  turnsOfInstances,
  clock,
  telemetry,
}: {
  readonly handlers: Handlers
  readonly engine: ErrandEngine
  /** Turns at a chat within this instance, which its screens take as well. */
  readonly turns: Turns<ChatId>
  /** Turns of instances at a chat. */
  readonly turnsOfInstances: ChatTurns
  readonly clock: Clock
  readonly telemetry: Telemetry
}) {
  async function inTurn(chat: ChatId | undefined, work: () => Promise<Settled>): Promise<Settled | 'busy'> {
    if (chat === undefined) return await work()
    return await turns.take(chat, () => turnsOfInstances.inTurn(chat, work))
  }

  const exclusion = createExclusion()

  /** A job that may have ended a process is executed with no other beside it, so that it takes none along. */
  async function run(job: Job, permit: Permit): Promise<void> {
    if (!job.isSuspect) return await exclusion.shared(() => execute(job, permit))
    await exclusion.alone(async () => {
      mustBeFresh(permit)
      const deaths = await engine.beginAlone(job)
      try {
        if (deaths >= deathsMax) await shelve(job, permit, 'each attempt ended the process', deaths)
        else await execute(job, permit)
      } finally {
        await engine.endAlone(job)
      }
    })
  }

  async function execute(job: Job, permit: Permit): Promise<void> {
    const { errand, cid, repeats } = job
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
      return await repeat(job, permit, outcome.againAt, { repeats: outcome.repeats ?? repeats + 1, failures: 0 })
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
    telemetry.emit('ERRAND_FAILED', { kind: errand.kind, cid, error: reason, attempt: failures })
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
    if (isShelved) telemetry.emit('ERRAND_SHELVED', { kind: job.errand.kind, cid: job.cid, error: reason })
    mustBeFresh(permit)
  }

  return {
    /** Works until `signal` aborts; resolves when no errand is being executed any more. */
    async work(permit: Permit, signal: AbortSignal): Promise<void> {
      const working = await engine.start((job) => run(job, permit))
      try {
        // An engine that stopped by itself is a failure of this duty, which is then started again.
        await untilAborted(signal, working.ended)
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

/** The chat that is called. A file is fetched from Telegram; what follows from it is shown in a turn of its own. */
const chatOf = (errand: Errand): ChatId | undefined =>
  'chat' in errand && errand.kind !== 'take_file' ? errand.chat : undefined
