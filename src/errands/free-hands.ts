import type { Telemetry } from '../telemetry/telemetry.ts'
import type { ErrandEngine } from './errand-engine.ts'

/**
 * Frees the errands that are held under names of which `isGone` is true: nobody carries them out any more, and whoever
 * works takes them next.
 */
export async function freeHands(
  engine: Pick<ErrandEngine, 'holders' | 'unlock'>,
  isGone: (holder: string) => boolean,
  telemetry: Telemetry,
): Promise<void> {
  const gone = (await engine.holders()).filter(isGone)
  if (gone.length === 0) return
  await engine.unlock(gone)
  telemetry.tell('ERRANDS_UNLOCKED', { workers: gone.length })
}
