import type { View } from '../conversation/view.ts'
import type { ErrandContext, Settled } from '../errands/runner.ts'
import { after, type Clock } from '../kit/clock.ts'
import { type Destination, destinationOf, type OrderId } from '../kit/ids.ts'
import { pauseAfter, repeatsWithin } from '../kit/pauses.ts'
import { unreachable } from '../kit/unreachable.ts'
import { keptByKieMs } from '../orders/deadlines.ts'
import type { Observation } from '../orders/decide.ts'
import {
  type Artifact,
  isLookedFor,
  isProduced,
  isReceiptDue,
  isSettled,
  type LossReason,
  type Order,
  type ProducedOrder,
  sentOf,
} from '../orders/order.ts'
import type { Recorded } from '../orders/record-observation.ts'
import type { Permit } from '../permit.ts'
import type { Store } from '../store.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { type ArtifactFile, type ArtifactSource, bestForm } from './artifact-source.ts'
import type { ChatGateway, ChatNo } from './chat-gateway.ts'
import type { Pacing } from './pacing.ts'
import type { Refused } from './refused.ts'
import { draw, emitNotShown, reasonCode } from './show-screen.ts'
import { copiesMax, editsMax, emitUnconfirmed } from './unconfirmed.ts'

/**
 * Brings what KIE made to the person. Each artifact is fetched, sent in the best form Telegram takes, and recorded; one
 * that cannot be had now is passed over and looked for again, for as long as KIE keeps it. When the others have been
 * sent the receipt follows, a message of its own, which is edited whenever it is not true any more.
 *
 * A send with an unknown outcome is repeated rather than lost: the person may see it twice, and pays once.
 */
export type DeliverDeps = {
  readonly store: Store
  readonly record: (permit: Permit, order: OrderId, seen: Observation) => Promise<Recorded | undefined>
  readonly chat: Pick<ChatGateway, 'send' | 'edit' | 'sendFile' | 'sayBusy'>
  readonly artifacts: ArtifactSource
  readonly words: {
    readonly receipt: (permit: Permit, order: Order) => Promise<View>
    /** Under an artifact that was found after the money had found its place. */
    readonly lateGift: (permit: Permit, order: Order) => Promise<View>
  }
  readonly pacing: Pacing
  readonly refused: Refused
  readonly random: () => number
  readonly clock: Clock
  readonly telemetry: Telemetry
}

/** Uploads that nobody confirmed are told, and from then on they rest for so long at first and at most. */
const firstRestMs = 5 * 60_000
const longestRestMs = 6 * 3600 * 1000
/** Somebody who blocked the bot is tried again now and then; after a week the file counts as delivered. */
const blockedPauseMs = 6 * 3600 * 1000
const keptMs = 7 * 24 * 3600 * 1000
/** What was given up is looked for after a quarter of the time since then, within these limits. */
const shortestSearchMs = 10 * 60_000
const longestSearchMs = 6 * 3600 * 1000
const plain: View = { screen: 'result', text: [], keyboard: [] }

