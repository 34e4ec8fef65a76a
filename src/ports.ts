import type { Config } from './config/config.ts'
import { type ArtifactSource, uploadBytesMax } from './delivery/artifact-source.ts'
import type { ChatGateway } from './delivery/chat-gateway.ts'
import type { ScreenNotes } from './delivery/screen-notes.ts'
import type { ArrivalReads } from './dispatch/arrival-reads.ts'
import type { ReadPorts } from './dispatch/reads.ts'
import type { ErrandEngine } from './errands/errand-engine.ts'
import { errandKinds } from './errands/errand-jobs.ts'
import type { ChatTurns } from './errands/runner.ts'
import type { KieGateway } from './generation/kie-gateway.ts'
import type { OpenOrders } from './generation/sweep-orders.ts'
import type { PoolFigures } from './health/problems.ts'
import { createFetcher, type Fetcher } from './http/fetcher.ts'
import { resolveHost } from './http/public-address.ts'
import type { Claims, Inbox } from './inbox/inbox.ts'
import { createKieClient } from './kie/client.ts'
import { fileHosts } from './kie/file-hosts.ts'
import type { Clock, Instant } from './kit/clock.ts'
import { type BotId, type InstanceId, newSecret, type PersonId, type TopUpId } from './kit/ids.ts'
import { createPostgresLock, type LockTimes } from './leadership/postgres-lock.ts'
import { createRedisLock, type RedisLockTimes, redisKeyOf } from './leadership/redis-lock.ts'
import type { Instances } from './lifecycle/instances.ts'
import type { Leadership } from './lifecycle/leadership.ts'
import type { TopUp } from './money/top-up.ts'
import type { OpenAlert } from './operators/operators.ts'
import type { Person } from './people/person.ts'
import type { DatabaseFacts, ResolvedHost, ShopTerms } from './preflight/preflight.ts'
import { claimAlert, openAlerts } from './storage/postgres/alerts.ts'
import { createArrivalReads } from './storage/postgres/arrival-reads.ts'
import { createChatTurns } from './storage/postgres/chat-turns.ts'
import { type Database, openDatabase } from './storage/postgres/database.ts'
import { endOnAbort } from './storage/postgres/end-on-abort.ts'
import { createErrandEngine } from './storage/postgres/errand-engine.ts'
import { createReadFigures } from './storage/postgres/figures.ts'
import { createPostgresInbox, tryToStore } from './storage/postgres/inbox.ts'
import { createPostgresClaims } from './storage/postgres/inbox-claims.ts'
import { pruneInbox } from './storage/postgres/inbox-step.ts'
import { createPostgresInstances } from './storage/postgres/instances.ts'
import { listenStored, notifyStored } from './storage/postgres/listen.ts'
import { lockKeys } from './storage/postgres/lock-keys.ts'
import { type Migrated, migrate, readMigrations } from './storage/postgres/migrate.ts'
import { createPostgresOpenOrders } from './storage/postgres/open-orders.ts'
import { createPostgresPeople } from './storage/postgres/people.ts'
import { noteMilestone, readDatabaseFacts, readLeader } from './storage/postgres/preflight.ts'
import { createPostgresScreenNotes } from './storage/postgres/screen-notes.ts'
import { sealJournal } from './storage/postgres/seal-journal.ts'
import { keptSecret, worldOfSchema } from './storage/postgres/secrets.ts'
import { noteShopSettings } from './storage/postgres/shop-settings.ts'
import {
  createPostgresStore,
  createStatementNames,
  inTransaction,
  readPortsOn,
  sqlOf,
} from './storage/postgres/store.ts'
import { createPostgresTopUps } from './storage/postgres/top-ups.ts'
import { areThereUnheardAlerts } from './storage/postgres/unheard-alerts.ts'
import { knownWebhookKeys, useWebhookKey } from './storage/postgres/webhook-keys.ts'
import type { Store } from './store.ts'
import type { TelegramAdmin } from './telegram/admin.ts'
import { createTelegramClient } from './telegram/client.ts'
import type { Telemetry } from './telemetry/telemetry.ts'
import type { Milestone } from './webhook/webhook.ts'
import type { KnownKey } from './webhook/webhook-keys.ts'
import type { LeaderFacts } from './webhook/webhook-verdicts.ts'

/**
 * Every way out of the service: the database, Telegram, KIE, other addresses, the leadership. `service.ts` puts the parts
 * together on these and on nothing else, so a wrapped `Ports` can watch, delay or cut every crossing. One flat object;
 * the types group it by the part of the service that needs it.
 */
