import pg from 'pg'
import type { Clock } from '../../kit/clock.ts'
import { StorageFault } from '../../store.ts'
import { messageWithCauses, type Telemetry } from '../../telemetry/telemetry.ts'

/**
 * The connections. Each purpose has its own, so that a busy step never keeps an update from being stored:
 * 1 for intake, 1 that listens, 1 for the lock (leadership/), the rest for steps and errands.
 */
export type Database = {
  readonly schema: string
  readonly work: pg.Pool
  readonly intake: pg.Pool
  /** A connection of its own, not from a pool; the caller ends it. */
  connect(owner: string): Promise<pg.Client>
  end(): Promise<void>
}

/** Milliseconds a statement of a step may take. */
const statementMs = 8_000
/** A transaction that waits for its own program longer than this is broken off by the server. */
const idleInTransactionMs = 5_000
const connectMs = 5_000
/** A committed update is worth two seconds of waiting, not more: then Telegram keeps it. */
export const intakeMs = 2_000
/** Connections besides the work pool: intake, listen, lock, console and probes. */
const reserved = 4

// int8 comes as text from pg; our numbers fit a double exactly, and one that does not must not be rounded in silence.
pg.types.setTypeParser(pg.types.builtins.INT8, (text) => {
  const n = Number(text)
  if (!Number.isSafeInteger(n)) throw new Error(`a number of the database is too large: ${text}`)
  return n
})

export function openDatabase({
  url,
  schema,
  maxConn,
  clock,
  telemetry,
}: {
  readonly url: string
  readonly schema: string
  readonly maxConn: number
  readonly clock: Clock
  readonly telemetry: Telemetry
}): Database {
  const common = {
    connectionString: url,
    connectionTimeoutMillis: connectMs,
    keepAlive: true,
    application_name: `trt ${schema}`,
    options: `-c search_path=${schema} -c idle_in_transaction_session_timeout=${idleInTransactionMs}`,
  }
  const work = new pg.Pool({ ...common, max: Math.max(2, maxConn - reserved), statement_timeout: statementMs })
  const intake = new pg.Pool({
    ...common,
    max: 1,
    connectionTimeoutMillis: intakeMs,
    statement_timeout: intakeMs,
    query_timeout: intakeMs,
  })
  for (const [owner, pool] of [
    ['work', work],
    ['intake', intake],
  ] as const) {
    // Without a listener, a connection that ends while idle would end the process.
    const lost = (error: Error) => telemetry.tell('DB_CONNECTION_LOST', { owner, error: messageWithCauses(error) })
    pool.on('error', lost)
    // A connection that is in somebody's hands reports to the statement that fails; this only keeps the process alive.
    pool.on('connect', (client) => client.on('error', () => undefined))
  }
  watchWaits(work, clock, telemetry)
  return {
    schema,
    work,
    intake,
    async connect(owner) {
      const client = new pg.Client({ ...common, application_name: `trt ${schema} ${owner}` })
      client.on('error', (error) => telemetry.tell('DB_CONNECTION_LOST', { owner, error: messageWithCauses(error) }))
      await client.connect()
      return client
    },
    async end() {
      await Promise.all([work.end(), intake.end()])
    },
  }
}

/** Says when somebody waited for a connection longer than a second. */
function watchWaits(pool: pg.Pool, clock: Clock, telemetry: Telemetry): void {
  const connect = pool.connect.bind(pool) as () => Promise<pg.PoolClient>
  const timed = async (): Promise<pg.PoolClient> => {
    const started = clock.monotonicMs()
    const client = await connect()
    const waitedMs = Math.round(clock.monotonicMs() - started)
    if (waitedMs > 1_000) {
      telemetry.tell('DB_POOL_WAIT', {
        waited_ms: waitedMs,
        in_use: pool.totalCount - pool.idleCount,
        waiting: pool.waitingCount,
      })
    }
    return client
  }
  // pg calls connect with a callback from pool.query; that door stays as it is.
  pool.connect = ((callback?: Parameters<pg.Pool['connect']>[0]) =>
    callback === undefined
      ? timed()
      : (pool.constructor.prototype as pg.Pool).connect.call(pool, callback)) as pg.Pool['connect']
}

/**
 * Whether the database (and not our statement) is to blame: the connection, a restart, a deadlock, a serialization
 * failure, a time limit, no room. Such work is tried again and counts against nobody.
 */
export function isWorldFault(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (/^(08|53|57|58|40)/.test(code) || code === '55P03' || code === '25P03' || code === '25P02') return true
  if (/^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|ENOENT|EACCES|EHOST|ENET)/.test(code)) return true
  return /Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error|not queryable/.test(
    error.message,
  )
}

export const asStorageFault = (error: unknown, doing: string): unknown =>
  isWorldFault(error) ? new StorageFault(`the database failed while ${doing}`, { cause: error }) : error
