import type { ResultsGuard } from '../delivery/results-guard.ts'
import type { TelegramBreaker } from '../delivery/telegram-breaker.ts'
import type { UploadsGuard } from '../generation/uploads-guard.ts'
import { createFiguresDuty } from '../health/figures.ts'
import { createHealth } from '../health/health.ts'
import { createStoreWatch } from '../health/store-watch.ts'
import { instant } from '../kit/clock.ts'
import { chatOfPerson } from '../kit/ids.ts'
import type { Releasers } from '../kit/releasers.ts'
import { untilAborted } from '../kit/wait.ts'
import { type Duty, every, type LeaderDuty, startDuties } from '../lifecycle/duties.ts'
import { createLeaderWatch } from '../lifecycle/leader-watch.ts'
import { createOperatorWatch } from '../operators/operator-watch.ts'
import type { WatchPorts } from '../ports.ts'
import { createIdentity } from '../preflight/identity.ts'
import { judgeFileHosts, judgeIdentity, judgeOperator, judgeProvider, judgeSkew } from '../preflight/preflight.ts'
import { createWarmUp } from '../preflight/warm-up.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { type Booted, tellFindings } from './boot.ts'
import { roleOf, type ServiceDeps, type Standing } from './deps.ts'

/** What looks at the service and changes nothing: probes and metrics, the operators' alerts, and what an instance asks beside its start. */
export type Probes = ReturnType<typeof createProbes>

/** What notices that something outside does not work at all. */
export type Outside = {
  readonly telegram: TelegramBreaker
  readonly results: ResultsGuard
  readonly uploads: UploadsGuard
}

const ownDutiesEndMs = 2_000

export function createProbes(
  { config, instance, version, clock, telemetry }: ServiceDeps,
  ports: WatchPorts,
  outside: Outside,
  standing: Standing,
  startedMs: number,
) {
  const figures = createFiguresDuty({ read: ports.readFigures, pool: ports.poolFigures, clock })
  const stores = createStoreWatch({ tryToStore: ports.tryToStore, clock })
  const health = createHealth({
    role: () => roleOf(standing),
    epoch: () => standing.lifecycle?.epoch,
    isReady: () => standing.isReady,
    figures: figures.latest,
    botMode: config.world.mode,
    webhook: () => standing.webhook?.figures(),
    polling: () => standing.polling?.figures(),
    selling: () => standing.selling?.figures(),
    lossCreditsPerDay: config.lossCreditsPerDay,
    telegram: () => ({ away: outside.telegram.away() }),
    results: outside.results.figures,
    uploads: outside.uploads.figures,
    isRefused: stores.isRefused,
    nobodyActiveMs: () => standing.leaderWatch?.nobodyForMs() ?? 0,
    instance,
    version,
    startedMs,
    activeSince: () => standing.activeSince,
    clock,
  })
  const ageS = (at: number | undefined) => (at === undefined ? 0 : Math.max(0, (clock.now() - at) / 1000))
  const metrics = createMetrics(telemetry, () => {
    const { lifecycle, webhook, selling } = standing
    const hook = webhook?.figures()
    const credits = selling?.figures().credits
    const { inbox, errands, pool } = figures.latest() ?? {}
    return {
      isActive: lifecycle?.role === 'active',
      epoch: lifecycle?.epoch,
      webhookVerified: hook?.verifiedAt !== undefined,
      webhookPending: hook?.pending,
      inbox: { pending: inbox?.pending ?? 0, oldestS: ageS(inbox?.oldest), shelved: inbox?.shelved ?? 0 },
      errands: {
        pendingByKind: errands?.pendingByKind ?? new Map<string, number>(),
        oldestS: ageS(errands?.oldest),
        shelved: errands?.shelved ?? 0,
      },
      pool: { inUse: pool?.inUse ?? 0, idle: pool?.idle ?? 0, waiting: pool?.waiting ?? 0 },
      kieCredits: credits === undefined ? undefined : Number(credits),
    }
  })
  return { figures, stores, health, metrics }
}

