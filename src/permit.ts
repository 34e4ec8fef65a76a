import type { InstanceId } from './kit/ids.ts'

/**
 * The right to write: of the leader of an epoch, or, where work is shared, of an instance that is known to be alive. An
 * instance that was declared dead and lives announces itself anew, in another incarnation.
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
