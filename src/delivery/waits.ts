/** Where waits are kept. A port, used inside a step's transaction. */
export interface Waits {
  /** From now on; one that ends later stays. */
  set(scope: string, ms: number): Promise<void>
  /** Those that are not over, and how long they still last. */
  all(): Promise<readonly { readonly scope: string; readonly leftMs: number }[]>
}
