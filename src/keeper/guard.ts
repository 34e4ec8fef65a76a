import { spawn } from 'node:child_process'
import { plainEnvironment } from './process.ts'

/**
 * A shell that waits for the end of this keeper and does nothing else. When the keeper was killed and no other one has
 * come within the grace, the shell ends what the keeper kept: nothing runs for ever because everyone was killed.
 */
export interface GuardOptions {
  readonly pid: number
  /** `INT`, `TERM`: what asks that process to end in good order. */
  readonly signal: 'INT' | 'TERM'
  /** Where a keeper that lives says its pid. */
  readonly addressFile: string
  readonly graceMs: number
}

/** $1 pid to end, $2 signal, $3 seconds of grace, $4 address file, $5 pid of this keeper. */
const script = `
read -r nothing
left=$3
while kill -0 "$1" 2>/dev/null; do
  keeper=$(sed -n 's/.*"pid":\\([0-9]*\\).*/\\1/p' "$4" 2>/dev/null)
  if [ -n "$keeper" ] && [ "$keeper" != "$5" ] && kill -0 "$keeper" 2>/dev/null; then exit 0; fi
  if [ "$left" -le 0 ]; then kill -s "$2" "$1" 2>/dev/null; exit 0; fi
  left=$((left - 1))
  sleep 1
done
`

/** The returned function sends the guard away. */
export function guardProcess({ pid, signal, addressFile, graceMs }: GuardOptions): () => void {
  const grace = String(Math.ceil(graceMs / 1000))
  // The far end of its input closes with this process, whatever ends it.
  const args = [`${pid}`, signal, grace, addressFile, `${process.pid}`]
  const guard = spawn('/bin/sh', ['-c', script, 'trt-guard', ...args], {
    env: plainEnvironment,
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  guard.on('error', () => {})
  guard.stdin?.on('error', () => {})
  return () => void guard.kill('SIGKILL')
}
