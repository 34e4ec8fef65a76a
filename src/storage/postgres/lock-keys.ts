import { createHash } from 'node:crypto'

/** What advisory locks are taken for; `fence` is held shared by every step and exclusively by an acquisition. */
export type LockPurpose = 'migrations' | 'leader' | 'fence'

/** Two signed 32-bit numbers, as PostgreSQL's advisory locks want them: one per bot, one per purpose. */
export function lockKeys(schema: string, purpose: LockPurpose): readonly [number, number] {
  const digest = createHash('sha256').update(`trt/${schema}/${purpose}`).digest()
  return [digest.readInt32BE(0), digest.readInt32BE(4)]
}
