import type { Config } from './config/config.ts'
import { type ArtifactSource, uploadBytesMax } from './delivery/artifact-source.ts'
import type { ChatGateway } from './delivery/chat-gateway.ts'
import type { DueErrand, ErrandKind } from './errands/errand.ts'
import type { ChatTurns, ErrandEngine } from './errands/runner.ts'
import type { KieGateway } from './generation/kie-gateway.ts'
import type { OpenOrders } from './generation/sweep-orders.ts'
import { createFetcher, type Fetcher } from './http/fetcher.ts'
import type { Claims, Inbox } from './inbox/inbox.ts'
import type { KnownKey } from './intake/webhook-keys.ts'
import { createKieClient } from './kie/client.ts'
import type { Clock, Instant } from './kit/clock.ts'
import { type BotId, type InstanceId, newSecret, type PersonId, type TopUpId } from './kit/ids.ts'
import { createPostgresLock, type LockTimes } from './leadership/postgres-lock.ts'
import { createRedisLock, type RedisLockTimes, redisKeyOf } from './leadership/redis-lock.ts'
import type { PoolFigures } from './lifecycle/health.ts'
import type { Instances } from './lifecycle/instances.ts'
import type { Leadership } from './lifecycle/leadership.ts'
import type { OpenCause } from './lifecycle/operator-watch.ts'
import type { DatabaseFacts, ShopTerms } from './lifecycle/preflight.ts'
import type { Deed, LeaderFacts } from './lifecycle/webhook-verdicts.ts'
import type { TopUp } from './money/top-up.ts'
import type { Person } from './people/person.ts'
import { createChatTurns } from './storage/postgres/chat-turns.ts'
import { type Database, openDatabase } from './storage/postgres/database.ts'
import { createErrandEngine } from './storage/postgres/errand-engine.ts'
import { createErrandHandOver } from './storage/postgres/errand-hand-over.ts'
import { createPostgresErrands } from './storage/postgres/errands.ts'
import { createReadFigures } from './storage/postgres/figures.ts'
import { hangUpAt } from './storage/postgres/hang-up.ts'
import { createPostgresClaims, createPostgresInbox, pruneInbox } from './storage/postgres/inbox.ts'
import { createPostgresInstances, stepHandsOf } from './storage/postgres/instances.ts'
import { listenStored, ringStored } from './storage/postgres/listen.ts'
import { lockKeys } from './storage/postgres/lock-keys.ts'
import { type Migrated, migrate, readMigrations } from './storage/postgres/migrate.ts'
import { createPostgresOpenOrders } from './storage/postgres/open-orders.ts'
import { claimCause, openCauses } from './storage/postgres/operator-causes.ts'
import { createPostgresPeople } from './storage/postgres/people.ts'
import { noteDeed, readDatabaseFacts, readLeader } from './storage/postgres/preflight.ts'
import { sealJournal } from './storage/postgres/seal-journal.ts'
import { keptSecret, worldOfSchema } from './storage/postgres/secrets.ts'
import { noteShopSettings } from './storage/postgres/shop-settings.ts'
import { createPostgresStore, inTransaction, sqlOf } from './storage/postgres/store.ts'
import { createPostgresTopUps } from './storage/postgres/top-ups.ts'
import { knownWebhookKeys, useWebhookKey } from './storage/postgres/webhook-keys.ts'
import type { Store } from './store.ts'
import type { TelegramAdmin } from './telegram/admin.ts'
import { createTelegramClient } from './telegram/client.ts'
import type { Telemetry } from './telemetry/telemetry.ts'

/**
 * Every way out of the service: the database, Telegram, KIE, foreign addresses, the leadership. `service.ts` puts the
 * parts together on these and on nothing else, so whoever holds a `Ports` can watch, delay or cut every crossing.
 */
