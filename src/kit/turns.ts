/** One at a time for each key, in the order of asking; the map holds only keys that somebody waits for. */
export type Turns<Key> = {
  isTaken(key: Key): boolean
  /** Begins in this very turn of the event loop when nobody is before us. */
  take<T>(key: Key, work: () => Promise<T>): Promise<T>
}

export function createTurns<Key>(): Turns<Key> {
  const last = new Map<Key, Promise<unknown>>()
  return {
    isTaken: (key) => last.has(key),
    async take(key, work) {
      const before = last.get(key)
      const mine = before === undefined ? work() : before.then(work, work)
      const settled = mine.catch(() => undefined)
      last.set(key, settled)
      try {
        return await mine
      } finally {
        if (last.get(key) === settled) last.delete(key)
      }
    },
  }
}
