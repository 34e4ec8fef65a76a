import type { Lane } from '../kit/ids.ts'

/**
 * Keeps the order in which updates of a lane arrive until they are stored. Only one that finds nothing of its lane under
 * way may be handled on its arrival; what comes meanwhile is stored behind it. Otherwise it would be stored first while
 * the one before it is still being read.
 */
export function createArrivalOrder() {
  const lanes = new Map<Lane, { readonly first: Promise<void>; count: number }>()
  return async function inOrder(
    lane: Lane,
    arrive: () => Promise<void> | undefined,
    store: () => Promise<void>,
  ): Promise<void> {
    const before = lanes.get(lane)
    const mine = before === undefined ? (arrive() ?? store()) : before.first.then(store, store)
    const underWay = before ?? { first: mine, count: 0 }
    underWay.count += 1
    lanes.set(lane, underWay)
    try {
      await mine
    } finally {
      underWay.count -= 1
      if (underWay.count === 0) lanes.delete(lane)
    }
  }
}
