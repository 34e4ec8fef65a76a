import { compileCatalog } from './catalog/compile-catalog.ts'
import type { Catalog } from './catalog/offer.ts'
import type { Config } from './config/config.ts'
import { screenCount } from './conversation/routes.ts'
import type { Shop } from './conversation/screen.ts'
import { commandsFor } from './conversation/texts/commands-for.ts'
import { textsFor } from './conversation/texts/texts-for.ts'
import { createDeliver } from './delivery/deliver-artifacts.ts'
import { createOrderWords } from './delivery/order-words.ts'
import { createPacing } from './delivery/pacing.ts'
import { createShowProgress } from './delivery/show-progress.ts'
import { createShowScreen } from './delivery/show-screen.ts'
import { createSmallErrands } from './delivery/small-errands.ts'
import { createTellNow } from './delivery/tell-operators.ts'
import { createDispatcher } from './dispatch/dispatcher.ts'
import { createHandleUpdate } from './dispatch/handle-update.ts'
import { createRecordObservation } from './errands/record-observation.ts'
import { createRunner, type Handlers } from './errands/runner.ts'
import { type CreditsWatch, createCreditsWatch } from './generation/credits-watch.ts'
import { createOrderReferences } from './generation/order-reference.ts'
import { createSubmitTask } from './generation/submit-task.ts'
import { createSweepOrders } from './generation/sweep-orders.ts'
import { createWatchTask } from './generation/watch-task.ts'
import { listen } from './http/server.ts'
import { sniffPicture } from './http/sniff.ts'
import { createFastLane, type FastLaneDeps } from './intake/fast-lane.ts'
import { createKieCallback } from './intake/kie-callback.ts'
import { createAnswerNow, createTelegramPolling, type Polling } from './intake/telegram-polling.ts'
import { createTelegramIntake, type IntakeDeps } from './intake/telegram-webhook.ts'
import { createWebhookKeys, type WebhookKeys } from './intake/webhook-keys.ts'
import { createCallbackSignature } from './kie/callback-signature.ts'
import { buildMarketInput } from './kie/families/market.ts'
import { after, type Clock, type Instant, instant } from './kit/clock.ts'
import {
  type BotId,
  type InstanceId,
  newCid,
  newDraftId,
  newOrderId,
  newQuoteId,
  newSecret,
  personId,
} from './kit/ids.ts'
import { Releasers } from './kit/releasers.ts'
import { createCommandsKeeper } from './lifecycle/commands-keeper.ts'
import { every, type LeaderDuty, startDuties, type WorkDuty, workDuty } from './lifecycle/duties.ts'
import { createFiguresDuty } from './lifecycle/figures.ts'
import { createHealth } from './lifecycle/health.ts'
import { createIdentity } from './lifecycle/identity.ts'
import { createInstanceWatch } from './lifecycle/instance-watch.ts'
import { createLeaderWatch, type LeaderWatch } from './lifecycle/leader-watch.ts'
import { Lifecycle } from './lifecycle/lifecycle.ts'
import { type BeatTimes, beatTimes, Membership } from './lifecycle/membership.ts'
import { createOperatorWatch, refusedAgainMs, textOf } from './lifecycle/operator-watch.ts'
import {
  type DatabaseFacts,
  type Finding,
  judgeDatabase,
  judgeDatabaseFault,
  judgeIdentity,
  judgeProvider,
  judgeSchema,
  judgeSkew,
  judgeWorld,
  sentenceOf,
  warning,
} from './lifecycle/preflight.ts'
import { createUpkeep } from './lifecycle/upkeep.ts'
import { createWarmUp } from './lifecycle/warm-up.ts'
import { createWebhookKeeper, type WebhookKeeper, wantedUpdates } from './lifecycle/webhook-keeper.ts'
import { shopDaysIn } from './money/shop-day.ts'
import type { Ports } from './ports.ts'
import type { Permit } from './store.ts'
import { parseUpdate, peekUpdate } from './telegram/parse-update.ts'
import { createMetrics } from './telemetry/metrics.ts'
import type { Telemetry } from './telemetry/telemetry.ts'

/**
 * MAP: the whole service, put together in the order in which an update travels: intake, inbox, dispatch, errands,
 * generation, delivery; and what they stand on. Nothing else constructs.
 */
