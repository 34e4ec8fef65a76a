/**
 * A process ends by itself when nothing is open any more. One that something keeps open would stay until somebody kills
 * it, so the guard names what keeps it open and ends it.
 */
const graceMs = 2_000

/** Called when all work is done and every part is released; `complain` writes at once. */
export function startExitGuard(complain: (line: string) => void): void {
  const timer = setTimeout(() => {
    const open = process.getActiveResourcesInfo().filter((name) => name !== 'TTYWrap' && name !== 'PipeWrap')
    complain(
      `This process was done ${graceMs / 1000} s ago and is held by ${open.join(', ') || 'nothing that is known'}; it ends.`,
    )
    process.exit()
  }, graceMs)
  timer.unref()
}
