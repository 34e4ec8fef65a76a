import type { ShopDay } from '../money/amount.ts'
import type { LossCause } from './loss.ts'

/** What health and the operators' alerts know of losses. */
export type LossFigures = {
  readonly day: ShopDay
  /** What the day's losses come to, the most frequent cause first. */
  readonly today: readonly DayOfCause[]
  /** What has ended with one cause since an order was last delivered without a loss, within 24 hours. */
  readonly inRow: readonly InRow[]
}
export type DayOfCause = {
  readonly cause: LossCause
  readonly count: number
  /** What KIE took, as far as it is known: a decimal string; null when it is known of none. */
  readonly credits: string | null
  readonly kopecks: number
  readonly firstCid: string
}
export type InRow = {
  readonly cause: LossCause
  /** Different stories: four results of one order are one. */
  readonly stories: number
  readonly firstCid: string
  readonly lastDetail: string
}
