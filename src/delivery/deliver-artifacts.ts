import type { View } from '../conversation/view.ts'
import type { ErrandContext, Settled } from '../errands/runner.ts'
import { after, type Clock } from '../kit/clock.ts'
import type { ChatId, OrderId } from '../kit/ids.ts'
import { pauseAfter, repeatsWithin } from '../kit/pauses.ts'
import { unreachable } from '../kit/unreachable.ts'
import type { Observation } from '../orders/decide.ts'
import type { Delivered, Order, Produced } from '../orders/order.ts'
import type { Recorded } from '../orders/record-observation.ts'
import type { Permit } from '../permit.ts'
import type { Store } from '../store.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { type ArtifactFile, type ArtifactSource, bestForm } from './artifact-source.ts'
import type { ChatGateway, ChatNo } from './chat-gateway.ts'
import type { Pacing } from './pacing.ts'
import { reasonCode } from './show-screen.ts'
import { copiesMax } from './unconfirmed.ts'

/**
 * Brings what KIE made to the person: each artifact is fetched, sent in the best form Telegram takes, and recorded.
 * The first recorded one captures the price. A send with an unknown outcome is repeated rather than lost: the person
 * may see it twice, and pays once.
 */
export type DeliverDeps = {
  readonly store: Store
  readonly record: (permit: Permit, order: OrderId, seen: Observation) => Promise<Recorded | undefined>
  readonly chat: Pick<ChatGateway, 'sendFile' | 'sendAgain' | 'sayBusy'>
  readonly artifacts: ArtifactSource
  readonly captionOf: (permit: Permit, order: Order) => Promise<View>
  readonly pacing: Pacing
  readonly random: () => number
  readonly clock: Clock
  readonly telemetry: Telemetry
}

/** A dead link or a broken file is asked for a few times more, in case its host is not ready yet. */
const hopelessFile = { patienceMs: 10_000, pauseMs: 5_000 }
/** A host that does not answer is asked for hours, ever more rarely: the file was made and is worth the wait. */
const unreachableFileMs = 6 * 3600 * 1000
/** Uploads that nobody confirmed are told, and from then on they rest for so long at first and at most. */
const firstRestMs = 5 * 60_000
const longestRestMs = 6 * 3600 * 1000
/** Somebody who blocked the bot is tried again now and then; after a week the file counts as delivered. */
const blockedPauseMs = 6 * 3600 * 1000
const keptMs = 7 * 24 * 3600 * 1000

