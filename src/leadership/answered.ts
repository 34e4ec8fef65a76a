import type { Clock } from '../kit/clock.ts'

/** The answer of an authority, or a rejection when it is silent for so long. A socket alone would wait for ever. */
export async function answered<T>(
  who: 'the database' | 'Redis',
  work: Promise<T>,
  clock: Clock,
  ms: number,
  signal?: AbortSignal,
): Promise<T> {
  const over = new AbortController()
  const either = signal === undefined ? over.signal : AbortSignal.any([over.signal, signal])
  work.catch(() => undefined)
  const late = clock.sleep(ms, either).then(() => {
    throw new Error(`${who} did not answer within ${Math.round(ms)} ms`)
  })
  late.catch(() => undefined)
  try {
    return await Promise.race([work, late])
  } finally {
    over.abort()
  }
}
