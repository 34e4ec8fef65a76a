import type { InstanceId } from '../kit/ids.ts'
import type { Role } from './lifecycle.ts'

/**
 * The instances that run beside one another, each with a row that it keeps alive. A port, implemented by
 * `storage/postgres/instances.ts`.
 *
 * Promises, held by `test/contracts/shared-work.test.ts`:
 * - a declaration waits for the steps of the dead that are under way, and lets none begin after it;
 * - what the dead had claimed is free when the declaration is committed;
 * - an instance that beats in time is never declared dead.
 */
export interface Instances {
  /**
   * Writes this instance down as alive, in a new incarnation; lanes it had claimed in a former one are free.
   */
  announce(incarnation: number, about: About): Promise<void>
  /** Says that it lives. False when it was declared dead meanwhile: it must announce itself anew. */
  beat(incarnation: number, role: Role): Promise<boolean>
  /** It goes in order: the row goes, and what was claimed is free. */
  leave(): Promise<void>
  /** The others that have not been heard for so long. */
  silent(forMs: number): Promise<readonly Silent[]>
  /** Declares those dead that still are silent, behind the fence; says who they were. */
  declareDead(suspects: readonly InstanceId[], silentMs: number): Promise<readonly Silent[]>
  /** Frees lanes claimed by an instance that has no row; says how many. */
  freeLanes(): Promise<number>
}

export type About = { readonly work: 'exclusive' | 'shared'; readonly role: Role }
export type Silent = { readonly instance: InstanceId; readonly silentMs: number }
