import pg from 'pg'
import { StorageFault } from '../../faults.ts'
import type { Clock } from '../../kit/clock.ts'
import { withTimeout } from '../../kit/wait.ts'
import { messageWithCauses, type Telemetry } from '../../telemetry/telemetry.ts'
import { type Checkouts, watchCheckouts } from './checkouts.ts'

/**
 * The connections. Each purpose has its own, so that a busy step never keeps an update from being stored, nor the
 * figures from being read: 1 for intake, 1 that listens, 1 for the lock (leadership/), 1 that monitor, 1 for turns at chats,
 * the rest for steps and errands.
 */
export type Database = {
  readonly schema: string
  /** Whoever writes when something is due says in how long: the database's clock is another one. */
  readonly clock: Clock
  readonly work: pg.Pool
  readonly intake: pg.Pool
  /** For figures and probes, and for notes that need not wait for the disk. */
  readonly monitor: pg.Pool
  /** One session that stays, for what is held without a transaction. */
  readonly turns: pg.Pool
  /** Who holds what of `work`. */
  readonly checkouts: Checkouts
  /** A connection of `work` for one transaction; the caller releases it. Long waits for one are told. */
  take(): Promise<pg.PoolClient>
  /** A connection of its own, not from a pool; the caller ends it. */
  connect(owner: string): Promise<pg.Client>
  end(): Promise<void>
}

// Every statement finds its rows by key, so one plan is right for all parameters; planning each execution anew takes twice
// as long as executing it.
const planOnce = '-c plan_cache_mode=force_generic_plan'
// Such a plan stays while its table grows from nothing, until the server counts the rows again. What the intake waits for
// must be right all the time: one row after the other, by index.
const planByKey = '-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off'

/** Milliseconds a statement of a step may take. */
const statementMs = 8_000
/** The same seen from here: a server that is frozen, or gone without a word, breaks nothing off by itself. */
const answerMs = 10_000
/** So long the server may take to say goodbye. */
const closeTimeoutMs = 1_000
/** A transaction that waits for its own program longer than this is broken off by the server. */
const idleInTransactionMs = 5_000
const connectMs = 5_000
/** A committed update is worth two seconds of waiting, connecting included; after that Telegram keeps it. */
const intakeConnectMs = 800
const intakeMs = 1_200
/** Connections besides the work pool: intake, listen, lock, monitor, turns at chats. */
const reserved = 5

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
  const open = new Set<ClosableClient>()
  class Client extends ClosableClient {
    constructor(config?: string | pg.ClientConfig) {
      super(config)
      open.add(this)
      this.once('end', () => open.delete(this))
    }
    override destroyAfter(ms: number): () => void {
      return clock.after(ms, () => this.destroy())
    }
  }
  const common = {
    Client,
    connectionString: url,
    connectionTimeoutMillis: connectMs,
    keepAlive: true,
    application_name: `trt ${schema}`,
    options: `-c search_path=${schema} ${planOnce} -c idle_in_transaction_session_timeout=${idleInTransactionMs}`,
  }
  const work = new pg.Pool({
    ...common,
    max: Math.max(2, maxConn - reserved),
    statement_timeout: statementMs,
    query_timeout: answerMs,
    // Statements that do not need each other's answers share a round trip.
    pipeline: true,
  })
  const intake = new pg.Pool({
    ...common,
    max: 1,
    // Kept open: the update that comes after a quiet minute shall not wait for a new connection.
    idleTimeoutMillis: 0,
    connectionTimeoutMillis: intakeConnectMs,
    statement_timeout: intakeMs,
    query_timeout: intakeMs,
    pipeline: true,
    options: `${common.options} ${planByKey}`,
  })
  const monitor = new pg.Pool({
    ...common,
    max: 1,
    statement_timeout: statementMs,
    query_timeout: answerMs,
    // What is written here need only survive our own death: heartbeats, what Telegram answered.
    options: `${common.options} ${planByKey} -c synchronous_commit=off`,
  })
  const turns = new pg.Pool({ ...common, max: 1, idleTimeoutMillis: 0, query_timeout: answerMs })
  const checkouts = watchCheckouts(work, { clock, telemetry })
  const steps = checkouts.poolFor('a step')
  for (const [owner, pool] of [
    ['work', work],
    ['intake', intake],
    ['monitor', monitor],
    ['turns', turns],
  ] as const) {
    // Without a listener, a connection that ends while idle would end the process.
    pool.on('error', (error) => telemetry.emit('DB_CONNECTION_LOST', { owner, error: messageWithCauses(error) }))
    pool.on('connect', (client) => {
      // A connection that is in somebody's hands reports to the statement that fails; this keeps the process alive.
      client.on('error', () => undefined)
    })
  }
  return {
    schema,
    clock,
    work,
    intake,
    monitor,
    turns,
    checkouts,
    async take() {
      const started = clock.monotonicMs()
      const client = await steps.connect()
      tellWait(work, clock.monotonicMs() - started, telemetry)
      return client
    },
    async connect(owner) {
      const client = new Client({ ...common, application_name: `trt ${schema} ${owner}` })
      client.on('error', (error) => telemetry.emit('DB_CONNECTION_LOST', { owner, error: messageWithCauses(error) }))
      await client.connect()
      return client
    },
    async end() {
      const ended = Promise.all([work.end(), intake.end(), monitor.end(), turns.end()])
      // A pool ends when the last connection was given back; one that nobody gives back keeps nobody, and one that is
      // still being made, or whose server does not answer any more, is cut.
      const over = new AbortController()
      const late = clock.sleep(closeTimeoutMs, over.signal).then(async () => {
        checkouts.reclaimAll()
        await clock.sleep(closeTimeoutMs, over.signal)
        for (const client of open) client.destroy()
      })
      await ended
      over.abort()
      await late
      await closeAll(open, clock)
    },
  }
}

