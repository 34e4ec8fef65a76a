/** The first pause between a call that failed and its repeat, and the longest. */
const firstPauseMs = 2_000
const longestPauseMs = 300_000

/**
 * How long to wait before something outside is repeated: at most 2, 4, 8 … 300 seconds, and at least half of that, so
 * that what failed at the same moment is not repeated at the same moment. `random` gives a number from 0 up to 1.
 */
export function pauseAfter(repeats: number, random: () => number): number {
  const mostMs = Math.min(longestPauseMs, firstPauseMs * 2 ** repeats)
  return Math.round(mostMs * (1 - random() / 2))
}

/** How many of these pauses fit into this time: for what is repeated since a moment that is written down. */
export const repeatsWithin = (ms: number): number => Math.max(0, Math.floor(Math.log2(ms / firstPauseMs + 1)))
