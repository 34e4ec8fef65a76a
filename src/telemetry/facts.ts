import type { Telemetry } from './telemetry.ts'

/** Facts that are true only once the step has committed: collected inside it, told after it. */
export type Facts = { add(fact: (telemetry: Telemetry) => void): void; tell(): void }

export function createFacts(telemetry: Telemetry): Facts {
  const facts: ((telemetry: Telemetry) => void)[] = []
  return {
    add: (fact) => {
      facts.push(fact)
    },
    tell: () => {
      for (const fact of facts.splice(0)) fact(telemetry)
    },
  }
}
