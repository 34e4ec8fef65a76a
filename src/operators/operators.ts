import type { Instant } from '../kit/clock.ts'
import type { Cid, PersonId } from '../kit/ids.ts'

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

/** An alert that reached no operator: each has blocked the bot, or never pressed Start. */
export type UnheardAlert = {
  readonly operator: PersonId
  readonly says: string
  readonly cid: Cid
  readonly at: Instant
}

/** Where they wait. A port, used inside a step's transaction. */
export interface UnheardAlerts {
  /** Of each operator the newest hundred. */
  keep(alert: UnheardAlert): Promise<void>
  /** Takes what waits for those of these operators who talk to the bot now, the oldest first. */
  take(operators: readonly PersonId[]): Promise<readonly UnheardAlert[]>
}
