import type pg from 'pg'
import { onAbort } from '../../kit/wait.ts'

/** Ends the connection when the signal aborts, whatever is waited for on it: that rejects. */
export function endOnAbort(signal: AbortSignal | undefined, client: pg.Client): void {
  const cancel = onAbort(signal, () => void client.end().catch(() => undefined))
  client.once('end', cancel)
}
