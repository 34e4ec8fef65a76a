import type pg from 'pg'
import type { DueErrand, Errand } from '../../errands/errand.ts'
import type { Job } from '../../errands/errand-engine.ts'
import { isAwaited } from '../../errands/errand-jobs.ts'
import { FenceLost } from '../../faults.ts'
import type { Clock } from '../../kit/clock.ts'
import type { ChatId } from '../../kit/ids.ts'
import { messageWithCauses, type Telemetry } from '../../telemetry/telemetry.ts'

/**
 * The shortest way from a step to what a person waits for with a finger on the screen. Such an errand is written down
 * as being in the hands of this instance already (to the engine it is a job that one of its workers has taken), and is
 * carried out as soon as the step has committed, without being looked for.
 *
 * Everything else about it stays the engine's: when this instance dies, the next leader frees what was in its hands;
 * what fails is given back and tried again; only one of a chat is taken at a time, so that later drawings of a screen
 * still replace each other while they wait.
 *
 * An instance that lives may lose its work for as long as its database is away, and nobody else frees what is in its
 * hands. So what became of an errand and could not be written down by the end is written when the work begins anew.
 */
export type ErrandHandOver = {
  /** Under this name the engine's table knows what is in hand. */
  readonly hands: string
  /** What one step takes; the step says in the end what became of it. */
  begin(): Taking
  /** From now on errands may be taken; `run` carries one out. What is owed from before is written down. */
  open(run: (job: Job) => Promise<void>): void
  /** Takes nothing more; resolves when nothing is being carried out. What the database does not take now is owed. */
  close(): Promise<void>
}
export type Taking = {
  readonly hands: string
  /** Whether this errand is taken. */
  takes(due: DueErrand): boolean
  wrote(jobs: readonly Job[]): void
  /** `unknown`: the commit was sent and never answered. */
  end(how: 'committed' | 'rolled_back' | 'unknown'): void
}

/** What became of errands in hand, as a statement. */
type Note = { readonly doing: string; readonly text: string; readonly values: readonly unknown[] }

/** So many are in hand at the same time; the others are the engine's. */
const inHandMax = 64
const retryMs = 500

export function createErrandHandOver({
  pool,
  schema,
  hands,
  clock,
  telemetry,
}: {
  readonly pool: pg.Pool
  readonly schema: string
  readonly hands: string
  readonly clock: Clock
  readonly telemetry: Telemetry
}): ErrandHandOver {
  const jobs = `${schema}_jobs._private_jobs`
  const SETTLE = `delete from ${jobs} where id = any($1::bigint[]) and locked_by = $2`
  // What the engine does with a job that failed: it waits e to the power of its attempts, in seconds.
  const GIVE_BACK = `
    update ${jobs} set locked_by = null, locked_at = null, last_error = $3, attempts = attempts - $4::int,
           run_at = now() + exp(least(attempts - $4::int, 10)) * interval '1 second'
     where id = $1 and locked_by = $2`
  const FREE = `
    update ${jobs} set locked_by = null, locked_at = null, attempts = 0 where id = any($1::bigint[]) and locked_by = $2`

  let run: ((job: Job) => Promise<void>) | undefined
  let inHand = 0
  const chats = new Set<ChatId>()
  const working = new Set<Promise<void>>()
  let settled: string[] = []
  let settling: Promise<void> | undefined
  let owed: Note[] = []

  async function carryOut(job: Job): Promise<void> {
    const { id } = job
    if (run === undefined) {
      letGo(job.errand)
      return await free([id])
    }
    try {
      await run(job)
      settled.push(id)
    } catch (error) {
      // An attempt of whoever may not make one does not count.
      const uncounted = error instanceof FenceLost ? 1 : 0
      const why = messageWithCauses(error).slice(0, 2_000)
      own(insist({ doing: 'giving back an errand', text: GIVE_BACK, values: [id, hands, why, uncounted] }))
    } finally {
      letGo(job.errand)
    }
    if (settled.length > 0) settling ??= settle()
    await settling
  }

  /** What is settled while a statement is on its way shares the next one. */
  async function settle(): Promise<void> {
    while (settled.length > 0) {
      const ids = settled
      settled = []
      await insist({ doing: 'settling errands', text: SETTLE, values: [ids, hands] })
    }
    // In the turn that has seen that nothing is left: whoever comes a moment later begins anew.
    settling = undefined
  }

  const free = (ids: readonly string[]) => insist({ doing: 'freeing errands', text: FREE, values: [ids, hands] })

  /**
   * Until the database has taken it, or there is no more time: then it is owed. Whoever was declared dead meanwhile owes
   * nothing any more: the errand is in other hands or in none, and the note finds nothing.
   */
  async function insist(note: Note): Promise<void> {
    const { doing, text, values } = note
    for (let tries = 1; ; tries++) {
      try {
        await pool.query({ name: `trt_${doing.replaceAll(' ', '_')}`, text, values: [...values] })
        return
      } catch (error) {
        if (tries === 1) telemetry.caught(error, doing)
        if (run === undefined) return void owed.push(note)
      }
      await clock.sleep(retryMs)
    }
  }

  function own(work: Promise<void>): void {
    const owned = work.finally(() => working.delete(owned))
    working.add(owned)
  }

  function letGo(errand: Errand): void {
    inHand -= 1
    if ('chat' in errand) chats.delete(errand.chat)
  }

  return {
    hands,
    begin() {
      const taken: Errand[] = []
      let written: readonly Job[] = []
      return {
        hands,
        takes({ errand, at }) {
          if (run === undefined || at !== undefined || !isAwaited(errand) || inHand >= inHandMax) return false
          if ('chat' in errand) {
            if (chats.has(errand.chat)) return false
            chats.add(errand.chat)
          }
          inHand += 1
          taken.push(errand)
          return true
        },
        wrote(more) {
          written = [...written, ...more]
        },
        end(how) {
          if (how === 'committed') {
            for (const each of written) own(carryOut(each))
            return
          }
          for (const errand of taken) letGo(errand)
          if (how === 'unknown' && written.length > 0) own(free(written.map(({ id }) => id)))
        },
      }
    },
    open(work) {
      run = work
      const notes = owed
      owed = []
      for (const note of notes) own(insist(note))
    },
    async close() {
      run = undefined
      while (working.size > 0) await Promise.all(working)
    },
  }
}