/** The operators' alerts: of the leader about the service, of a standby about a service that nobody leads. */
export function createAlerts(
  { config, instance, clock, telemetry }: ServiceDeps,
  ports: WatchPorts,
  outside: Outside,
  { figures }: Probes,
  { tellNow }: Booted,
  standing: Standing,
): LeaderDuty {
  const shop = config.instanceOf
  standing.leaderWatch = createLeaderWatch({
    role: () => roleOf(standing),
    readLeader: ports.readLeader,
    claim: (alert) => {
      const now = clock.now()
      // It is repeated only when its size has grown.
      return ports.claimAlert({ ...alert, since: now, toldAt: now }, instant(0))
    },
    tellNow,
    shop,
    instance,
    clock,
    telemetry,
  })
  return createOperatorWatch({
    look: (leads) => ({
      now: clock.now(),
      instance,
      leads,
      webhook: standing.webhook?.figures(),
      polling: standing.polling?.figures(),
      inbox: figures.latest()?.inbox,
      errands: figures.latest()?.errands,
      pool: ports.poolFigures(),
      selling: standing.selling?.figures() ?? {},
      losses: figures.latest()?.losses,
      lossCreditsPerDay: config.lossCreditsPerDay,
      telegram: { away: outside.telegram.away() },
      results: outside.results.figures(),
      uploads: outside.uploads.figures(),
      creditsLow: config.kieCreditsLow,
    }),
    async formerThatDied(epoch) {
      const { lifecycle } = standing
      if (epoch <= 1 || lifecycle?.lastEpoch === epoch - 1) return undefined
      if ((await ports.readLeader())?.milestones.released?.epoch === epoch - 1) return undefined
      return lifecycle?.lastHolder === undefined ? {} : { instance: lifecycle.lastHolder }
    },
    readOpen: ports.openAlerts,
    store: ports.store,
    tellNow,
    shop,
    clock,
    telemetry,
  })
}

/** What every instance does for itself, whatever its role. */
export function startOwnDuties(
  { config, clock, telemetry }: ServiceDeps,
  ports: WatchPorts,
  outside: Outside,
  { figures, stores }: Probes,
  { keys, operators }: Booted,
  standing: Standing,
  releasers: Releasers,
  wake: () => void,
): void {
  const { selling } = standing
  const asking = new AbortController()
  const asked = selling?.refresh(asking.signal).then((credits) => {
    if (asking.signal.aborted) return
    if (credits.kind === 'done') telemetry.emit('KIE_CREDITS', { credits: credits.value })
    tellFindings([judgeProvider(credits)], telemetry)
  })
  void ports.resolveFileHosts().then((hosts) => {
    if (hosts.length > 0) tellFindings([judgeFileHosts(hosts)], telemetry)
  })
  releasers.add('what is asked of KIE', async () => {
    asking.abort()
    await asked
  })
  const identity = createIdentity({
    getMe: ports.telegram.getMe,
    known({ username, id, aheadMs }) {
      standing.botUsername = username
      telemetry.emit('BOT_VERIFIED', { username, id })
      if (aheadMs !== undefined) tellFindings([judgeSkew('clock.telegram', "Telegram's", aheadMs)], telemetry)
    },
    failed: (me) => tellFindings([judgeIdentity(me)], telemetry),
    clock,
  })
  const warmUp = createWarmUp({
    tasks: [
      { name: 'database', run: ports.warmDatabase },
      { name: 'kie', run: async () => await asked },
    ],
    budgetMs: config.warmUpMs,
    clock,
    telemetry,
  })
  /** Whether the operators can be told anything; they see that the bot is typing, and nothing else. */
  const askOperators = async (_: undefined, signal: AbortSignal) => {
    const asked = operators.map(async (operator) => {
      const finding = judgeOperator(operator, await ports.chat.sayBusy({ chat: chatOfPerson(operator) }, 'typing'))
      if (finding !== undefined && !signal.aborted) tellFindings([finding], telemetry)
    })
    await untilAborted(signal, Promise.all(asked))
  }
  const duties: Duty<undefined>[] = [
    figures.duty,
    stores.duty,
    { name: 'listen', run: (_, signal) => ports.listen(wake, signal), longestPauseMs: 2_000 },
    every('connections', 2_000, clock, async () => ports.sweepConnections()),
    { name: 'telegram', run: (_, signal) => outside.telegram.watch(signal) },
    { name: 'results', run: (_, signal) => outside.results.watch(signal) },
    { name: 'uploads', run: (_, signal) => outside.uploads.watch(signal) },
    identity,
    { name: 'operators', run: askOperators },
    warmUp,
  ]
  if (config.world.mode === 'webhook') {
    // Nobody else writes them.
    const refresh = async () => void (standing.membership?.isAlone || (await keys.refresh()))
    duties.push(every('webhook keys', 10_000, clock, refresh))
  }
  if (selling !== undefined) duties.push({ name: 'credits', run: (_, signal) => selling.watch(signal) })
  if (standing.leaderWatch !== undefined) duties.push(standing.leaderWatch.duty)
  const own = startDuties(duties, undefined, { clock, telemetry })
  // They only look and listen: nothing is lost when a silent database keeps them from ending.
  releasers.add('own duties', () => own.stop(ownDutiesEndMs))
}
