import { createHash } from 'node:crypto'
import type { Chance } from './world.ts'

/** Numbers that depend on the seed and a key alone, so that two runs with one seed look the same. */
export function createChance(seed: string): Chance {
  return {
    of(key) {
      const digest = createHash('sha256').update(`${seed}\0${key}`).digest()
      return digest.readUIntBE(0, 6) / 2 ** 48
    },
  }
}
