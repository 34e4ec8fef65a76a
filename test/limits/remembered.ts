import path from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import v8 from 'node:v8'
import vm from 'node:vm'

/**
 * What the sources keep in maps, sets and arrays, seen while they run: the ways in which a collection grows are watched,
 * and the source file that first adds to one is its place. What nobody refers to any more is not counted.
 *
 * Not seen: objects used as dictionaries, arrays made anew by spreading, and what a library keeps.
 */
export type Remembered = {
  /** How many items are kept, by source file. */
  count(): Promise<ReadonlyMap<string, number>>
  stop(): void
}

type Collection = ReadonlyMap<unknown, unknown> | ReadonlySet<unknown> | readonly unknown[]

const sources = pathToFileURL(path.resolve(import.meta.dirname, '../../src')).href
const frame = new RegExp(`^.*${sources}/([^:]+):`)

export function watchRemembered(): Remembered {
  v8.setFlagsFromString('--expose-gc')
  const collectGarbage: () => void = vm.runInNewContext('gc')
  const { set } = Map.prototype
  const { add } = Set.prototype
  const { push } = Array.prototype
  /** Once a collection is in here it costs nothing more. The watcher itself uses no collection but these two. */
  const seen = new WeakSet<object>()
  const kept = new Set<{ readonly place: string; readonly ref: WeakRef<Collection> }>()

  function see(collection: Collection): void {
    if (seen.has(collection)) return
    seen.add(collection)
    const place = placeOf(new Error().stack ?? '')
    if (place !== undefined) add.call(kept, { place, ref: new WeakRef(collection) })
  }

  Map.prototype.set = function watched(this: Map<unknown, unknown>, key, value) {
    see(this)
    return set.call(this, key, value)
  }
  Set.prototype.add = function watched(this: Set<unknown>, value) {
    see(this)
    return add.call(this, value)
  }
  Array.prototype.push = function watched(this: unknown[], ...items) {
    see(this)
    return push.apply(this, items)
  }

  return {
    async count() {
      // What was looked at in this turn of the loop is kept until its end.
      await turn()
      collectGarbage()
      const counts = new Map<string, number>()
      for (const each of kept) {
        const collection = each.ref.deref()
        if (collection === undefined) kept.delete(each)
        else counts.set(each.place, (counts.get(each.place) ?? 0) + sizeOf(collection))
      }
      return counts
    },
    stop() {
      Map.prototype.set = set
      Set.prototype.add = add
      Array.prototype.push = push
    },
  }
}

const sizeOf = (collection: Collection): number => ('size' in collection ? collection.size : collection.length)

/** The caller of the watched method, when it is a source of ours. */
function placeOf(stack: string): string | undefined {
  const caller = stack.split('\n').find((line) => line.includes('file://') && !line.includes(import.meta.url))
  return caller === undefined ? undefined : frame.exec(caller)?.[1]
}
