import type { Clock } from '../kit/clock.ts'
import { untilAborted } from '../kit/wait.ts'
import { toFault } from './fault.ts'
import type { Log } from './log.ts'
import type { Running } from './process.ts'

/**
 * Keeps one process running from the first `ensure` until `end`: when it is gone it is started again, ever more slowly
 * while it does not live long. A first start that fails is the failure of whoever asked; the next one asks anew.
 *
 *   idle ── ensure ─► starting ─► running ── gone ─► starting …     end, from anywhere ─► ended
 */
export class Supervised<R extends Running> {
  readonly #name: string
  readonly #start: () => Promise<R>
  readonly #stop: (running: R) => Promise<boolean>
  readonly #guard: (running: R) => () => void
  readonly #clock: Clock
  readonly #log: Log
  readonly #ending = new AbortController()
  /** The process that runs or is being started. */
  #current: Promise<R> | undefined
  #watch: Promise<void> = Promise.resolve()

  constructor(deps: {
    readonly name: string
    readonly start: () => Promise<R>
    readonly stop: (running: R) => Promise<boolean>
    /** Called for each process that runs; what it returns is called when that process is gone. */
    readonly guard: (running: R) => () => void
    readonly clock: Clock
    readonly log: Log
  }) {
    this.#name = deps.name
    this.#start = deps.start
    this.#stop = deps.stop
    this.#guard = deps.guard
    this.#clock = deps.clock
    this.#log = deps.log
  }

  /** Whether it runs or is being started. */
  get wanted(): boolean {
    return this.#current !== undefined
  }

  /** The running process; starts it when it does not run. */
  async ensure(): Promise<R> {
    if (this.#ending.signal.aborted) throw new Error(`${this.#name} is being stopped`)
    if (this.#current !== undefined) return await this.#current
    const first = this.#start()
    this.#current = first
    try {
      const running = await first
      this.#watch = this.#keep(running)
      return running
    } catch (error) {
      this.#current = undefined
      throw error
    }
  }

  /** Stops it and waits until it is gone. */
  async end(): Promise<void> {
    this.#ending.abort()
    const running = await this.#current?.catch(() => undefined)
    if (running !== undefined) {
      const gone = await this.#stop(running)
      this.#log(gone ? `${this.#name}, pid ${running.pid}, is stopped.` : `${this.#name} does not stop.`)
    }
    await this.#watch
  }

  async #keep(first: R): Promise<void> {
    let pauseMs = pauseMsMin
    let startedAt = this.#clock.monotonicMs()
    let running: R | undefined = first
    while (!this.#ending.signal.aborted) {
      if (running !== undefined) {
        const unguard = this.#guard(running)
        await untilAborted(this.#ending.signal, running.gone)
        unguard()
      }
      if (this.#ending.signal.aborted) return
      if (this.#clock.monotonicMs() - startedAt > steadyMs) pauseMs = pauseMsMin
      this.#log(`${this.#name} is gone; starting it again in ${pauseMs} ms.`)
      const next = this.#again(pauseMs)
      this.#current = next
      running = await next.catch((error: unknown) => {
        this.#log(`${this.#name} did not start: ${toFault(error, 'restart').message}`)
        return undefined
      })
      startedAt = this.#clock.monotonicMs()
      pauseMs = Math.min(pauseMs * 2, pauseMsMax)
    }
  }

  async #again(pauseMs: number): Promise<R> {
    await this.#clock.sleep(pauseMs, this.#ending.signal)
    if (this.#ending.signal.aborted) throw new Error(`${this.#name} is being stopped`)
    return await this.#start()
  }
}

const pauseMsMin = 100
const pauseMsMax = 10_000
const steadyMs = 60_000
