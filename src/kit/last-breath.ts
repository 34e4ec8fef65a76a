/**
 * A process ends by itself when nothing is open any more. One that is held nevertheless would stay until somebody kills
 * it, so what holds it is named, and it ends.
 */
const heldMs = 2_000

/** Called when all work is done and every part is released; `complain` writes at once. */
export function endSoon(complain: (line: string) => void): void {
  const timer = setTimeout(() => {
    const held = process.getActiveResourcesInfo().filter((name) => name !== 'TTYWrap' && name !== 'PipeWrap')
    complain(
      `This process was done ${heldMs / 1000} s ago and is held by ${held.join(', ') || 'nothing that is known'}; it ends.`,
    )
    process.exit()
  }, heldMs)
  timer.unref()
}
