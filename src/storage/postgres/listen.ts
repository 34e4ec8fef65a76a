import type pg from 'pg'

const channelOf = (schema: string): string => `${schema}_stored`

/** Tells whoever works that something was stored; a standby calls it once a batch. Lost rings are covered by a look. */
export async function ringStored(pool: pg.Pool, schema: string): Promise<void> {
  await pool.query('select pg_notify($1, $2)', [channelOf(schema), '']).catch(() => undefined)
}

/** Calls `wake` at every ring, on a connection of its own; rejects when the connection ends. */
export async function listenStored(
  connect: () => Promise<pg.Client>,
  schema: string,
  wake: () => void,
  signal: AbortSignal,
): Promise<void> {
  const client = await connect()
  try {
    client.on('notification', wake)
    await client.query(`listen ${channelOf(schema)}`)
    wake()
    await new Promise<void>((resolve, reject) => {
      client.once('end', () => reject(new Error('the listening connection ended')))
      if (signal.aborted) resolve()
      else signal.addEventListener('abort', () => resolve(), { once: true })
    })
  } finally {
    await client.end().catch(() => undefined)
  }
}
