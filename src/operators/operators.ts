import type { Instant } from '../kit/clock.ts'

/** What operators were told of, and what has not passed yet. */
export type OpenAlert = {
  readonly key: string
  readonly says: string
  readonly size: number
  readonly since: Instant
  readonly toldAt: Instant
}

/** Where that is kept. A port, used inside a step's transaction. */
export interface AlertStore {
  save(alert: OpenAlert): Promise<void>
  close(key: string): Promise<void>
  /** One more of what is counted under this key; gives how many there are since the first, which is as told `now`. */
  count(key: string, says: string, now: Instant): Promise<number>
}
