import type { Instant } from '../kit/clock.ts'

/** What operators were told of, and what has not passed yet. */
export type OpenCause = {
  readonly key: string
  readonly says: string
  readonly size: number
  readonly since: Instant
  readonly toldAt: Instant
}

/** Where that is kept. A port, used inside a step's transaction. */
export interface OperatorCauses {
  save(cause: OpenCause): Promise<void>
  close(key: string): Promise<void>
}
