import type { Shop } from './conversation/screen.ts'
import { createPacing } from './delivery/pacing.ts'
import { createRefused } from './delivery/refused.ts'
import { createResultsGuard } from './delivery/results-guard.ts'
import { createShowScreen } from './delivery/show-screen.ts'
import { createTelegramBreaker } from './delivery/telegram-breaker.ts'
import { createWatchedChat } from './delivery/watched-chat.ts'
import { createArrive } from './dispatch/arrive.ts'
import { createDispatcher } from './dispatch/dispatcher.ts'
import { createHandleUpdate } from './dispatch/handle-update.ts'
import { createStarRefunds } from './dispatch/refund-stars.ts'
import { createCreditsWatch } from './generation/credits-watch.ts'
import { createUploadsGuard } from './generation/uploads-guard.ts'
import { createUpkeep } from './health/upkeep.ts'
import { listen } from './http/server.ts'
import { createAnswerNow } from './intake/telegram-polling.ts'
import { createTelegramIntake } from './intake/telegram-webhook.ts'
import { type ChatId, newDraftId, newOrderId, newQuoteId, randomFraction } from './kit/ids.ts'
import { Releasers } from './kit/releasers.ts'
import { createTurns } from './kit/turns.ts'
import { startDuties } from './lifecycle/duties.ts'
import { createInstanceWatch } from './lifecycle/instance-watch.ts'
import { Lifecycle } from './lifecycle/lifecycle.ts'
import { beatTimes, Membership } from './lifecycle/membership.ts'
import { shopDaysIn } from './money/shop-day.ts'
import { createUnheardAlertsDuty } from './operators/unheard-alerts.ts'
import { createArrivals, createIntake } from './service/arrivals.ts'
import { boot } from './service/boot.ts'
import { isWorking, type ServiceDeps, type Standing } from './service/deps.ts'
import { createAlerts, createProbes, startOwnDuties } from './service/watch.ts'
import { createErrands, createWorkDuties } from './service/work.ts'
import { parseUpdate } from './telegram/parse-update.ts'

/**
 * MAP: the whole service, put together in the order in which an update travels: intake, dispatch, errands; then the roles
 * and what watches them. Its parts stand in `service/`; nothing else constructs.
 *
 * To follow one tap: `intake/telegram-webhook.ts`, `dispatch/dispatcher.ts`, `dispatch/arrive.ts`, and
 * `delivery/show-screen.ts`, which calls Telegram.
 */
export type Service = {
  readonly port: number
  readonly health: () => { readonly mode: 'active' | 'passive'; readonly ready: boolean }
  /** Resolves when nothing of the service is left. */
  stop(reason: string): Promise<void>
}

export async function startService(deps: ServiceDeps): Promise<Service> {
  const { clock, telemetry } = deps
  const startedMs = clock.monotonicMs()
  const releasers = new Releasers()
  telemetry.emit('PREFLIGHT_STARTED', {
    version: deps.version,
    instance: deps.instance,
    world: deps.world.kind,
    work: deps.config.work,
  })
  try {
    return await start(deps, releasers, startedMs)
  } catch (error) {
    const isCalledOff = deps.signal?.aborted === true
    const stopMs = clock.monotonicMs()
    if (isCalledOff) telemetry.emit('SHUTDOWN_STARTED', { reason: String(deps.signal?.reason) })
    await releasers.releaseAll().catch((second: unknown) => telemetry.caught(second, 'giving back'))
    if (isCalledOff) telemetry.emit('SHUTDOWN_DONE', { took_ms: Math.round(clock.monotonicMs() - stopMs) })
    throw error
  }
}

