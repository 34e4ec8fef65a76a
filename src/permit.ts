import type { InstanceId } from './kit/ids.ts'

/**
 * The right to write. A worker's names an incarnation of an instance: it may work while it shares the work or leads. An
 * instance that was declared dead and lives announces itself anew, in another incarnation. A leader's names its epoch; it
 * is for what only the leader does.
 */
export type Permit = LeaderPermit | WorkerPermit
export type LeaderPermit = Fresh & { readonly kind: 'leader'; readonly epoch: number }
export type WorkerPermit = Fresh & {
  readonly kind: 'worker'
  readonly instance: InstanceId
  readonly incarnation: number
}
type Fresh = {
  /**
   * False as soon as the lease may have run out, or the instance may have been declared dead, by the monotonic clock.
   * Asked right before a call to the outside.
   */
  readonly isFresh: () => boolean
}
