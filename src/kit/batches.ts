/** Groups items into batches, one batch at a time: what is added until a batch begins, or while it is under way, goes together. */
export type Batches<Item> = {
  add(item: Item): void
  /** Items that are in no batch yet. */
  waiting(): number
  /** Takes out what is in no batch yet. */
  takeWaiting(): Item[]
}

export function createBatches<Item>({
  run,
  itemsMax,
  begins = setImmediate,
  bytesMax = Number.POSITIVE_INFINITY,
  bytesOf = () => 0,
}: {
  /** Must not reject. */
  readonly run: (batch: readonly Item[]) => Promise<void>
  readonly itemsMax: number
  /** Calls back when the first batch after a rest is to begin; without it, when this turn of the loop is over. */
  readonly begins?: (run: () => void) => void
  /** A batch ends before the item that would exceed it; an item that is larger by itself is a batch of one. */
  readonly bytesMax?: number
  readonly bytesOf?: (item: Item) => number
}): Batches<Item> {
  const waiting: Item[] = []
  let state: 'idle' | 'scheduled' | 'running' = 'idle'

  async function runAll(): Promise<void> {
    state = 'running'
    while (waiting.length > 0) await run(nextBatch())
    state = 'idle'
  }

  function nextBatch(): readonly Item[] {
    let bytes = 0
    let count = 0
    for (const item of waiting) {
      bytes += bytesOf(item)
      if (count > 0 && bytes > bytesMax) break
      count += 1
      if (count === itemsMax) break
    }
    return waiting.splice(0, count)
  }

  return {
    add(item) {
      waiting.push(item)
      if (state !== 'idle') return
      state = 'scheduled'
      begins(() => void runAll())
    },
    waiting: () => waiting.length,
    takeWaiting: () => waiting.splice(0),
  }
}