async function start(deps: ServiceDeps, releasers: Releasers, startedMs: number): Promise<Service> {
  const { config, world, clock, telemetry, instance } = deps
  const times = deps.beatTimes ?? beatTimes
  const isShared = config.work === 'shared'
  const standing: Standing = { isReady: false, botUsername: '' }

  // What is kept, and the way to the outside.
  const ports = deps.openPorts(() => {
    // A standby notifies the leader. Where work is shared, another instance may handle the lane.
    if (!isWorking(standing) || isShared) void ports.notifyStored()
  })
  releasers.add('database', () => ports.end())
  const { store, telegram } = ports
  const breaker = createTelegramBreaker({ probe: telegram.getMe, random: randomFraction, clock, telemetry })
  const chat = createWatchedChat(ports.chat, breaker)
  const results = createResultsGuard({ artifacts: ports.artifacts, random: randomFraction, clock, telemetry })
  const uploads = createUploadsGuard({ kie: ports.kie, random: randomFraction, clock, telemetry })
  const outside = { telegram: breaker, results, uploads }

  // The port is bound before anything that can take time.
  const probes = createProbes(deps, ports, outside, standing, startedMs)
  const { figures, stores, health, metrics } = probes
  const http = await listen(
    {
      callbackPath: config.kieCallback.path,
      ...health,
      metrics: metrics.text,
      ...(config.http.metricsToken === undefined ? {} : { metricsToken: config.http.metricsToken }),
      clock,
      telemetry,
    },
    config.http,
  )
  releasers.add('http', () => http.close())
  telemetry.emit('HTTP_LISTENING', { address: http.address, port: http.port })
  const publicUrl = world.publicUrl(http.port)

  // The checks of the start: catalog, database, schema, world, secrets.
  const booted = await boot(deps, ports, chat)
  const { catalog, keys, operators, tellOperator } = booted

  // Intake.
  const { intake, references, handleCallback } = createIntake(deps, ports, booted, standing, {
    take: stores.watched((received, onStored) => dispatcher.take(received, onStored)),
  })

  // Dispatch: an update is handled, and what it draws is shown.
  const selling = createCreditsWatch({
    kie: uploads.kie,
    catalog,
    creditsLow: config.kieCreditsLow,
    works: () => isWorking(standing),
    clock,
    telemetry,
  })
  standing.selling = selling
  const { usdToRub, multiplier, freeDaily, starsPerRub, timezone, supportTelegram, supportText } = config.shop
  const shop = (): Shop => ({
    freeDaily,
    starsPerRub,
    botUsername: standing.botUsername,
    timezone,
    isSellingPaused: selling.isPaused() || results.figures().away?.pausesSelling === true,
    ...selling.left(),
    ...(supportTelegram === undefined ? {} : { supportTelegram }),
    ...(supportText === undefined ? {} : { supportText }),
  })
  const pacing = createPacing({ store, breaker, random: randomFraction, clock })
  const turns = createTurns<ChatId>()
  const notes = ports.screenNotes
  const refused = createRefused({ store, shop: config.instanceOf, clock, telemetry })
  const screens = createShowScreen({ chat, notes, refused, turns, pacing, random: randomFraction, clock, telemetry })
  const conversing = {
    catalog,
    pricing: () => ({ usdToRub, multiplier }),
    shop,
    dayAt: shopDaysIn(timezone),
    mint: { quote: newQuoteId, order: newOrderId, draft: newDraftId },
    screens,
    parse: parseUpdate,
    clock,
    telemetry,
  }
  const updates = createHandleUpdate({ ...conversing, store })
  const dispatcher = createDispatcher({
    inbox: ports.inbox,
    claims: ports.claims,
    arrive: createArrive({ ...conversing, inbox: ports.inbox, read: ports.arrivals, committed: ports.committed }),
    ...updates,
    isCareful: () => standing.membership?.isCareful ?? true,
    clock,
    telemetry,
  })

  // Errands: generation and delivery.
  const errands = createErrands(deps, ports, {
    catalog,
    chat,
    artifacts: results.artifacts,
    kie: selling.kie,
    pacing,
    refused,
    turns,
    references,
    callbackBase: publicUrl === undefined ? undefined : `${publicUrl}/${config.kieCallback.path}`,
    fileChecked: updates.fileChecked,
    starRefunds: createStarRefunds({ store, clock }),
    operators,
    tellOperator,
  })
  // Roles: the work is done by the leader, or by every instance.
  const work = {
    name: 'work',
    run: async (right: { readonly isFresh: () => boolean }, signal: AbortSignal): Promise<void> =>
      await standing.membership?.work(right.isFresh, signal),
    longestPauseMs: 2_000,
  }
  const newestStoredAt = () => figures.latest()?.inbox.newest
  const lifecycle = new Lifecycle({
    leadership: ports.leadership,
    leadershipName: { backend: config.lock.backend, key: config.instanceOf },
    duties: [
      ...(isShared ? [] : [work]),
      ...createArrivals(deps, ports, booted, standing, { intake, publicUrl, newestStoredAt }),
      createAlerts(deps, ports, outside, probes, booted, standing),
      createUnheardAlertsDuty({ areThere: ports.areThereUnheardAlerts, operators, store, clock }),
      ...createInstanceWatch({
        instances: ports.instances,
        isAlone: () => standing.membership?.isAlone ?? false,
        errands: ports.engine,
        times,
        clock,
        telemetry,
      }),
      ...createUpkeep({ sealJournal: ports.sealJournal, pruneInbox: ports.pruneInbox, clock }),
      ...errands.duties,
    ],
    onRole: (role) => {
      standing.activeSince = role === 'active' ? clock.now() : undefined
    },
    onGivingBack: (epoch) => ports.noteMilestone('released', epoch),
    clock,
    telemetry,
  })
  standing.lifecycle = lifecycle
  const membership = new Membership({
    instances: ports.instances,
    instance,
    work: config.work,
    role: () => lifecycle.role,
    duties: createWorkDuties(deps, ports, { dispatcher, screens, pacing, runner: errands.runner }),
    times,
    clock,
    telemetry,
  })
  standing.membership = membership

  // Everything stands: the doors open, and the leadership is asked for.
  await membership.join()
  releasers.add('membership', () => membership.leave())
  await figures.refresh()
  const accept = createTelegramIntake({
    ...intake,
    ...(config.isPreCheckoutCalled ? { answerNow: createAnswerNow(telegram.answerPreCheckout) } : {}),
  })
  http.open({ ...(config.world.mode === 'webhook' ? { webhook: keys } : {}), accept, handleCallback })
  startOwnDuties(deps, ports, outside, probes, booted, standing, releasers, dispatcher.wake)
  standing.isReady = true
  lifecycle.start()
  releasers.add('leadership', () => lifecycle.stop())
  if (isShared) {
    const shared = startDuties([work], { isFresh: () => true }, { clock, telemetry })
    releasers.add('shared work', () => shared.stop())
  }
  telemetry.emit('READY', { took_ms: Math.round(clock.monotonicMs() - startedMs) })

  let stopped: Promise<void> | undefined
  return {
    port: http.port,
    health: health.health,
    stop(reason) {
      stopped ??= (async () => {
        const stopMs = clock.monotonicMs()
        telemetry.emit('SHUTDOWN_STARTED', { reason })
        await releasers.releaseAll()
        telemetry.emit('SHUTDOWN_DONE', { took_ms: Math.round(clock.monotonicMs() - stopMs) })
      })()
      return stopped
    },
  }
}
