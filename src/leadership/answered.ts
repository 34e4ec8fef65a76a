import type { Clock } from '../kit/clock.ts'
import { late, withTimeout } from '../kit/wait.ts'

/** The answer of an authority, or a rejection when it is silent for so long. A socket alone would wait for ever. */
export async function answered<T>(
  who: 'the database' | 'Redis',
  work: Promise<T>,
  clock: Clock,
  ms: number,
  signal?: AbortSignal,
): Promise<T> {
  const answer = await withTimeout(clock, ms, work, signal)
  if (answer === late) throw new Error(`${who} did not answer within ${Math.round(ms)} ms`)
  return answer
}
