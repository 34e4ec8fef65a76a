/** Work that runs beside other work, and work that runs alone. What runs alone waits for the rest, and the rest for it. */
export type Exclusion = {
  shared<T>(work: () => Promise<T>): Promise<T>
  /** One after the other, in the order of asking; what asks to share later begins after it. */
  alone<T>(work: () => Promise<T>): Promise<T>
}

export function createExclusion(): Exclusion {
  const sharing = new Set<Promise<unknown>>()
  /** The end of the last one that runs, or waits to run, alone. */
  let lastAlone: Promise<unknown> | undefined

  async function alone<T>(before: Promise<unknown> | undefined, work: () => Promise<T>): Promise<T> {
    await before
    while (sharing.size > 0) await Promise.all(sharing)
    return await work()
  }

  return {
    async shared(work) {
      while (lastAlone !== undefined) await lastAlone
      const mine = work()
      const settled = mine.catch(() => undefined)
      sharing.add(settled)
      try {
        return await mine
      } finally {
        sharing.delete(settled)
      }
    },
    async alone(work) {
      const mine = alone(lastAlone, work)
      const settled = mine.catch(() => undefined)
      lastAlone = settled
      try {
        return await mine
      } finally {
        if (lastAlone === settled) lastAlone = undefined
      }
    },
  }
}
