/** What is said of many measurements: their middle, and what one in a hundred exceeds. In milliseconds. */
export type Latency = { readonly count: number; readonly p50: number; readonly p99: number }

export function latencyOf(samplesMs: readonly number[]): Latency {
  const sorted = [...samplesMs].sort((a, b) => a - b)
  return { count: sorted.length, p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) }
}

/** The value that the given part of the sorted measurements does not exceed; NaN without measurements. */
function quantile(sorted: readonly number[], part: number): number {
  const index = Math.min(sorted.length - 1, Math.ceil(part * sorted.length) - 1)
  return sorted[Math.max(0, index)] ?? Number.NaN
}

export const median = (values: readonly number[]): number =>
  quantile(
    [...values].sort((a, b) => a - b),
    0.5,
  )
