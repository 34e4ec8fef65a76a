import type { InstanceId } from '../kit/ids.ts'
import type { Role } from './lifecycle.ts'

/**
 * The instances that run beside one another, each with a row that it keeps alive. A port, implemented by
 * `storage/postgres/instances.ts`.
 *
 * An instance may work when it shares the work or leads. Promises, held by `test/contracts/shared-work.test.ts`:
 * - a declaration of death waits for the steps of the dead that are under way, and lets none begin after it;
 * - what an instance had claimed is free when it may not work any more; what was in hand at its death is known as such;
 * - an instance that beats in time is never declared dead.
 */
export interface Instances {
  /** Writes this instance down as alive, in a new incarnation; lanes it had claimed in a former one are free. */
  announce(incarnation: number, about: About): Promise<void>
  /** Says that it lives. */
  beat(incarnation: number, role: Role): Promise<Beat>
  /** It ends in order: the row goes, and what was claimed is free. */
  leave(): Promise<void>
  /** The others that have not been heard for so long. */
  silent(forMs: number): Promise<readonly Silent[]>
  /** Declares those dead that still are silent, behind the fence; says who they were. */
  declareDead(suspects: readonly InstanceId[], silentMs: number): Promise<readonly Silent[]>
  /** Frees lanes claimed by instances that may not work, and counts an interruption of what they had in hand. */
  freeLanes(): Promise<number>
}

export type Beat = {
  /** False when it was declared dead meanwhile: it must announce itself anew. */
  readonly isAlive: boolean
  /** How long ago an instance died; undefined when none has for a while. */
  readonly deathMsAgo: number | undefined
  /** No other instance has a row. */
  readonly isAlone: boolean
}
export type About = { readonly work: 'exclusive' | 'shared'; readonly role: Role }
export type Silent = { readonly instance: InstanceId; readonly silentMs: number }
