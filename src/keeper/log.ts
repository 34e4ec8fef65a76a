import { closeSync, copyFileSync, openSync, readSync, statSync, truncateSync } from 'node:fs'
import type { Clock } from '../kit/clock.ts'

/** What the keeper did, for the person who reads keeper.log. */
export type Log = (sentence: string) => void

/** Lines with the time, on standard error, which is keeper.log. */
export function createLog(clock: Clock): Log {
  return (sentence) => {
    process.stderr.write(`${new Date(clock.now()).toISOString()} ${sentence}\n`)
  }
}

export const logBytesMax = 8 * 1024 * 1024

/**
 * Keeps a log that processes append to within its limit: beyond it, its text moves to `<file>.1` and it starts empty.
 * Appending goes on in the same file, so nobody needs to open it again.
 */
export function boundLog(file: string): void {
  if (sizeOf(file) <= logBytesMax) return
  copyFileSync(file, `${file}.1`)
  truncateSync(file, 0)
}

export function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0
}

/** What was appended after `offset`, at most the last 64 KiB of it. */
export function readFrom(file: string, offset: number): string {
  const end = sizeOf(file)
  const start = Math.max(offset > end ? 0 : offset, end - 65_536)
  if (end <= start) return ''
  const descriptor = openSync(file, 'r')
  try {
    const bytes = Buffer.alloc(end - start)
    return bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, start)).toString('utf8')
  } finally {
    closeSync(descriptor)
  }
}

/** The line of a program's output that says why it ended: the first that speaks of an error, otherwise the last. */
export function reasonIn(output: string): string {
  const lines = output.split('\n').map((text) => text.trim())
  return (
    lines.find((text) => /\b(error|fatal|panic)\b/i.test(text)) ??
    lines.findLast((text) => text !== '') ??
    'it said nothing'
  )
}
