import type { VirtualClock } from './world.ts'

/**
 * The sandbox's own time. It starts at the machine's time plus what earlier runs have advanced it by, goes on at
 * `rate` virtual milliseconds per real one, and never goes back. Jumping runs every timer that falls due on the way,
 * in order, each at its own moment, so a chain of timers behaves as it would have done by waiting.
 */
export interface DrivenClock extends VirtualClock {
  advance(ms: number): void
  /** 1 is real time, 0 stands still. */
  setRate(rate: number): void
  rate(): number
  /** Virtual minus real time in milliseconds: what has to be kept to go on after a restart. */
  offset(): number
  close(): void
}

/** The longest wait `setTimeout` understands. */
const realWaitMsMax = 2_147_483_647

type Timer = { readonly due: number; readonly run: () => void }

export function createVirtualClock(offsetMs: number): DrivenClock {
  const startedAt = Date.now() - performance.now()
  let rate = 1
  let virtualBase = Date.now() + offsetMs
  let realBase = performance.now()
  let timers: Timer[] = []
  let alarm: NodeJS.Timeout | undefined

  const now = () => Math.floor(virtualBase + (performance.now() - realBase) * rate)

  function rebase(virtual: number): void {
    virtualBase = virtual
    realBase = performance.now()
  }

  function arm(): void {
    if (alarm !== undefined) clearTimeout(alarm)
    alarm = undefined
    const next = timers[0]
    if (next === undefined) return
    const left = Math.max(0, next.due - now())
    // What is due runs although time stands still.
    if (left > 0 && rate === 0) return
    const wait = left === 0 ? 0 : Math.ceil(left / rate)
    alarm = setTimeout(runDue, Math.min(wait, realWaitMsMax))
    alarm.unref()
  }

  function runDue(): void {
    for (let next = timers[0]; next !== undefined && next.due <= now(); next = timers[0]) {
      timers.shift()
      next.run()
    }
    arm()
  }

  function insert(timer: Timer): void {
    let low = 0
    let high = timers.length
    while (low < high) {
      const middle = (low + high) >>> 1
      // Equal moments keep the order in which they were asked for.
      if ((timers[middle]?.due ?? 0) <= timer.due) low = middle + 1
      else high = middle
    }
    timers.splice(low, 0, timer)
    if (low === 0) arm()
  }

  return {
    now,
    after(ms, run) {
      const timer = { due: now() + Math.max(0, ms), run }
      insert(timer)
      return () => {
        const at = timers.indexOf(timer)
        if (at >= 0) timers.splice(at, 1)
      }
    },
    advance(ms) {
      const target = now() + ms
      for (let next = timers[0]; next !== undefined && next.due <= target; next = timers[0]) {
        timers.shift()
        rebase(Math.max(now(), next.due))
        next.run()
      }
      rebase(Math.max(now(), target))
      arm()
    },
    setRate(next) {
      rebase(now())
      rate = next
      arm()
    },
    rate: () => rate,
    offset: () => Math.round(now() - (startedAt + performance.now())),
    close() {
      timers = []
      if (alarm !== undefined) clearTimeout(alarm)
    },
  }
}
