import type { KeptSession } from '../dispatch/sessions.ts'
import type { Cid } from '../kit/ids.ts'
import type { DueErrand, Errand } from './errand.ts'

/** An errand in hand. */
export type Job = {
  /** Its name in the engine. */
  readonly id: string
  readonly errand: Errand
  readonly cid: Cid
  readonly attempt: number
  readonly attemptsMax: number
  /** How often it has asked to come again. */
  readonly repeats: number
  /** The conversation as the step left it a moment ago. */
  readonly drawing?: KeptSession
}

/** Keeps errands and hands them out. A port, implemented by `storage/postgres/errand-engine.ts`. */
export interface ErrandEngine {
  /**
   * Hands out due errands until `stop` has resolved. A rejection of `run` is a failed attempt, and one with `FenceLost`
   * is none: the errand is whoever's it is now. `ended` rejects when the engine gave up by itself.
   */
  start(run: (job: Job) => Promise<void>): Promise<{
    /** Under this name it holds what it has in hand. */
    readonly holder: string
    readonly stop: () => Promise<void>
    readonly ended: Promise<void>
  }>
  /**
   * Writes the errand down again for later; a waiting one with an earlier time keeps its time. `of` is the one that was
   * carried out: when a newer one has taken its place meanwhile, nothing is written, because the newer one knows more.
   */
  again(errand: DueErrand, of?: Pick<Job, 'id' | 'attempt'>): Promise<void>
  /** The names under which errands are held now. */
  holders(): Promise<readonly string[]>
  /** Frees what these hold, because nobody carries it out any more. */
  unlock(dead: readonly string[]): Promise<void>
  /**
   * Puts right what is left when an errand changes hands at the wrong moment: a queue that is held although nothing of
   * it is in hand, an errand given up for a newer one. Says how much there was.
   */
  tidy(): Promise<number>
}