export type ServiceDeps = {
  readonly config: Config
  readonly world: RunningWorld
  /** Made by `ports.ts`: the database, Telegram, KIE, the fetcher. */
  readonly openPorts: (onStored: (isAnyWaiting: boolean) => void) => Ports
  readonly catalogSources: readonly { readonly file: string; readonly text: string }[]
  readonly instance: InstanceId
  readonly version: string
  /** Other times than an operator gets, for drills. */
  readonly beatTimes?: BeatTimes
  readonly webhookLookMs?: number
  /** Aborted: what the start waits for ends, and with it the start; the reason is told. Heeded until it has started. */
  readonly signal?: AbortSignal
  readonly clock: Clock
  readonly telemetry: Telemetry
}

/** The world as it runs: in the sandbox, token, key and addresses were made up by the start. */
export type RunningWorld = {
  readonly kind: 'sandbox' | 'live'
  readonly bot: BotId
  /** Where Telegram and KIE reach us; given the port, because the sandbox's world takes any free one. */
  readonly publicUrl: (port: number) => string | undefined
}

/** Parts that health and metrics show, and that stand only when the start has come to them. */
type Parts = {
  webhook?: WebhookKeeper
  polling?: Polling
  selling?: CreditsWatch
  leaderWatch?: LeaderWatch
}

export type Service = {
  readonly port: number
  readonly health: () => { readonly mode: 'active' | 'passive'; readonly ready: boolean }
  /** The way out: resolves when nothing of it is left. */
  stop(reason: string): Promise<void>
}

/** A start that must not go on: what is wrong, and what to do. */
export class StartRefused extends Error {
  override readonly name = 'StartRefused'
}

const ownDutiesEndMs = 2_000

export async function startService(deps: ServiceDeps): Promise<Service> {
  const { clock, telemetry } = deps
  const startedMs = clock.monotonicMs()
  const releasers = new Releasers()
  telemetry.tell('PREFLIGHT_STARTED', {
    version: deps.version,
    instance: deps.instance,
    world: deps.world.kind,
    work: deps.config.work,
  })
  try {
    return await boot(deps, releasers, startedMs)
  } catch (error) {
    const isCalledOff = deps.signal?.aborted === true
    const stopMs = clock.monotonicMs()
    if (isCalledOff) telemetry.tell('SHUTDOWN_STARTED', { reason: String(deps.signal?.reason) })
    await releasers.releaseAll().catch((second: unknown) => telemetry.caught(second, 'giving back'))
    if (isCalledOff) telemetry.tell('SHUTDOWN_DONE', { took_ms: Math.round(clock.monotonicMs() - stopMs) })
    throw error
  }
}

