/**
 * Who leads. A port with one engine per authority; there is never a fall-through from one to another.
 *
 * Promises, held by `test/contracts/leadership-contract.ts`:
 * - at most one holder at a time;
 * - a holder learns that it lost the leadership before anyone else may hold it (`isFresh` turns false first);
 * - a killed holder is replaced at once, a frozen one within its lease;
 * - each acquisition raises the epoch.
 */
export interface Leadership {
  /**
   * Waits until this instance leads. `onWaiting` is called with who leads instead, at first and when that changes.
   * Resolves with undefined when `signal` aborts. Rejects when the authority cannot be asked.
   */
  acquire(signal: AbortSignal, onWaiting: (holder: Holder) => void): Promise<Held | undefined>
}

export type Holder = { readonly instance: string; readonly since: string }

export interface Held {
  readonly epoch: number
  /** Whether the leadership was free at the very first try. */
  readonly how: 'immediate' | 'takeover'
  readonly waitedMs: number
  /** False as soon as the lease may have run out, by the monotonic clock. */
  isFresh(): boolean
  /** Resolves with the reason when the leadership is gone. */
  readonly lost: Promise<string>
  /** Gives it back; `skipped` when there was nothing to give back any more. */
  release(): Promise<'released' | 'skipped'>
}
