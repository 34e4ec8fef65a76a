/**
 * What must be given back at the end, last-first, each exactly once, all of them even when one fails.
 * The first failure is thrown after the rest has been released.
 */
export class Releasers {
  readonly #steps: { readonly name: string; readonly release: () => void | Promise<void> }[] = []

  add(name: string, release: () => void | Promise<void>): void {
    this.#steps.push({ name, release })
  }

  async releaseAll(): Promise<void> {
    const failures: unknown[] = []
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step.release()
      } catch (cause) {
        failures.push(new Error(`releasing ${step.name}`, { cause }))
      }
    }
    if (failures.length > 0) throw failures[0]
  }
}