async function boot(deps: ServiceDeps, releasers: Releasers, startedMs: number): Promise<Service> {
  const { config, world, clock, telemetry, instance } = deps
  const times = deps.beatTimes ?? beatTimes
  let isReady = false
  const botMode = config.world.mode
  const parts: Parts = {}
  let activeSince: Instant | undefined

  // What is kept, and the way to the outside.
  const isShared = config.work === 'shared'
  const ports = deps.openPorts((isAnyWaiting) => {
    // Whoever works was offered the lane; a standby rings for the leader, and one of several that work for the one who
    // has the lane in hand.
    if (!isWorking() || (isShared && isAnyWaiting)) void ports.ringStored()
  })
  releasers.add('database', () => ports.end())

  // The port is bound before anything that can take time.
  const figures = createFiguresDuty({ read: ports.readFigures, pool: ports.poolFigures, clock })
  let lifecycle: Lifecycle | undefined
  let membership: Membership | undefined
  const isWorking = (): boolean => lifecycle?.role === 'active' || membership?.works === true
  const health = createHealth({
    role: () => lifecycle?.role ?? 'booting',
    epoch: () => lifecycle?.epoch,
    isReady: () => isReady,
    figures: figures.latest,
    botMode,
    webhook: () => parts.webhook?.figures(),
    polling: () => parts.polling?.figures(),
    selling: () => parts.selling?.figures(),
    nobodyActiveMs: () => parts.leaderWatch?.nobodyForMs() ?? 0,
    instance,
    version: deps.version,
    startedMs,
    activeSince: () => activeSince,
    clock,
  })
  const metrics = createMetrics(telemetry, () => gaugesOf(figures, lifecycle, parts, clock))
  const http = await listen(
    {
      callbackPath: config.kieCallback.path,
      health: health.health,
      liveness: health.liveness,
      canStore: health.canStore,
      metrics: metrics.text,
      ...(config.http.metricsToken === undefined ? {} : { metricsToken: config.http.metricsToken }),
      clock,
      telemetry,
    },
    config.http,
  )
  releasers.add('http', () => http.close())
  telemetry.tell('HTTP_LISTENING', { address: http.address, port: http.port })

  // Preflight: catalog, schema, world, secrets.
  const catalog = readCatalog(deps)
  await checkDatabase(ports, deps)
  const operators = config.operators.map(personId)
  const tellNow = createTellNow({ chat: ports.chat, operators, telemetry })
  await migrate(ports, deps, tellNow)
  heed([judgeWorld(await ports.worldOfSchema(world), world)], telemetry)
  await ports.noteShopSettings(config.shop)
  const secretPath = config.webhook.secretPath ?? (await ports.keptSecret('webhook_path', newSecret))
  const secretToken = config.webhook.secretToken ?? (await ports.keptSecret('webhook_token', newSecret))
  const callbackKey = config.kieCallback.token ?? (await ports.keptSecret('kie_callback', newSecret))
  const keys = createWebhookKeys({
    own: { path: secretPath, token: secretToken },
    known: ports.knownWebhookKeys,
    noteUse: ports.useWebhookKey,
    clock,
    telemetry,
  })
  if (botMode === 'webhook') await checkKeys(keys, telemetry)
  telemetry.tell('PREFLIGHT_OK')

  // Intake.
  const sayWhyNot: FastLaneDeps['sayWhy'] = async (from, why) => {
    const person = from === undefined ? undefined : await ports.readPerson(from)
    return textsFor(person?.language ?? 'ru').preCheckout[why]
  }
  const references = createOrderReferences(callbackKey)
  const intake: IntakeDeps = {
    inbox: ports.inbox,
    handOver: { offer: (lane, arriving) => dispatcher.offer(lane, arriving) },
    fastLane: createFastLane({ readTopUp: ports.readTopUp, sayWhy: sayWhyNot, clock, telemetry }),
    bot: () => world.bot,
    peek: peekUpdate,
    newCid,
    isActive: () => lifecycle?.role === 'active',
    clock,
    telemetry,
  }
  const hmacKey = config.kieCallback.hmacKey
  const ring = createKieCallback({
    makeDue: ports.engine.makeDue,
    orderOf: references.read,
    ...(hmacKey === undefined ? {} : { isSigned: createCallbackSignature(hmacKey, clock) }),
    clock,
    telemetry,
  })

  // Dispatch.
  let botUsername = ''
  const shop = (): Shop => ({
    freeDaily: config.shop.freeDaily,
    starsPerRub: config.shop.starsPerRub,
    botUsername,
    timezone: config.shop.timezone,
    isSellingPaused: selling.isPaused(),
    ...(config.shop.supportTelegram === undefined ? {} : { supportTelegram: config.shop.supportTelegram }),
    ...(config.shop.supportText === undefined ? {} : { supportText: config.shop.supportText }),
  })
  const { store, chat, artifacts, telegram } = ports
  const dayAt = shopDaysIn(config.shop.timezone)
  const selling = createCreditsWatch({
    kie: ports.kie,
    catalog,
    creditsLow: config.kieCreditsLow,
    works: isWorking,
    clock,
    telemetry,
  })
  parts.selling = selling
  const { kie } = selling
  const updates = createHandleUpdate({
    store,
    parse: parseUpdate,
    catalog,
    pricing: () => ({ usdToRub: config.shop.usdToRub, multiplier: config.shop.multiplier }),
    shop,
    dayAt,
    mint: { quote: newQuoteId, order: newOrderId, draft: newDraftId },
    clock,
    telemetry,
  })
  const dispatcher = createDispatcher({ claims: ports.claims, ...updates, clock, telemetry })

  // Errands: generation and delivery.
  const record = createRecordObservation({ store, clock, telemetry })
  const pacing = createPacing({ store, clock })
  const words = createOrderWords({ store, catalog, dayAt, clock })
  const publicUrl = world.publicUrl(http.port)
  const urlOf = (reference: string) => `${publicUrl}/${config.kieCallback.path}/${reference}`
  const handlers: Handlers = {
    ...createSmallErrands({
      store,
      chat,
      artifacts,
      pacing,
      texts: words,
      isPicture: (bytes) => sniffPicture(bytes) !== undefined,
      fileChecked: updates.fileChecked,
      operators,
      clock,
      telemetry,
    }),
    submit_task: createSubmitTask({
      store,
      record,
      kie,
      fetchFile: chat.fetchFile,
      offer: catalog.get,
      buildInput: buildMarketInput,
      sniff: sniffPicture,
      callbackUrl: (order, story) => (publicUrl === undefined ? undefined : urlOf(references.sign(order, story))),
      clock,
      telemetry,
    }),
    watch_task: createWatchTask({
      store,
      record,
      kie,
      offer: catalog.get,
      isOurCallback: (order, url) => references.read(url.split('/').at(-1) ?? '')?.order === order,
      clock,
      telemetry,
    }),
    show_screen: createShowScreen({ store, chat, pacing, clock, telemetry }),
    show_progress: createShowProgress({ store, record, chat, pacing, progressOf: words.progress, clock, telemetry }),
    deliver: createDeliver({ store, record, chat, artifacts, captionOf: words.caption, pacing, clock, telemetry }),
  }
  const runner = createRunner({
    handlers,
    engine: ports.engine,
    ...(isShared ? { turns: ports.turns } : {}),
    // Whoever becomes the leader is the only one who works, but for instances that were told to share the work.
    living: async () => (isShared ? 'all' : await ports.instances.hands('sharing')),
    started: ports.instances.notePool,
    clock,
    telemetry,
  })
  const workDuties: readonly WorkDuty[] = [
    workDuty('dispatch', (permit, signal) => dispatcher.work(permit, signal)),
    workDuty('errands', async (permit, signal) => {
      await pacing.load(permit)
      await runner.work(permit, signal)
    }),
    // What Telegram told another instance to wait for holds for us too.
    ...(isShared ? [workDuty('waits', every<Permit>('waits', 1_000, clock, pacing.load).run)] : []),
  ]

  // How updates arrive: Telegram brings them, or they are asked for. Either is a duty of the leader.
  const arrivals: Readonly<Record<typeof botMode, () => LeaderDuty>> = {
    webhook() {
      parts.webhook = createWebhookKeeper({
        telegram,
        url: `${publicUrl}/webhook/${secretPath}`,
        secretToken,
        noteKeys: keys.use,
        lastAcceptedAt: () => figures.latest()?.inbox.newest,
        note: ports.noteDeed,
        ...(deps.webhookLookMs === undefined ? {} : { lookEveryMs: deps.webhookLookMs }),
        clock,
        telemetry,
      })
      return parts.webhook.duty
    },
    polling() {
      const answerNow = createAnswerNow(telegram.answerPreCheckout)
      parts.polling = createTelegramPolling({
        telegram: {
          deleteWebhook: telegram.deleteWebhook,
          getUpdates: (wait) => telegram.getUpdates({ ...wait, allowedUpdates: wantedUpdates }),
        },
        accept: createTelegramIntake({ ...intake, answerNow }),
        updateIdOf: (body) => peekUpdate(body)?.updateId,
        started: (epoch) => ports.noteDeed('duties_started', epoch),
        clock,
        telemetry,
      })
      return { name: 'polling', run: parts.polling.run }
    },
  }
  const commands = createCommandsKeeper({
    async set() {
      const taken = [
        await telegram.setMyCommands(commandsFor('en')),
        await telegram.setMyCommands(commandsFor('ru'), 'ru'),
      ]
      return taken.every(({ kind }) => kind === 'done')
    },
    clock,
  })

  // What operators are told.
  const shopName = config.instanceOf
  const operatorWatch = createOperatorWatch({
    look: (leads) => ({
      now: clock.now(),
      instance,
      leads,
      webhook: parts.webhook?.figures(),
      polling: parts.polling?.figures(),
      inbox: figures.latest()?.inbox,
      errands: figures.latest()?.errands,
      pool: ports.poolFigures(),
      selling: selling.figures(),
      creditsLow: config.kieCreditsLow,
    }),
    async formerThatDied(epoch) {
      if (epoch <= 1 || lifecycle?.lastEpoch === epoch - 1) return undefined
      if ((await ports.readLeader())?.deeds.released?.epoch === epoch - 1) return undefined
      return lifecycle?.lastHolder === undefined ? {} : { instance: lifecycle.lastHolder }
    },
    readOpen: ports.openCauses,
    store,
    tellNow,
    shop: shopName,
    clock,
    telemetry,
  })
  const leaderWatch = createLeaderWatch({
    role: () => lifecycle?.role ?? 'booting',
    readLeader: ports.readLeader,
    claim: (cause) => {
      const now = clock.now()
      // Only its size makes it be told again.
      return ports.claimCause({ ...cause, since: now, toldAt: now }, instant(0))
    },
    tellNow,
    shop: shopName,
    instance,
    clock,
    telemetry,
  })
  parts.leaderWatch = leaderWatch

  // The leader's duties, and the one door to them.
  const offers = () => catalog.offers
  const sweep = createSweepOrders({ open: ports.openOrders, store, record, offers, clock, telemetry })
  const upkeep = createUpkeep({ sealJournal: ports.sealJournal, pruneInbox: ports.pruneInbox, clock })
  lifecycle = new Lifecycle({
    leadership: ports.leadership,
    leadershipName: { backend: config.lock.backend, key: config.instanceOf },
    duties: [
      ...(isShared ? [] : workDuties),
      arrivals[botMode](),
      commands,
      operatorWatch,
      ...createInstanceWatch({ instances: ports.instances, errands: ports.engine, times, clock, telemetry }),
      ...upkeep,
      every('late orders', 60_000, clock, sweep.passDeadlines),
      every('orders without a job', 600_000, clock, sweep.restoreJobs),
    ],
    onRole: (role) => {
      activeSince = role === 'active' ? clock.now() : undefined
    },
    onGivingBack: (epoch) => ports.noteDeed('released', epoch),
    clock,
    telemetry,
  })

  membership = new Membership({
    instances: ports.instances,
    instance,
    work: config.work,
    role: () => lifecycle?.role ?? 'booting',
    duties: isShared ? workDuties : [],
    times,
    clock,
    telemetry,
  })

  await membership.join()
  releasers.add('membership', () => membership?.leave())
  await figures.refresh()
  http.open({ ...(botMode === 'webhook' ? { webhook: keys } : {}), accept: createTelegramIntake(intake), ring })
  const identity = createIdentity({
    getMe: telegram.getMe,
    known({ username, id, aheadMs }) {
      botUsername = username
      telemetry.tell('BOT_VERIFIED', { username, id })
      if (aheadMs !== undefined) tellFindings([judgeSkew('clock.telegram', "Telegram's", aheadMs)], telemetry)
    },
    failed: (me) => tellFindings([judgeIdentity(me)], telemetry),
    clock,
  })
  const asking = new AbortController()
  const asked = selling.refresh(asking.signal).then((credits) => {
    if (asking.signal.aborted) return
    if (credits.kind === 'done') telemetry.tell('KIE_CREDITS', { credits: credits.value })
    tellFindings([judgeProvider(credits)], telemetry)
  })
  releasers.add('what is asked of KIE', async () => {
    asking.abort()
    await asked
  })
  const own = startDuties(
    [
      figures.duty,
      { name: 'listen', run: (_, signal) => ports.listen(dispatcher.wake, signal), longestPauseMs: 2_000 },
      every<undefined>('connections', 2_000, clock, async () => ports.sweepConnections()),
      ...(botMode === 'webhook'
        ? [every<undefined>('webhook keys', 10_000, clock, async () => void (await keys.refresh()))]
        : []),
      { name: 'credits', run: (_, signal) => selling.watch(signal) },
      leaderWatch.duty,
      identity,
      createWarmUp({
        tasks: [
          { name: 'database', run: ports.warmDatabase },
          { name: 'kie', run: () => asked },
        ],
        budgetMs: config.warmUpMs,
        clock,
        telemetry,
      }),
    ],
    undefined,
    { clock, telemetry },
  )
  // They only look and listen: nobody loses anything by what a silent database keeps them from.
  releasers.add('own duties', () => own.stop(ownDutiesEndMs))
  isReady = true
  lifecycle.start()
  releasers.add('leadership', async () => void (await Promise.all([lifecycle?.stop(), membership?.endWork()])))
  telemetry.tell('READY', { took_ms: Math.round(clock.monotonicMs() - startedMs) })

  let stopped: Promise<void> | undefined
  return {
    port: http.port,
    health: health.health,
    stop(reason) {
      stopped ??= (async () => {
        const stopMs = clock.monotonicMs()
        telemetry.tell('SHUTDOWN_STARTED', { reason })
        await releasers.releaseAll()
        telemetry.tell('SHUTDOWN_DONE', { took_ms: Math.round(clock.monotonicMs() - stopMs) })
      })()
      return stopped
    },
  }
}