export type Ports = BootPorts & IntakePorts & DispatchPorts & ErrandPorts & ArrivalPorts & RolePorts & WatchPorts

/** The checks of a start. */
export type BootPorts = {
  /** Reads what a start checks, before anything is written. An aborted signal ends what it waits for. */
  readonly inspectDatabase: (signal?: AbortSignal) => Promise<DatabaseFacts>
  /** An aborted signal ends what it waits for. */
  readonly migrate: (signal?: AbortSignal) => Promise<Migrated>
  readonly worldOfSchema: (mine: {
    readonly kind: 'sandbox' | 'live'
    readonly bot: BotId
  }) => ReturnType<typeof worldOfSchema>
  readonly keptSecret: (name: string, fresh: () => string) => Promise<string>
  /** Records what prices are made of, when it differs from what the start before recorded. */
  readonly noteShopSettings: (shop: ShopTerms) => Promise<void>
  /** The paths and tokens that Telegram was given since then. */
  readonly knownWebhookKeys: (since: Instant) => Promise<readonly KnownKey[]>
  readonly useWebhookKey: (key: KnownKey) => Promise<void>
  /** Without leading: true for the one instance that is to send it. */
  readonly claimAlert: (alert: OpenAlert, toldBefore: Instant) => Promise<boolean>
}

/** Payments to be allowed, and callbacks of KIE. */
export type IntakePorts = {
  /** One indexed read, outside of any step: for the fast lane. */
  readonly readTopUp: (id: TopUpId) => Promise<TopUp | undefined>
  readonly readPerson: (id: PersonId) => Promise<Person | undefined>
  readonly engine: ErrandEngine
}

/** An update is handled, and what it draws is shown. */
export type DispatchPorts = {
  readonly inbox: Inbox
  readonly arrivals: ArrivalReads
  /** What is committed, outside of any step: nothing may be concluded from it for writing. */
  readonly committed: ReadPorts
  readonly claims: Claims
  readonly store: Store
  readonly screenNotes: ScreenNotes
  readonly chat: ChatGateway
  /** Calls `wake` when another instance stored an update, until the signal aborts. */
  readonly listen: (wake: () => void, signal: AbortSignal) => Promise<void>
  readonly notifyStored: () => Promise<void>
}

/** Generation and delivery. */
export type ErrandPorts = {
  readonly store: Store
  readonly engine: ErrandEngine
  /** Where work is shared: the calls to one chat are one instance's at a time. */
  readonly turns: ChatTurns
  readonly kie: KieGateway
  readonly artifacts: ArtifactSource
  readonly telegram: Pick<TelegramAdmin, 'getStarTransactions'>
  readonly openOrders: OpenOrders
}

/** How Telegram brings updates. */
export type ArrivalPorts = {
  readonly telegram: TelegramAdmin
  /** Records what the leader has done in its epoch, for diagnosis. Never rejects. */
  readonly noteMilestone: (milestone: Milestone, epoch: number) => Promise<void>
}

/** Who leads, who works, and what the leader clears away. */
export type RolePorts = {
  readonly leadership: Leadership
  readonly instances: Instances
  readonly sealJournal: (at: Instant) => Promise<void>
  readonly pruneInbox: (before: Instant) => Promise<number>
  end(): Promise<void>
}

/** Health, metrics, alerts, and what an instance does for itself. */
export type WatchPorts = {
  readonly store: Store
  readonly chat: Pick<ChatGateway, 'sayBusy'>
  readonly telegram: TelegramAdmin
  readonly readFigures: ReturnType<typeof createReadFigures>
  readonly poolFigures: () => PoolFigures
  /** Commits a row as an update is committed, and leaves nothing behind. */
  readonly tryToStore: () => Promise<void>
  /** Takes back connections that were forgotten, and logs when others wait in vain; every second or two. */
  readonly sweepConnections: () => void
  /** Who leads, by the row that every leader renews. */
  readonly readLeader: () => Promise<LeaderFacts | undefined>
  /** What the operators were alerted to and has not passed. */
  readonly openAlerts: () => Promise<readonly OpenAlert[]>
  /** Whether an alert waits for one of these operators. */
  readonly areThereUnheardAlerts: (operators: readonly PersonId[]) => Promise<boolean>
  readonly claimAlert: BootPorts['claimAlert']
  /** Makes a connection each for what comes first: an update, a step. */
  readonly warmDatabase: () => Promise<void>
  readonly listen: DispatchPorts['listen']
  /** What this machine makes of the names of KIE's file hosts. */
  readonly resolveFileHosts: () => Promise<readonly ResolvedHost[]>
}