export type Ports = {
  readonly inbox: Inbox
  readonly claims: Claims
  readonly store: Store
  readonly openOrders: OpenOrders
  readonly engine: ErrandEngine & { makeDue(errand: DueErrand): Promise<void> }
  readonly leadership: Leadership
  readonly instances: Instances
  /** Where work is shared: the calls to one chat are one instance's at a time. */
  readonly turns: ChatTurns
  readonly chat: ChatGateway
  readonly telegram: TelegramAdmin
  readonly kie: KieGateway
  readonly artifacts: ArtifactSource
  /** One indexed read, outside of any step: for the fast lane. */
  readonly readTopUp: (id: TopUpId) => Promise<TopUp | undefined>
  readonly readPerson: (id: PersonId) => Promise<Person | undefined>
  readonly readFigures: ReturnType<typeof createReadFigures>
  readonly poolFigures: () => PoolFigures
  /** Takes back connections that were forgotten, and says when others wait in vain; every second or two. */
  readonly sweepConnections: () => void
  /** What a preflight looks at, before anything is written. An aborted signal ends what it waits for. */
  readonly lookAtDatabase: (signal?: AbortSignal) => Promise<DatabaseFacts>
  /** An aborted signal ends what it waits for. */
  readonly migrate: (signal?: AbortSignal) => Promise<Migrated>
  readonly keptSecret: (name: string, fresh: () => string) => Promise<string>
  readonly worldOfSchema: (mine: {
    readonly kind: 'sandbox' | 'live'
    readonly bot: BotId
  }) => ReturnType<typeof worldOfSchema>
  /** Writes down what prices are made of, when it differs from what the start before wrote. */
  readonly noteShopSettings: (shop: ShopTerms) => Promise<void>
  /** What the leader has got done in its epoch, for whoever looks; failing is no trouble, so it never rejects. */
  readonly noteDeed: (deed: Deed, epoch: number) => Promise<void>
  /** Who leads, by the row that every leader renews. */
  readonly readLeader: () => Promise<LeaderFacts | undefined>
  /** What operators were told of and has not passed. */
  readonly openCauses: () => Promise<readonly OpenCause[]>
  /** Without leading: true for the one instance that is to tell it. */
  readonly claimCause: (cause: OpenCause, toldBefore: Instant) => Promise<boolean>
  /** The paths and tokens that Telegram was given since then. */
  readonly knownWebhookKeys: (since: Instant) => Promise<readonly KnownKey[]>
  readonly useWebhookKey: (key: KnownKey) => Promise<void>
  /** Makes a connection each for what comes first: an update, a step. */
  readonly warmDatabase: () => Promise<void>
  readonly sealJournal: (at: Instant) => Promise<void>
  readonly pruneInbox: (before: Instant) => Promise<number>
  /** Calls `wake` when another instance stored an update, until the signal aborts. */
  readonly listen: (wake: () => void, signal: AbortSignal) => Promise<void>
  readonly ringStored: () => Promise<void>
  end(): Promise<void>
}

export type PortsDeps = {
  readonly databaseUrl: string
  readonly schema: string
  readonly maxConn: number
  readonly bot: BotId
  readonly freeDaily: number
  readonly botToken: string
  readonly telegramApiRoot: string
  readonly kieKey: string
  readonly kieApiUrl: string
  readonly kieUploadUrl: string
  readonly instance: InstanceId
  readonly host: string
  readonly pid: number
  readonly lock: Config['lock']
  readonly work: Config['work']
  /** Other times than an operator gets, for drills. */
  readonly lockTimes?: LockTimes & RedisLockTimes
  readonly onStored: (isAnyWaiting: boolean) => void
  readonly clock: Clock
  readonly telemetry: Telemetry
}

const artifactMs = 60_000

/** A result is fetched where KIE says it is; when that link is dead, where KIE says it is now. */
function createArtifactSource({
  fetcher,
  kie,
}: {
  readonly fetcher: Fetcher
  readonly kie: KieGateway
}): ArtifactSource {
  const fetch = (url: string) =>
    fetcher.fetchFile(url, { maxBytes: uploadBytesMax, timeoutMs: artifactMs, accept: 'image' })
  return {
    async fetch(url) {
      const first = await fetch(url)
      if (first.kind !== 'not_done' || first.why !== 'gone') return first
      const fresh = await kie.freshLink(url)
      return fresh.kind === 'done' ? await fetch(fresh.value.url) : first
    },
  }
}

