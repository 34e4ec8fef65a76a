import { readFileSync } from 'node:fs'
import { Client } from 'pg'

/** The processor time of a process in milliseconds, its own and that of its children that have ended. */
export type ProcessorTime = { readonly parent: number; readonly ownMs: number; readonly childrenMs: number }

const msPerTick = 10

/** Undefined where there is no /proc, or no such process. */
export function processorTimeOf(pid: number | 'self'): ProcessorTime | undefined {
  try {
    const [, fields = ''] = /^.*\) (.*)$/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? []
    const numbers = fields.split(' ').map(Number)
    const msAt = (index: number) => ((numbers[index] ?? 0) + (numbers[index + 1] ?? 0)) * msPerTick
    return { parent: numbers[1] ?? 0, ownMs: msAt(11), childrenMs: msAt(13) }
  } catch {
    return undefined
  }
}

/** That of the PostgreSQL server at this address and of the sessions that have ended; 0 where it is not known. */
export async function processorTimeOfServer(url: string): Promise<number> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
    const session = processorTimeOf(rows[0]?.pid ?? 0)
    const server = session && processorTimeOf(session.parent)
    return server === undefined ? 0 : server.ownMs + server.childrenMs
  } finally {
    await client.end()
  }
}
