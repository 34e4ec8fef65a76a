import type pg from 'pg'

/** Ends the connection when the signal aborts, whatever is waited for on it: that rejects. */
export function hangUpAt(signal: AbortSignal | undefined, client: pg.Client): void {
  const hangUp = () => void client.end().catch(() => undefined)
  if (signal?.aborted) hangUp()
  signal?.addEventListener('abort', hangUp, { once: true })
  client.once('end', () => signal?.removeEventListener('abort', hangUp))
}
