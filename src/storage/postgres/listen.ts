import type pg from 'pg'
import { untilAborted } from '../../kit/wait.ts'

const channelOf = (schema: string): string => `${schema}_stored`

/** Notifies the instances that work that something was stored, once a batch. A lost notification is covered by a look. */
export async function notifyStored(pool: pg.Pool, schema: string): Promise<void> {
  await pool.query('select pg_notify($1, $2)', [channelOf(schema), '']).catch(() => undefined)
}

/** Calls `wake` at every notification, on a connection of its own; rejects when the connection ends. */
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
    const ended = Promise.withResolvers<never>()
    client.once('end', () => ended.reject(new Error('the listening connection ended')))
    await untilAborted(signal, ended.promise)
  } finally {
    await client.end().catch(() => undefined)
  }
}
