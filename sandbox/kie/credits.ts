/** The account's credits: a number with fractions, 10,000 in a new world. */
import { z } from 'zod'
import type { Shelf } from '../world.ts'
import { roundCredits } from './models/price.ts'

const entry = z.object({ credits: z.number() })
const shelfKey = 'kie/credits'
const creditsAtFirst = 10_000

export function createCredits(shelf: Shelf) {
  const balance = (): number => entry.safeParse(shelf.get(shelfKey)).data?.credits ?? creditsAtFirst
  const set = (credits: number): void => shelf.put(shelfKey, { credits: roundCredits(credits) })
  return { balance, set, take: (credits: number) => set(balance() - credits) }
}