function readCatalog({ catalogSources, clock, telemetry }: ServiceDeps): Catalog {
  const started = clock.monotonicMs()
  const compiled = compileCatalog(catalogSources)
  if (!compiled.ok) {
    const lines = compiled.problems.map(({ file, line, field, message }) => `${file}:${line} ${field}: ${message}`)
    throw new StartRefused(`The catalog is wrong:\n${lines.join('\n')}`)
  }
  const tookMs = Math.round(clock.monotonicMs() - started)
  telemetry.tell('CATALOG_READY', { offers: compiled.catalog.offers.length, took_ms: tookMs })
  telemetry.tell('MENU_READY', { screens: screenCount, took_ms: 0 })
  return compiled.catalog
}

async function migrate(
  ports: Ports,
  { config, signal, clock, telemetry }: ServiceDeps,
  tellNow: (text: string) => Promise<void>,
): Promise<void> {
  const migrated = await ports.migrate(signal)
  if (migrated.kind === 'ready') {
    if (migrated.from !== migrated.to) telemetry.tell('MIGRATED', { from: migrated.from, to: migrated.to })
    return
  }
  const { schema, oldest, program } = migrated
  telemetry.tell('MIGRATIONS_REFUSED', { schema, program, oldest })
  const says = sentenceOf(judgeSchema({ applied: schema, oldestProgram: oldest }, '', program))
  const cause = { key: 'migrations_refused', says, size: 1, since: clock.now(), toldAt: clock.now() } as const
  // Whoever runs this starts it again and again; the operators hear of it once an hour.
  const mine = await ports.claimCause(cause, after(clock.now(), -refusedAgainMs)).catch(() => false)
  if (mine) await tellNow(textOf(config.instanceOf, { ...cause, run: 'trt doctor' }))
  throw new StartRefused(says)
}