export function createDeliver(deps: DeliverDeps) {
  const { store, record, chat: gateway, artifacts, words, pacing, refused, random, clock, telemetry } = deps

  return async function deliver(
    { order: id, ...to }: Destination & { readonly order: OrderId },
    { permit, repeats: before }: ErrandContext,
  ): Promise<Settled> {
    const tried = new Set<number>()
    let repeats = before
    let namedMs = 0
    let order = await store.transact(permit, (tx) => tx.orders.get(id))
    while (order !== undefined && isProduced(order)) {
      const index = order.artifacts.findIndex((each, n) => isLookedFor(each) && !tried.has(n))
      const isLeft = index !== -1
      if (!isLeft && !isReceiptDue(order)) return lookAgain(order, namedMs)
      const held = pacing.hold(to.chat, repeats)
      if (held !== undefined) return held
      const run = { permit, to, repeats }
      const step: Step = isLeft ? await bring(run, order, index) : await showReceipt(run, order)
      if (step.kind === 'stopped') return step.settled
      if (isLeft) tried.add(index)
      namedMs = Math.max(namedMs, step.namedMs ?? 0)
      if (step.kind === 'sent') repeats = 0
      order = step.order
    }
    return 'settled'
  }

  async function bring(run: Run, order: ProducedOrder, index: number): Promise<Step> {
    const { permit, to } = run
    const artifact = order.artifacts[index]
    if (artifact === undefined) return stopped('settled')
    const fetched = await artifacts.fetch(artifact.url)
    switch (fetched.kind) {
      case 'done':
        await gateway.sayBusy(to, 'upload_photo')
        if (!permit.isFresh()) return stopped({ againAt: clock.now(), repeats: run.repeats })
        return await send(run, order, index, artifact, fetched.value)
      case 'unknown':
        return await passOver(run, order, index, 'unreachable', fetched.detail)
      case 'not_done': {
        const { why, detail, retry } = fetched
        const reason = why === 'misresolved' ? 'unreachable' : why
        const passed = await passOver(run, order, index, reason, `${why}: ${detail}`)
        return retry.when === 'later' && retry.afterMs !== undefined ? { ...passed, namedMs: retry.afterMs } : passed
      }
      default:
        return unreachable(fetched, 'bring')
    }
  }

  async function send(
    run: Run,
    order: ProducedOrder,
    index: number,
    artifact: Artifact,
    file: ArtifactFile,
  ): Promise<Step> {
    const { permit, to } = run
    const isGift = order.status === 'released' || artifact.state === 'lost'
    // A gift to an order that is over needs a word of its own; one that is on its way has its receipt below.
    const isLate = isGift && order.receipt !== undefined
    const caption = isLate ? await words.lateGift(permit, order) : plain
    const form = bestForm(file)
    const name = `${order.id}-${index + 1}.${file.mime.split('/')[1] ?? 'bin'}`
    const upload = { bytes: file.bytes, mime: file.mime, name }
    let outcome = await gateway.sendFile(to, upload, form, caption)
    if (outcome.kind === 'not_done' && isAboutFile(outcome.why) && form === 'photo') {
      outcome = await gateway.sendFile(to, upload, 'document', caption)
    }
    switch (outcome.kind) {
      case 'done': {
        const { file: fileId, as, message } = outcome.value
        telemetry.emit('RESULT_DELIVERED', {
          cid: order.cid,
          order_id: order.id,
          message_id: message,
          ...(isGift ? { gift: true } : {}),
        })
        const sent = { state: 'sent', file: fileId, as, message } as const
        const recorded = await record(permit, order.id, { type: 'artifact_delivered', index, sent, at: clock.now() })
        return { kind: 'sent', order: recorded?.order }
      }
      case 'unknown':
        emitNotDelivered(order, 'DOWNSTREAM_TIMEOUT', outcome.detail)
        return stopped(await againOrRest(run, order, outcome.detail))
      case 'not_done': {
        const { why, detail, retry } = outcome
        if (isAway(why)) {
          emitNotDelivered(order, reasonCode(why), detail)
          return await awaitPerson(run, order)
        }
        if (retry.when === 'never') {
          // The person hears of it by the receipt, or by the end of the order.
          await refused(permit, outcome, { cid: order.cid, name: 'result', instead: undefined, isResult: true })
          return await passOver(run, order, index, 'refused', detail)
        }
        emitNotDelivered(order, reasonCode(why), detail)
        return stopped(await pacing.after(permit, to.chat, outcome, run.repeats))
      }
      default:
        return unreachable(outcome, 'deliver')
    }
  }

  /** This one is not to be had now; the others are not kept waiting for it. */
  async function passOver(
    { permit }: Run,
    order: ProducedOrder,
    index: number,
    reason: LossReason,
    detail: string,
  ): Promise<Extract<Step, { kind: 'passed' }>> {
    emitNotDelivered(order, 'DOWNSTREAM_ERROR', detail)
    const recorded = await record(permit, order.id, {
      type: 'artifact_refused',
      index,
      reason,
      detail,
      at: clock.now(),
    })
    return { kind: 'passed', order: recorded?.order }
  }

  /** Sends the receipt, or edits it. What Telegram definitely refuses is not sent again. */
  async function showReceipt(run: Run, order: ProducedOrder): Promise<Step> {
    const { permit, to, repeats } = run
    const view = await words.receipt(permit, order)
    const spokenOf = { type: 'receipt_shown', sent: sentOf(order).length, isFinal: isSettled(order) } as const
    const before = order.receipt?.message
    const shown = async (message = before): Promise<Step> => {
      const seen = message === undefined ? spokenOf : { ...spokenOf, message }
      return { kind: 'sent', order: (await record(permit, order.id, seen))?.order }
    }
    if (!permit.isFresh()) return stopped({ againAt: clock.now(), repeats })
    const started = clock.monotonicMs()
    const outcome = await draw(gateway, to, before, view)
    switch (outcome.kind) {
      case 'done': {
        const { message } = outcome.value
        const tookMs = Math.round(clock.monotonicMs() - started)
        telemetry.emit('UI_SHOWN', { cid: order.cid, screen_id: view.screen, message_id: message, took_ms: tookMs })
        return await shown(message)
      }
      case 'unknown':
        emitNotShown(telemetry, order.cid, 'DOWNSTREAM_TIMEOUT', view.screen, outcome.detail)
        if (repeats + 1 < (before === undefined ? copiesMax : editsMax)) return stopped(pacing.again(repeats))
        emitUnconfirmed(telemetry, order.cid, view.screen, repeats + 1, outcome.detail)
        return await shown()
      case 'not_done':
        emitNotShown(telemetry, order.cid, reasonCode(outcome.why), view.screen, outcome.detail)
        if (isAway(outcome.why)) return await awaitPerson(run, order)
        if (outcome.retry.when === 'never') {
          await refused(permit, outcome, {
            cid: order.cid,
            name: view.screen,
            instead: { ...destinationOf(to), say: 'words', view },
          })
          return await shown()
        }
        return stopped(await pacing.after(permit, to.chat, outcome, repeats))
      default:
        return unreachable(outcome, 'showReceipt')
    }
  }

  /** When what is missing is looked for again. */
  function lookAgain(order: ProducedOrder, namedMs: number): Settled {
    const now = clock.now()
    const isKept = now - order.producedAt < keptByKieMs
    const pauses = order.artifacts.filter(isLookedFor).map((artifact) => {
      if (artifact.state !== 'lost') return pauseAfter(repeatsWithin(now - refusedAt(artifact, now)), random)
      return Math.min(longestSearchMs, Math.max(shortestSearchMs, (now - artifact.lostAt) / 4))
    })
    if (pauses.length === 0 || !isKept) return 'settled'
    return { againAt: after(now, Math.max(namedMs, Math.round(Math.min(...pauses)))), repeats: 0 }
  }

  /** Telegram may have shown each of them: after a few it is told once, and the next ones are long in coming. */
  async function againOrRest({ permit, repeats }: Run, order: Order, detail: string): Promise<Settled> {
    const calls = repeats + 1
    if (calls < copiesMax) return pacing.again(repeats)
    if (calls === copiesMax) {
      telemetry.emit('RESULT_UNCONFIRMED', { cid: order.cid, order_id: order.id, calls, detail })
      const what = `⚠️ RESULT_UNCONFIRMED\nThe result of order ${order.id} was sent ${calls} times and Telegram confirmed none. It is sent again now and then; nothing is charged until then.\nRun: trt story ${order.cid}`
      await store.transact(permit, (tx) =>
        tx.errands.add([{ errand: { kind: 'tell_operator', what }, cid: order.cid }]),
      )
    }
    const restMs = Math.min(longestRestMs, firstRestMs * 2 ** (calls - copiesMax))
    return { againAt: after(clock.now(), restMs) }
  }

  /** They blocked the bot. After a week what was made is paid, and kept for the day on which they come back. */
  async function awaitPerson({ permit, repeats }: Run, order: ProducedOrder): Promise<Step> {
    if (clock.now() - order.producedAt < keptMs) {
      return stopped({ againAt: after(clock.now(), blockedPauseMs), repeats })
    }
    await record(permit, order.id, { type: 'delivery_kept_too_long', at: clock.now() })
    return stopped('settled')
  }

  function emitNotDelivered(order: Order, reason: string, detail: string): void {
    telemetry.emit('RESULT_NOT_DELIVERED', { cid: order.cid, order_id: order.id, reason_code: reason, detail })
  }
}

/** `repeats` counts the sends of the present message that nobody confirmed. */
type Run = { readonly permit: Permit; readonly to: Destination; readonly repeats: number }
type Step =
  | { readonly kind: 'sent'; readonly order: Order | undefined; readonly namedMs?: number }
  /** `namedMs`: how long the other side asks to be left alone. */
  | { readonly kind: 'passed'; readonly order: Order | undefined; readonly namedMs?: number }
  | { readonly kind: 'stopped'; readonly settled: Settled }
const stopped = (settled: Settled): Step => ({ kind: 'stopped', settled })

const isAway = (why: ChatNo): boolean => why === 'blocked' || why === 'no_chat'
/** Telegram said no to this file in this form. */
const isAboutFile = (why: ChatNo): boolean => why === 'not_a_photo' || why === 'too_big' || why === 'refused'

const refusedAt = (artifact: Artifact, now: number): number =>
  artifact.state === 'waiting' ? (artifact.refusedAt ?? now) : now
