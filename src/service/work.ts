import type { Catalog } from '../catalog/offer.ts'
import type { ArtifactSource } from '../delivery/artifact-source.ts'
import type { ChatGateway } from '../delivery/chat-gateway.ts'
import { createDeliver } from '../delivery/deliver-artifacts.ts'
import { createOrderWords } from '../delivery/order-words.ts'
import type { createPacing } from '../delivery/pacing.ts'
import type { Refused } from '../delivery/refused.ts'
import { createShowProgress } from '../delivery/show-progress.ts'
import type { createShowScreen } from '../delivery/show-screen.ts'
import { createSmallErrands, type Examined, type SmallErrandsDeps } from '../delivery/small-errands.ts'
import type { TellOperator } from '../delivery/tell-operators.ts'
import type { Dispatcher } from '../dispatch/dispatcher.ts'
import { createRunner, type Handlers } from '../errands/runner.ts'
import type { KieGateway } from '../generation/kie-gateway.ts'
import type { OrderReferences } from '../generation/order-reference.ts'
import { createSubmitTask } from '../generation/submit-task.ts'
import { createSweepOrders } from '../generation/sweep-orders.ts'
import { createWatchTask } from '../generation/watch-task.ts'
import { sniffForeign } from '../http/sniff.ts'
import { uprightInput } from '../http/upright.ts'
import { buildMarketInput } from '../kie/families/market.ts'
import { type ChatId, type PersonId, randomFraction } from '../kit/ids.ts'
import type { Turns } from '../kit/turns.ts'
import { every, type LeaderDuty, type WorkDuty, workDuty } from '../lifecycle/duties.ts'
import { shopDaysIn } from '../money/shop-day.ts'
import { createRecordObservation } from '../orders/record-observation.ts'
import type { Permit } from '../permit.ts'
import type { ErrandPorts, RolePorts } from '../ports.ts'
import type { ServiceDeps } from './deps.ts'

type Pacing = ReturnType<typeof createPacing>

/** Background work: a table with one handler for each kind of errand (generation, delivery), and what executes them. */
export function createErrands(
  { config, clock, telemetry }: ServiceDeps,
  ports: ErrandPorts,
  given: {
    readonly catalog: Catalog
    readonly chat: ChatGateway
    readonly artifacts: ArtifactSource
    readonly kie: KieGateway
    readonly pacing: Pacing
    readonly refused: Refused
    /** Turns at a chat, which screens take as well. */
    readonly turns: Turns<ChatId>
    readonly references: OrderReferences
    /** Where KIE calls back; undefined when nothing outside reaches us. */
    readonly callbackBase: string | undefined
    readonly fileChecked: SmallErrandsDeps['fileChecked']
    readonly starRefunds: SmallErrandsDeps['starRefunds']
    readonly operators: readonly PersonId[]
    readonly tellOperator: TellOperator
  },
) {
  const {
    catalog,
    chat,
    artifacts,
    kie,
    pacing,
    refused,
    turns,
    references,
    callbackBase,
    fileChecked,
    starRefunds,
    operators,
    tellOperator,
  } = given
  const { store } = ports
  const dayAt = shopDaysIn(config.shop.timezone)
  const random = randomFraction
  const record = createRecordObservation({ store, clock, telemetry })
  const words = createOrderWords({ store, catalog, dayAt, clock })
  const common = { store, record, clock, telemetry }
  const handlers: Handlers = {
    ...createSmallErrands({
      ...common,
      chat,
      artifacts,
      pacing,
      refused,
      texts: words,
      examine,
      fileChecked,
      starRefunds,
      starTransactions: ports.telegram.getStarTransactions,
      operators,
      tellOperator,
    }),
    submit_task: createSubmitTask({
      ...common,
      kie,
      fetchFile: chat.fetchFile,
      offer: catalog.get,
      buildInput: buildMarketInput,
      upright: uprightInput,
      callbackUrl: (order, story) =>
        callbackBase === undefined ? undefined : `${callbackBase}/${references.sign(order, story)}`,
      random,
    }),
    watch_task: createWatchTask({
      ...common,
      kie,
      offer: catalog.get,
      isOurCallback: (order, url) => references.read(url.split('/').at(-1) ?? '')?.order === order,
    }),
    show_progress: createShowProgress({ ...common, chat, pacing, refused, progressOf: words.progress }),
    deliver: createDeliver({ ...common, chat, artifacts, words, pacing, refused, random }),
  }
  const runner = createRunner({
    handlers,
    engine: ports.engine,
    turns,
    turnsOfInstances: ports.turns,
    clock,
    telemetry,
  })
  const sweep = createSweepOrders({ ...common, open: ports.openOrders, offers: () => catalog.offers })
  const duties: readonly LeaderDuty[] = [
    every('late orders', 60_000, clock, sweep.passDeadlines),
    every('orders without a job', 600_000, clock, sweep.restoreJobs),
  ]
  return { runner, duties }
}

/** What an instance does while it works: handles updates, shows what was not shown, executes errands. */
export function createWorkDuties(
  { config, clock }: ServiceDeps,
  { instances }: Pick<RolePorts, 'instances'>,
  given: {
    readonly dispatcher: Dispatcher
    readonly screens: ReturnType<typeof createShowScreen>
    readonly pacing: Pacing
    readonly runner: ReturnType<typeof createRunner>
  },
): readonly WorkDuty[] {
  const { dispatcher, screens, pacing, runner } = given
  const isShared = config.work === 'shared'
  return [
    workDuty('dispatch', async (permit, signal) => {
      await instances.freeLanes()
      await dispatcher.work(permit, signal)
      // The last steps may have begun to show something after the duty below had ended.
      await screens.settled()
    }),
    workDuty('screens', (permit, signal) => screens.showDue(permit, !isShared, signal)),
    workDuty('errands', async (permit, signal) => {
      await pacing.load(permit)
      await runner.work(permit, signal)
    }),
    // What Telegram told another instance to wait for holds for us too.
    ...(isShared ? [workDuty('waits', every<Permit>('waits', 1_000, clock, pacing.load).run)] : []),
  ]
}

/** What a person sent, by its bytes. */
async function examine(bytes: Uint8Array): Promise<Examined> {
  const picture = await uprightInput(bytes)
  if (picture === undefined) return { verdict: sniffForeign(bytes) ?? 'not_a_picture' }
  return { verdict: 'picture', bytes: picture.bytes.length, width: picture.width, height: picture.height }
}
