import type { Fault, Faults, FaultTarget } from './world.ts'

/** The planned faults, in the order in which they were planned; each is used up by the calls it applies to. */
export interface PlannedFaults extends Faults {
  plan(fault: Fault, times: number): void
  list(): readonly (Fault & { readonly times_left: number })[]
  clear(): void
}

/** More would be a mistake of a script rather than a plan. */
const plannedFaultsMax = 1000

export function createFaults(): PlannedFaults {
  let planned: { readonly fault: Fault; left: number }[] = []
  return {
    plan(fault, times) {
      if (planned.length >= plannedFaultsMax) throw new Error(`more than ${plannedFaultsMax} planned faults`)
      planned.push({ fault, left: times })
    },
    take(on: FaultTarget, method: string) {
      const called = method.toLowerCase()
      const found = planned.find(
        ({ fault }) => fault.on === on && (fault.method === undefined || called.includes(fault.method.toLowerCase())),
      )
      if (found === undefined) return undefined
      found.left -= 1
      if (found.left <= 0) planned = planned.filter((entry) => entry !== found)
      return found.fault
    },
    list: () => planned.map(({ fault, left }) => ({ ...fault, times_left: left })),
    clear() {
      planned = []
    },
  }
}