/** Opens nothing yet but pools and agents; the first call makes the first connection. */
export function openPorts(deps: PortsDeps): Ports {
  const { schema, bot, clock, telemetry } = deps
  const isShared = deps.work === 'shared'
  const database = openDatabase({ url: deps.databaseUrl, schema, maxConn: deps.maxConn, isShared, clock, telemetry })
  const { work, intake, looks, checkouts } = database
  // The engine listens on a connection of its own for as long as it works.
  const enginePool = checkouts.poolFor('the errand engine', { keeps: true })
  const handOver = createErrandHandOver({ pool: work, schema, hands: stepHandsOf(deps.instance), clock, telemetry })
  const engine = createErrandEngine({ pool: enginePool, schema, kinds: errandKinds, handOver, clock, telemetry })
  const telegram = createTelegramClient({ token: deps.botToken, apiRoot: deps.telegramApiRoot, clock })
  const fetcher = createFetcher({ clock, allowOrigin: [new URL(deps.kieApiUrl).origin] })
  const kie = createKieClient({ apiUrl: deps.kieApiUrl, uploadUrl: deps.kieUploadUrl, key: deps.kieKey, clock })
  const freeDaily = () => deps.freeDaily

  return {
    inbox: createPostgresInbox({
      pool: intake,
      onStored: deps.onStored,
      ...(isShared ? { claimAs: deps.instance } : {}),
    }),
    claims: createPostgresClaims(work, isShared ? deps.instance : undefined),
    store: createPostgresStore({ database, bot, freeDaily, handOver }),
    openOrders: createPostgresOpenOrders(sqlOf(work), schema),
    engine: { ...engine, makeDue: (errand) => createPostgresErrands(sqlOf(work), schema, clock).add([errand]) },
    leadership: createLeadership(deps, database),
    instances: createPostgresInstances({ ...deps, looks, steps: checkouts.poolFor('the instances') }),
    turns: createChatTurns({ session: database.turns, schema, clock }),
    chat: telegram,
    telegram,
    kie,
    artifacts: createArtifactSource({ fetcher, kie }),
    readTopUp: (id) => createPostgresTopUps(sqlOf(intake), { bot }).get(id),
    readPerson: (id) => createPostgresPeople(sqlOf(intake)).get(id),
    readFigures: createReadFigures({ pool: looks, schema, clock }),
    poolFigures: checkouts.figures,
    sweepConnections: checkouts.sweep,
    lookAtDatabase: (signal) =>
      readDatabaseFacts(
        async () => {
          const client = await database.connect('preflight')
          hangUpAt(signal, client)
          return client
        },
        schema,
        () => clock.now(),
      ),
    async migrate(signal) {
      const client = await database.connect('migrations')
      try {
        const migrated = await migrate(client, schema, await readMigrations(), { clock, signal })
        signal?.throwIfAborted()
        if (migrated.kind === 'ready') await engine.migrate()
        return migrated
      } finally {
        await client.end()
      }
    },
    keptSecret: (name, fresh) => keptSecret(work, name, fresh),
    worldOfSchema: (mine) => worldOfSchema(work, mine),
    noteShopSettings: ({ usdToRub, multiplier, starsPerRub, timezone, freeDaily }) =>
      noteShopSettings(work, { usdToRub, multiplier, starsPerRub, timezone, freeDaily }, clock.now()),
    noteDeed: (deed, epoch) => noteDeed(work, deed, epoch, clock.now()).catch(() => undefined),
    readLeader: () => readLeader(looks, schema),
    openCauses: () => openCauses(looks),
    claimCause: (cause, toldBefore) => claimCause(looks, cause, toldBefore),
    knownWebhookKeys: (since) => knownWebhookKeys(looks, since),
    useWebhookKey: (key) => useWebhookKey(looks, key),
    async warmDatabase() {
      await Promise.all([intake.query('select 1'), work.query('select 1'), work.query('select 1')])
    },
    async sealJournal(at) {
      await inTransaction(checkouts.poolFor('the seal'), (sql) => sealJournal(sql, at))
    },
    pruneInbox: (before) => pruneInbox(work, before),
    listen: (wake, signal) => listenStored(() => database.connect('listen'), schema, wake, signal),
    ringStored: () => ringStored(work, schema),
    end: database.end,
  }
}

/** By the one authority that the settings name. */
function createLeadership(
  { lock, lockTimes, schema, clock, instance, host, pid, telemetry }: PortsDeps,
  { connect }: Database,
): Leadership {
  const common = {
    connect,
    clock,
    instance,
    host,
    pid,
    fenceKeys: lockKeys(schema, 'fence'),
    onHolderEnded: (holder: string, silentMs: number) =>
      telemetry.tell('LOCK_HOLDER_ENDED', { holder, silent_ms: silentMs }),
    ...(lockTimes === undefined ? {} : { times: lockTimes }),
  }
  return lock.backend === 'postgres'
    ? createPostgresLock({ ...common, leaderKeys: lockKeys(schema, 'leader') })
    : createRedisLock({ ...common, ...lock, key: redisKeyOf(schema), mintToken: newSecret })
}

/** Every kind, as a table so that a new one does not compile until it stands here. */
const kinds: Readonly<Record<ErrandKind, true>> = {
  answer_tap: true,
  show_screen: true,
  show_progress: true,
  take_file: true,
  send_invoice: true,
  submit_task: true,
  watch_task: true,
  deliver: true,
  send_again: true,
  say: true,
  refund_stars: true,
  tell_operator: true,
}
const errandKinds = Object.keys(kinds).filter((kind): kind is ErrandKind => kind in kinds)