export type PortsDeps = {
  readonly databaseUrl: string
  readonly schema: string
  readonly maxConn: number
  readonly bot: BotId
  readonly freeDaily: number
  /** Of the shop's day. */
  readonly timezone: string
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
  /** Called after a commit that left something to be handled which this instance has not claimed. */
  readonly onStored: () => void
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
  const database = openDatabase({ url: deps.databaseUrl, schema, maxConn: deps.maxConn, clock, telemetry })
  const { work, intake, monitor, checkouts } = database
  // The engine listens on a connection of its own for as long as it works.
  const enginePool = checkouts.poolFor('the errand engine', { keeps: true })
  const engine = createErrandEngine({
    pool: enginePool,
    schema,
    kinds: errandKinds,
    instance: deps.instance,
    clock,
    telemetry,
  })
  const telegram = createTelegramClient({ token: deps.botToken, apiRoot: deps.telegramApiRoot, clock })
  const fetcher = createFetcher({ clock, allowOrigin: [new URL(deps.kieApiUrl).origin] })
  const kie = createKieClient({ apiUrl: deps.kieApiUrl, uploadUrl: deps.kieUploadUrl, key: deps.kieKey, clock })
  const freeDaily = () => deps.freeDaily

  return {
    inbox: createPostgresInbox({ pool: intake, schema, instance: deps.instance, onStored: deps.onStored, clock }),
    arrivals: createArrivalReads({ pool: work, bot, freeDaily }),
    committed: readPortsOn(sqlOf(work, createStatementNames()), { bot, freeDaily }),
    claims: createPostgresClaims({ pool: checkouts.poolFor('a claim'), schema, instance: deps.instance, clock }),
    screenNotes: createPostgresScreenNotes(monitor, clock),
    store: createPostgresStore({ database, bot, freeDaily }),
    openOrders: createPostgresOpenOrders(sqlOf(work), schema),
    engine,
    leadership: createLeadership(deps, database),
    instances: createPostgresInstances({ ...deps, monitor, steps: checkouts.poolFor('the instances') }),
    turns: createChatTurns({ session: database.turns, schema, clock }),
    chat: telegram,
    telegram,
    kie,
    artifacts: createArtifactSource({ fetcher, kie }),
    readTopUp: (id) => createPostgresTopUps(sqlOf(intake), { bot }).get(id),
    readPerson: (id) => createPostgresPeople(sqlOf(intake)).get(id),
    readFigures: createReadFigures({ pool: monitor, schema, timezone: deps.timezone, clock }),
    poolFigures: checkouts.figures,
    tryToStore: () => tryToStore(intake),
    sweepConnections: checkouts.sweep,
    inspectDatabase: (signal) =>
      readDatabaseFacts(
        async () => {
          const client = await database.connect('preflight')
          endOnAbort(signal, client)
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
    noteMilestone: (milestone, epoch) => noteMilestone(work, milestone, epoch, clock.now()).catch(() => undefined),
    readLeader: () => readLeader(monitor, schema),
    openAlerts: () => openAlerts(monitor),
    areThereUnheardAlerts: (operators) => areThereUnheardAlerts(monitor, operators),
    claimAlert: (alert, toldBefore) => claimAlert(monitor, alert, toldBefore),
    knownWebhookKeys: (since) => knownWebhookKeys(monitor, since),
    useWebhookKey: (key) => useWebhookKey(monitor, key),
    resolveFileHosts: () =>
      Promise.all(fileHosts({ apiUrl: deps.kieApiUrl, uploadUrl: deps.kieUploadUrl }).map((host) => resolveHost(host))),
    async warmDatabase() {
      await Promise.all([intake.query('select 1'), work.query('select 1'), work.query('select 1')])
    },
    async sealJournal(at) {
      await inTransaction(checkouts.poolFor('the seal'), (sql) => sealJournal(sql, at))
    },
    pruneInbox: (before) => pruneInbox(work, before),
    listen: (wake, signal) => listenStored(() => database.connect('listen'), schema, wake, signal),
    notifyStored: () => notifyStored(work, schema),
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
      telemetry.emit('LOCK_HOLDER_ENDED', { holder, silent_ms: silentMs }),
    ...(lockTimes === undefined ? {} : { times: lockTimes }),
  }
  return lock.backend === 'postgres'
    ? createPostgresLock({ ...common, leaderKeys: lockKeys(schema, 'leader') })
    : createRedisLock({ ...common, ...lock, key: redisKeyOf(schema), mintToken: newSecret })
}