/** Instances with different secrets serve, each for the other; but one of them is probably set up wrong. */
async function checkKeys(keys: WebhookKeys, telemetry: Telemetry): Promise<void> {
  if ((await keys.refresh()) === 'ours_or_none') return
  const says = 'Telegram was last given another path or secret token than this instance has'
  const todo = 'nothing after a change, the former ones are taken for 24 hours; else give all instances the same'
  tellFindings([warning('webhook.secrets', says, todo)], telemetry)
}

/** Before anything is written: whether this database can be worked with at all. */
async function checkDatabase(ports: Ports, { config, signal, telemetry }: ServiceDeps): Promise<void> {
  let facts: DatabaseFacts
  try {
    facts = await ports.lookAtDatabase(signal)
  } catch (error) {
    return heed([judgeDatabaseFault(error)], telemetry)
  }
  heed(judgeDatabase(facts, config.dbMaxConn), telemetry)
}

/** What is doubtful is told; what cannot work stops the start, with every reason at once. */
function heed(findings: readonly Finding[], telemetry: Telemetry): void {
  const wrong = findings.filter(({ state }) => state === 'failed')
  if (wrong.length > 0) throw new StartRefused(wrong.map(sentenceOf).join('\n'))
  tellFindings(findings, telemetry)
}

function tellFindings(findings: readonly Finding[], telemetry: Telemetry): void {
  for (const { check, state, says, todo } of findings) {
    if (state !== 'ok') telemetry.tell('PREFLIGHT_FINDING', { check, problem: says, todo })
  }
}

function gaugesOf(
  figures: ReturnType<typeof createFiguresDuty>,
  lifecycle: Lifecycle | undefined,
  { webhook, selling }: Parts,
  clock: Clock,
) {
  const hook = webhook?.figures()
  const credits = selling?.figures().credits
  const kept = figures.latest()
  const ageS = (at: number | undefined) => (at === undefined ? 0 : Math.max(0, (clock.now() - at) / 1000))
  return {
    isActive: lifecycle?.role === 'active',
    epoch: lifecycle?.epoch,
    webhookVerified: hook?.verifiedAt !== undefined,
    webhookPending: hook?.pending,
    inbox: { pending: kept?.inbox.pending ?? 0, oldestS: ageS(kept?.inbox.oldest), shelved: kept?.inbox.shelved ?? 0 },
    errands: {
      pendingByKind: kept?.errands.pendingByKind ?? new Map<string, number>(),
      oldestS: ageS(kept?.errands.oldest),
      shelved: kept?.errands.shelved ?? 0,
    },
    pool: { inUse: kept?.pool.inUse ?? 0, idle: kept?.pool.idle ?? 0, waiting: kept?.pool.waiting ?? 0 },
    kieCredits: credits === undefined ? undefined : Number(credits),
  }
}
