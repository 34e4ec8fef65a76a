/**
 * The points at which a process may die: every way out of the service, read from its ports and not from a list of ours.
 *
 * Each method of each port has two, `before:chat.send` and `after:chat.send`. Where a method calls back, the callback
 * has two more: `entered:store.transact` (the transaction is open) and `left:store.transact` (its work is done and not
 * committed). What a method hands out is watched like a port: `before:leadership.acquire.release`.
 */
export type Cross = (point: string) => void

/** Every point that can be read off the ports; those of callbacks and of what is handed out show when crossed. */
export function pointsOf(ports: object): readonly string[] {
  return waysOut(ports).flatMap((way) => [`before:${way}`, `after:${way}`])
}

/** The same ports; `cross` hears of every point before it is passed. */
export function watched<T extends object>(ports: T, cross: Cross): T {
  const names = namesOf(ports)
  return new Proxy(ports, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key)
      if (isFunction(value)) return crossing(String(key), value.bind(target), cross)
      return isObject(value) ? watchedPort(names.get(value) ?? String(key), value, cross) : value
    },
  })
}

function watchedPort(name: string, port: object, cross: Cross): object {
  return new Proxy(port, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key)
      return isFunction(value) ? crossing(`${name}.${String(key)}`, value.bind(target), cross) : value
    },
  })
}

function crossing(way: string, call: Callable, cross: Cross): Callable {
  return (...given) => {
    cross(`before:${way}`)
    const called = call(...given.map((each) => (isFunction(each) ? callback(way, each, cross) : each)))
    return afterwards(called, (result) => {
      cross(`after:${way}`)
      return handsOut(result) ? watchedPort(way, result, cross) : result
    })
  }
}

function callback(way: string, call: Callable, cross: Cross): Callable {
  return (...given) => {
    cross(`entered:${way}`)
    return afterwards(call(...given), (result) => {
      cross(`left:${way}`)
      return result
    })
  }
}

const afterwards = (called: unknown, then: (result: unknown) => unknown): unknown =>
  called instanceof Promise ? called.then(then) : then(called)

/** One object that serves as two ports is one port, under its first name. */
function namesOf(ports: object): ReadonlyMap<object, string> {
  const names = new Map<object, string>()
  for (const [name, port] of Object.entries(ports)) {
    if (isObject(port) && !names.has(port)) names.set(port, name)
  }
  return names
}

function waysOut(ports: object): readonly string[] {
  const names = namesOf(ports)
  return Object.entries(ports).flatMap(([name, port]) => {
    if (isFunction(port)) return [name]
    if (!isObject(port) || names.get(port) !== name) return []
    return Object.entries(port).flatMap(([method, value]) => (isFunction(value) ? [`${name}.${method}`] : []))
  })
}

type Callable = (...given: readonly unknown[]) => unknown
const isFunction = (value: unknown): value is Callable => typeof value === 'function'
const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null
const handsOut = (value: unknown): value is object =>
  isObject(value) && !Array.isArray(value) && Object.values(value).some(isFunction)
