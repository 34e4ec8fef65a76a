import type { Sql } from './sql.ts'

/**
 * Ends the session of the holder of the leadership by hand, and nothing else: exactly the backend that the holder named,
 * and only while it is still that holder. The lock ends with the session; an instance that waits for it gets it at once.
 */
const FREE = `
  with meant as (
    select backend_pid
      from leadership
      join pg_stat_activity a on a.pid = backend_pid and a.backend_start = leadership.backend_start
     where holder = $1 and ($2::int is null or renewed_at < clock_timestamp() - $2 * interval '1 millisecond')
       for update of leadership skip locked)
  select pg_terminate_backend(backend_pid, 2000) as ended from meant`

/** `silentMs`: only when the holder has been silent for so long. False: it is not so any more, or it is gone already. */
export async function endHolder(sql: Sql, holder: string, silentMs?: number): Promise<boolean> {
  const { rows } = await sql.query<{ ended: boolean }>(FREE, [holder, silentMs ?? null])
  return rows[0]?.ended === true
}