export function createDeliver(deps: DeliverDeps) {
  const { store, record, chat: gateway, artifacts, captionOf, pacing, random, clock, telemetry } = deps

  return async function deliver(
    { order: id, chat }: { readonly order: OrderId; readonly chat: ChatId },
    context: ErrandContext,
  ): Promise<Settled> {
    const { permit } = context
    let { repeats } = context
    let order = await store.transact(permit, (tx) => tx.orders.get(id))
    while (order !== undefined && isProduced(order)) {
      const index = nextIndex(order)
      if (index === undefined) return 'settled'
      const held = pacing.hold(chat, repeats)
      if (held !== undefined) return held
      const sent = await bring({ permit, chat, repeats }, order, index)
      if (sent.kind !== 'brought') return sent.settled
      order = sent.order
      repeats = 0
    }
    return 'settled'
  }

  async function bring(run: Run, order: Order & Produced, index: number): Promise<Brought> {
    const { permit, chat, repeats } = run
    const url = order.artifacts[index]
    if (url === undefined) return notNow('settled')
    const fetched = await artifacts.fetch(url)
    if (fetched.kind !== 'done') {
      const why = fetched.kind === 'not_done' ? `${fetched.why}: ${fetched.detail}` : fetched.detail
      tellNotDelivered(order, 'DOWNSTREAM_ERROR', why)
      const hopeless = fetched.kind === 'not_done' && fetched.retry.when === 'never'
      return await giveUpOrAgain(run, order, hopeless)
    }
    await gateway.sayBusy(chat, 'upload_photo')
    if (!permit.isFresh()) return notNow({ againAt: clock.now(), repeats })
    return await send(run, order, index, fetched.value)
  }

  async function send(run: Run, order: Order & Produced, index: number, file: ArtifactFile): Promise<Brought> {
    const { permit, chat } = run
    const isLast = index === order.artifacts.length - 1
    const caption: View = isLast ? await captionOf(permit, order) : { screen: 'result', text: [], keyboard: [] }
    const form = bestForm(file)
    const name = `${order.id}-${index + 1}.${file.mime.split('/')[1] ?? 'bin'}`
    const upload = { bytes: file.bytes, mime: file.mime, name }
    let outcome = await gateway.sendFile(chat, upload, form, caption)
    if (outcome.kind === 'not_done' && outcome.why === 'not_a_photo' && form === 'photo') {
      outcome = await gateway.sendFile(chat, upload, 'document', caption)
    }
    switch (outcome.kind) {
      case 'done': {
        const { file: fileId, as, message } = outcome.value
        const artifact: Delivered = { index, file: fileId, as, message }
        telemetry.tell('RESULT_DELIVERED', {
          cid: order.cid,
          order_id: order.id,
          message_id: message,
          ...(order.status === 'released' ? { gift: true } : {}),
        })
        const recorded = await record(permit, order.id, { type: 'artifact_delivered', artifact, at: clock.now() })
        return { kind: 'brought', order: recorded?.order }
      }
      case 'unknown':
        tellNotDelivered(order, 'DOWNSTREAM_TIMEOUT', outcome.detail)
        return notNow(await againOrRest(run, order, outcome.detail))
      case 'not_done':
        tellNotDelivered(order, reasonCode(outcome.why), outcome.detail)
        return await refused(run, order, outcome)
      default:
        return unreachable(outcome, 'deliver')
    }
  }

  /** Telegram may have shown each of them: after a few it is told once, and the next ones are long in coming. */
  async function againOrRest({ permit, repeats }: Run, order: Order, detail: string): Promise<Settled> {
    const calls = repeats + 1
    if (calls < copiesMax) return pacing.again(repeats)
    if (calls === copiesMax) {
      telemetry.tell('RESULT_UNCONFIRMED', { cid: order.cid, order_id: order.id, calls, detail })
      const what = `⚠️ RESULT_UNCONFIRMED\nThe result of order ${order.id} was sent ${calls} times and Telegram confirmed none. It is sent again now and then; nothing is charged until then.\nRun: trt story ${order.cid}`
      await store.transact(permit, (tx) =>
        tx.errands.add([{ errand: { kind: 'tell_operator', what }, cid: order.cid }]),
      )
    }
    const restMs = Math.min(longestRestMs, firstRestMs * 2 ** (calls - copiesMax))
    return { againAt: after(clock.now(), restMs) }
  }

  async function refused(
    { permit, chat, repeats }: Run,
    order: Order & Produced,
    no: Extract<Awaited<ReturnType<ChatGateway['sendFile']>>, { kind: 'not_done' }>,
  ): Promise<Brought> {
    if (isAway(no.why)) {
      if (clock.now() - order.producedAt < keptMs)
        return notNow({ againAt: after(clock.now(), blockedPauseMs), repeats })
      await record(permit, order.id, { type: 'delivery_kept_too_long', at: clock.now() })
      return notNow('settled')
    }
    if (no.retry.when === 'later') return notNow(await pacing.after(permit, chat, no, repeats))
    return await giveUpOrAgain({ permit, chat, repeats }, order, true)
  }

  async function giveUpOrAgain({ permit, repeats }: Run, order: Order & Produced, hopeless: boolean): Promise<Brought> {
    const ageMs = clock.now() - order.producedAt
    const pauseMs = hopeless ? hopelessFile.pauseMs : pauseAfter(repeatsWithin(ageMs), random)
    const isWorthIt = ageMs < (hopeless ? hopelessFile.patienceMs : unreachableFileMs)
    // No upload was made: their count stays.
    if (isWorthIt) return notNow({ againAt: after(clock.now(), pauseMs), repeats })
    await record(permit, order.id, { type: 'undeliverable', at: clock.now() })
    return notNow('settled')
  }

  function tellNotDelivered(order: Order, reason: string, detail: string): void {
    telemetry.tell('RESULT_NOT_DELIVERED', { cid: order.cid, order_id: order.id, reason_code: reason, detail })
  }
}

/** `repeats` counts the uploads of the present artifact that nobody confirmed. */
type Run = { readonly permit: Permit; readonly chat: ChatId; readonly repeats: number }
type Brought =
  | { readonly kind: 'brought'; readonly order: Order | undefined }
  | { readonly kind: 'not_now'; readonly settled: Settled }
const notNow = (settled: Settled): Brought => ({ kind: 'not_now', settled })

const isAway = (why: ChatNo): boolean => why === 'blocked' || why === 'no_chat'

function isProduced(order: Order): order is Order & Produced {
  if (order.status === 'released') return order.gift !== 'none' && order.artifacts !== undefined
  return order.status === 'delivering' || order.status === 'completed'
}

function nextIndex(order: Order & Produced): number | undefined {
  const delivered = new Set(order.delivered.map((each) => each.index))
  const next = order.artifacts.findIndex((_, index) => !delivered.has(index))
  return next === -1 ? undefined : next
}
