import type { Telemetry } from './telemetry.ts'

/** Facts that are true only once the step has committed: collected inside it, emitted after it. */
export type Facts = { add(fact: (telemetry: Telemetry) => void): void; emit(): void }

export function createFacts(telemetry: Telemetry): Facts {
  const facts: ((telemetry: Telemetry) => void)[] = []
  return {
    add: (fact) => {
      facts.push(fact)
    },
    emit: () => {
      for (const fact of facts.splice(0)) fact(telemetry)
    },
  }
}