/** One connection for a command that only reads; the caller ends it. What fails on it is the caller's to tell. */
export async function connectOnce({
  url,
  schema,
  owner,
}: {
  readonly url: string
  readonly schema: string
  readonly owner: string
}): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: connectMs,
    query_timeout: statementMs,
    application_name: `trt ${schema} ${owner}`,
    options: `-c search_path=${schema} -c idle_in_transaction_session_timeout=${idleInTransactionMs}`,
  })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

/** Says when somebody waited for a connection longer than a second. */
function tellWait(pool: pg.Pool, waitedMs: number, telemetry: Telemetry): void {
  if (waitedMs <= 1_000) return
  telemetry.emit('DB_POOL_WAIT', {
    waited_ms: Math.round(waitedMs),
    in_use: pool.totalCount - pool.idleCount,
    waiting: pool.waitingCount,
  })
}

/**
 * A connection whose goodbye is short: a server that does not answer any more would keep whoever waits for it, and the
 * process, for ever.
 */
abstract class ClosableClient extends pg.Client {
  /** Cuts it after so long, unless the returned function is called before. */
  abstract destroyAfter(ms: number): () => void

  destroy(): void {
    this.connection.stream.destroy()
  }

  override end(): Promise<void>
  override end(callback: (error: Error) => void): void
  override end(callback?: (error: Error) => void): Promise<void> | undefined {
    this.once('end', this.destroyAfter(closeTimeoutMs))
    if (callback === undefined) return super.end()
    super.end(callback)
    return undefined
  }
}

/** Until every connection is closed; each has its time to say goodbye. */
async function closeAll(open: ReadonlySet<ClosableClient>, clock: Clock): Promise<void> {
  const gone = Promise.all([...open].map((client) => new Promise((resolve) => client.once('end', resolve))))
  await withTimeout(clock, closeTimeoutMs, gone)
  for (const client of open) client.destroy()
}

/**
 * Whether the database (and not our statement) is to blame: the connection, a restart, a deadlock, a serialization
 * failure, a time limit, no room, a standby that only reads. Such work is tried again and counts against nobody.
 */
export function isWorldFault(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (/^(08|53|57|58|40)/.test(code) || ['55P03', '25P03', '25006'].includes(code)) return true
  if (/^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|ENOENT|EACCES|EHOST|ENET)/.test(code)) return true
  return /Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error|not queryable/.test(
    error.message,
  )
}

/** The server went silent in the middle of something; what it still does on this connection is not ours to know. */
export const isSilence = (error: unknown): boolean => error instanceof Error && error.message === 'Query read timeout'

export const asStorageFault = (error: unknown, doing: string): unknown =>
  isWorldFault(error) ? new StorageFault(`the database failed while ${doing}`, { cause: error }) : error
